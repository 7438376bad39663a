//! Taking over: the notes of the last dispatcher, and what the ledger has to add to them.
//!
//! The notes say how far they go. What began after that is read from the ledger in order; what was
//! under way is named in them and read one by one. Without notes, or with notes that cannot be read,
//! everything is read from the beginning: they save time, and nothing depends on them.

use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use bus::{Bus, Entry, Followed, Unreadable};
use bytes::Bytes;
use domain::{Event, GenerationId, Usd};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use runtime::crash;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{info, warn};

use super::desk::{Desk, UnderWay, scopes, ticket};
use super::known::{ENTRIES, Known, Stand, subject_of};
use super::repeats::Repeats;
use super::unreadable::is_beginning;
use super::{BOOKS, notices};
use crate::Config;
use crate::attempt::{Beginning, Buyer};
use crate::books::{Books, Call, Snapshot};
use crate::ceiling::Ceiling;
use crate::gate::Gate;
use crate::line::{Floors, Line};

/// The form of the notes.
const VERSION: u32 = 1;
/// How often notes are taken while things change.
const EVERY: Duration = Duration::from_secs(15);
/// The most that are named in the notes; beyond them the ledger is read from the first that is not.
const NAMED: usize = 4_000;
/// Ledgers that are read at once.
const AT_ONCE: usize = 64;
/// How long the provider must be quiet before more places are tried than it left us.
const QUIET: Duration = Duration::from_secs(30);

/// What a dispatcher leaves to the next.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    version: u32,
    /// Who wrote them.
    fence: u64,
    /// Calls up to this entry are in the books.
    position: u64,
    /// What is not named has nothing before this entry.
    from: u64,
    /// What was under way.
    named: Vec<String>,
    books: Snapshot,
    /// Why the provider does not serve the account, and since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<(String, String)>,
    /// Until when the provider asked to be left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_until: Option<String>,
}

/// Keeping notes.
#[derive(Debug)]
pub(super) struct Notes {
    /// The last entry that we have heard of.
    pub(super) position: u64,
    /// From which entry on we have heard of everything.
    known_from: u64,
    /// Where the ledger ended when we took over.
    pub(super) taken_over_at: u64,
    revision: u64,
    taken: Instant,
    has_changed: bool,
    has_changed_much: bool,
}

impl Notes {
    pub(super) const fn changed(&mut self) {
        self.has_changed = true;
    }

    /// Not to be learnt anew at the provider's expense.
    pub(super) const fn changed_much(&mut self) {
        (self.has_changed, self.has_changed_much) = (true, true);
    }

    pub(super) fn are_due(&self) -> bool {
        self.has_changed_much || (self.has_changed && self.taken.elapsed() >= EVERY)
    }
}

/// What is read before the desk opens.
struct Replay {
    known: HashMap<GenerationId, Known>,
    beginnings: HashMap<GenerationId, Arc<Beginning>>,
    unreadable: Vec<Unreadable>,
    books: Books,
    position: u64,
}

impl Desk {
    /// Reads where everything stands. None if the lease was lost meanwhile.
    pub(super) async fn take_over(
        bus: Bus,
        config: Arc<Config>,
        buyer: Buyer,
        lease: bus::Lease,
    ) -> Result<Option<Self>, bus::Error> {
        let started = Instant::now();
        let (notes, revision) = read_notes(&bus, &config.account).await?;
        let (written, books) = notes.unzip();
        let (from, position) = written.as_ref().map_or((1, 0), |w| (w.from, w.position));
        let refused = written.as_ref().and_then(|w| w.refused.clone());
        let asked_until = written.as_ref().and_then(|w| w.asked_until.clone());
        let mut replay = Replay {
            known: HashMap::new(),
            beginnings: HashMap::new(),
            unreadable: Vec::new(),
            books: books.unwrap_or_default(),
            position,
        };
        let named = written.map(|written| written.named).unwrap_or_default();
        let named: Vec<GenerationId> = named.iter().filter_map(|id| id.parse().ok()).collect();
        replay.read_named(&buyer, named).await;
        let Some(end) = replay.read_on(&bus, &lease, from).await else {
            return Ok(None);
        };
        replay.close_the_books();
        crash::point("generator.takeover");

        let Replay {
            known,
            beginnings,
            unreadable,
            books,
            ..
        } = replay;
        let limit = config.limit;
        let mut desk = Self {
            news: bus.ledger().follow(&["generation.accepted.*"], end),
            line: Line::new(Floors::default()),
            ceiling: Ceiling::new(limit, config.most, QUIET),
            gate: Gate::default(),
            held_since: None,
            books,
            active: UnderWay::default(),
            doubtful: HashMap::new(),
            quarantined: HashMap::new(),
            asleep: HashMap::new(),
            joined: HashMap::new(),
            tried: HashMap::new(),
            at_hand: HashMap::new(),
            repeats: Repeats::default(),
            repeated: HashMap::new(),
            deadlines: BinaryHeap::new(),
            tasks: JoinSet::new(),
            owners: HashMap::new(),
            pending: HashMap::new(),
            unreadable: BTreeSet::new(),
            notices: notices::publisher(bus.clone(), buyer.lease.lost.clone()),
            notes: Notes {
                position: end,
                known_from: from,
                taken_over_at: end,
                revision,
                taken: Instant::now(),
                has_changed: true,
                has_changed_much: false,
            },
            bus,
            config,
            buyer,
        };
        if let Some((hold, since)) = refused
            && let (Ok(hold), Ok(since)) = (hold.parse(), since.parse())
        {
            let pause = desk.config.pauses.places;
            let asked = asked_until.and_then(|until| until.parse().ok()).map(left);
            desk.gate
                .close(hold, pause, asked, std::time::Instant::now());
            desk.held_since = Some(since);
        }
        desk.read_settings().await?;
        desk.lay_out(known, beginnings);
        for beginning in unreadable {
            desk.puts_aside(beginning);
        }
        // Some may have been cancelled since the notes were taken.
        let line = &desk.line;
        desk.books.keep_waiting(|id| line.get(id).is_some());
        // Whoever was there before has told of them.
        drop(desk.books.take_effects());
        desk.claim_notes().await?;
        info!(
            waiting = desk.line.len(), in_progress = desk.taken(), unknown = desk.doubtful.len(),
            took = ?started.elapsed(), "dispatching"
        );
        Ok(Some(desk))
    }

    /// Puts everything in its place, in the order in which it came.
    fn lay_out(
        &mut self,
        known: HashMap<GenerationId, Known>,
        mut beginnings: HashMap<GenerationId, Arc<Beginning>>,
    ) {
        let mut known: Vec<(GenerationId, Known)> = known.into_iter().collect();
        known.sort_unstable_by_key(|(_, known)| known.began);
        for (id, known) in known {
            match (&known.stand, known.attempts) {
                (Stand::Over { cost }, _) => {
                    if cost.is_none() {
                        self.keep_places(id, &known);
                    }
                    self.repeats.claim(known.facts.wish, id);
                    self.repeats.finished(id);
                }
                (Stand::Open { until: None }, 0) => {
                    self.arrives(id, known, beginnings.remove(&id));
                }
                _ => {
                    self.repeats.claim(known.facts.wish, id);
                    self.found(id, known);
                }
            }
        }
    }

    /// What was given up in doubt a moment ago: the provider may still be at work on it.
    fn keep_places(&mut self, id: GenerationId, known: &Known) {
        let until = known.doubted_at.map(|at| self.quarantine_of(at));
        if let Some(until) = until.filter(|until| *until > Timestamp::now()) {
            self.quarantined.insert(id, (until, known.facts.images));
        }
    }

    /// Makes the notes ours before the first call: from now on the last holder, which may only have
    /// been asleep, cannot write any that do not know of our calls.
    async fn claim_notes(&mut self) -> Result<(), bus::Error> {
        while !self.take_notes().await && self.buyer.lease.held() {
            let key = format!("{NOTES}.{}", self.config.account);
            let written = self.bus.setting_at(BOOKS, &key).await?;
            self.notes.revision = written.map_or(0, |(_, revision)| revision);
        }
        Ok(())
    }

    /// Writes down how things stand, and says whether that succeeded. Without it nothing is lost but
    /// time.
    pub(super) async fn take_notes(&mut self) -> bool {
        // Every call up to here is in the books: it was reserved before it was written.
        let end = match self.bus.ledger().end().await {
            Ok(end) => end,
            Err(err) => {
                warn!(error = &err as &dyn std::error::Error, "no notes taken");
                return false;
            }
        };
        let mut first: Vec<(u64, GenerationId)> = Vec::new();
        for ticket in self.line.tickets() {
            if !self.tried.contains_key(&ticket.id) {
                first.push((ticket.sequence, ticket.id));
            }
        }
        let joined = self.joined.values();
        first.extend(joined.map(|joined| (joined.ticket.sequence, joined.ticket.id)));
        let untried = first.iter().map(|(sequence, _)| *sequence);
        let untried = untried.chain(self.unreadable.first().copied()).min();
        let named = self.tried.keys().chain(self.quarantined.keys());
        let named: Vec<String> = named.map(ToString::to_string).collect();
        let position = self.notes.position;
        // Too many to name: the next one reads further back instead.
        let from = match named.len() > NAMED {
            true => self.notes.known_from,
            false => untried.unwrap_or(position + 1).min(position + 1),
        };
        let written = Written {
            version: VERSION,
            fence: self.buyer.lease.fence,
            position: end,
            from,
            named,
            books: self.books.snapshot(),
            refused: self.gate.refused().map(|hold| {
                let since = self.held_since.unwrap_or_else(Timestamp::now);
                (hold.to_string(), since.to_string())
            }),
            asked_until: self
                .gate
                .asked_until()
                .map(|until| until_of(until).to_string()),
        };
        let key = format!("{NOTES}.{}", self.config.account);
        let Ok(body) = serde_json::to_vec(&written) else {
            return false;
        };
        let set = self
            .bus
            .set_setting(BOOKS, &key, Bytes::from(body), Some(self.notes.revision));
        let taken = set.await;
        let is_taken = taken.is_ok();
        match taken {
            Ok(revision) => self.notes.revision = revision,
            Err(err) => warn!(error = &err as &dyn std::error::Error, "no notes taken"),
        }
        crash::point("generator.after_notes");
        self.notes.taken = Instant::now();
        (self.notes.has_changed, self.notes.has_changed_much) = (false, false);
        is_taken
    }
}

/// The prefix of notes among the books.
const NOTES: &str = "notes";

/// The notes, with the books in them, and their revision; none if any of it cannot be read.
async fn read_notes(
    bus: &Bus,
    account: &str,
) -> Result<(Option<(Written, Books)>, u64), bus::Error> {
    let key = format!("{NOTES}.{account}");
    let Some((value, revision)) = bus.setting_at(BOOKS, &key).await? else {
        return Ok((None, 0));
    };
    let end = bus.ledger().end().await?;
    let notes = open_notes(&value)
        .map_err(|err| warn!(error = %format!("{err:#}"), "notes that cannot be read"));
    // Notes of another ledger, which was created anew since, say nothing about this one.
    let fits = |(written, _): &(Written, Books)| written.position <= end;
    Ok((notes.ok().filter(fits), revision))
}

fn open_notes(value: &[u8]) -> anyhow::Result<(Written, Books)> {
    let written: Written = serde_json::from_slice(value)?;
    let version = written.version;
    ensure!(
        version == VERSION,
        "notes of version {version}, not {VERSION}"
    );
    let books = Books::restore(&written.books)?;
    Ok((written, books))
}

impl Replay {
    /// What was under way, one by one.
    async fn read_named(&mut self, buyer: &Buyer, named: Vec<GenerationId>) {
        let read = stream::iter(named).map(|id| buyer.read(id));
        let mut read = read.buffer_unordered(AT_ONCE);
        while let Some(entries) = read.next().await {
            for entry in &entries {
                self.take(entry);
            }
        }
    }

    /// The ledger from an entry on, to its end; none if the lease is lost on the way.
    async fn read_on(&mut self, bus: &Bus, lease: &bus::Lease, from: u64) -> Option<u64> {
        let mut past = bus.ledger().follow(&ENTRIES, from.saturating_sub(1));
        loop {
            match lease.lost.run_until_cancelled(past.next()).await?? {
                Followed::Entry(entry) => self.take(&entry),
                Followed::Unreadable(unreadable) if is_beginning(&unreadable) => {
                    self.unreadable.push(unreadable);
                }
                Followed::Unreadable(unreadable) => {
                    let (sequence, subject) = (unreadable.sequence, unreadable.subject);
                    warn!(sequence, subject, "an entry that cannot be read");
                }
                Followed::CaughtUp(end) => return Some(end),
            }
        }
    }

    fn take(&mut self, entry: &Entry) {
        let (sequence, event) = (entry.sequence, &entry.event);
        let Some(id) = subject_of(event) else { return };
        if let Event::Accepted(accepted) = event {
            let begun = || Known::begin(sequence, accepted);
            self.known.entry(id).or_insert_with(begun);
            if accepted.job.request.on_duplicate.avoids_buying() {
                let beginning = Beginning::of(entry.clone());
                self.beginnings
                    .extend(beginning.map(|beginning| (id, Arc::new(beginning))));
            }
            return;
        }
        let Some(known) = self.known.get_mut(&id) else {
            return;
        };
        if sequence <= known.sequence {
            return;
        }
        let before = known.stand.clone();
        known.apply(sequence, event);
        let call = Call {
            id,
            attempt: known.attempt,
        };
        match event {
            Event::Calling(calling) if sequence > self.position => {
                let ticket = ticket(id, &known.facts, sequence);
                self.books
                    .record(call, &scopes(&ticket), calling.reserved, calling.at);
            }
            Event::Parked(_) if known.doubted != Some(call.attempt) => self.books.release(call),
            Event::Unknown(_) => self.books.doubt(call),
            _ => {
                if let (Stand::Over { cost }, false) = (&known.stand, is_over(&before)) {
                    self.books
                        .settle(call, cost.unwrap_or(known.facts.reserved));
                    if let Some(attempt) = known.doubted {
                        self.books.write_off(Call { id, attempt });
                    }
                }
            }
        }
    }

    /// What the books have as open, and the ledger has not, was never begun or has ended.
    fn close_the_books(&mut self) {
        self.books.rolled(Timestamp::now());
        for (call, in_doubt) in self.books.open_calls() {
            let known = self.known.get(&call.id);
            let is_open = known.is_some_and(|known| {
                known.attempt == call.attempt && !matches!(known.stand, Stand::Open { .. })
            });
            let is_over = known.is_some_and(|known| is_over(&known.stand));
            if is_over && in_doubt {
                self.books.write_off(call);
            } else if !is_open && !in_doubt {
                self.books.settle(call, Usd::ZERO);
            }
        }
    }
}

/// How long it is until then.
fn left(until: Timestamp) -> Duration {
    let left = until.duration_since(Timestamp::now());
    left.try_into().unwrap_or_default()
}

/// The same in the time of the day, which others can read.
fn until_of(until: std::time::Instant) -> Timestamp {
    let left = until.saturating_duration_since(std::time::Instant::now());
    let now = Timestamp::now();
    now.checked_add(left).unwrap_or(now)
}

const fn is_over(stand: &Stand) -> bool {
    matches!(stand, Stand::Over { .. })
}
