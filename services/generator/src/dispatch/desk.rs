//! The one task that decides.

mod ends;
mod grants;
mod under_way;

pub(super) use grants::{grant, scopes};
pub(super) use under_way::{Active, UnderWay};

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Entry, Followed};
use domain::{Code, Event, GenerationId, Hold, OnDuplicate, ProviderParked, ProviderResumed};
use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::task::{self, JoinSet};
use tokio::time::{self, Instant, MissedTickBehavior};
use tracing::{error, info, warn};

use super::Inbox;
use super::commands::{Pending, Question};
use super::doubt::{Doubtful, Verdict};
use super::known::{Facts, Known};
use super::repeats::{Repeat, Repeats, Resolved};
use super::takeover::Notes;
use super::wake::What;
use crate::Config;
use crate::attempt::{Beginning, Buyer, End};
use crate::books::{Books, Call};
use crate::ceiling::Ceiling;
use crate::gate::Gate;
use crate::line::{Line, Ticket};
use crate::metrics;

/// The most that wait in memory. What comes after them waits in the ledger.
const MOST: usize = 250_000;
/// Beginnings that are kept at hand; others are read again when their turn comes.
const AT_HAND: usize = 256;
/// How often time itself is looked at.
const TICK: Duration = Duration::from_millis(250);
/// How soon a deadline is looked at again that passed during an attempt.
const BUSY: SignedDuration = SignedDuration::from_secs(1);

/// Everything the dispatcher knows.
pub(super) struct Desk {
    pub(super) bus: Bus,
    pub(super) config: Arc<Config>,
    pub(super) buyer: Buyer,
    /// What is told of the account and its budgets, in this order. It grows with what people change
    /// and with what the provider holds back, not with requests, so it needs no bound.
    pub(super) notices: mpsc::UnboundedSender<Event>,
    /// What is let in from now on.
    pub(super) news: BoxStream<'static, Followed>,
    pub(super) line: Line,
    pub(super) ceiling: Ceiling,
    pub(super) gate: Gate,
    pub(super) held_since: Option<Timestamp>,
    pub(super) books: Books,
    pub(super) active: UnderWay,
    pub(super) doubtful: HashMap<GenerationId, Doubtful>,
    /// The places of what was given up in doubt, and until when: the provider may be at work on it.
    pub(super) quarantined: HashMap<GenerationId, (Timestamp, u32)>,
    /// Left alone until a time.
    pub(super) asleep: HashMap<GenerationId, (Timestamp, Ticket)>,
    /// Waiting for what becomes of an earlier one.
    pub(super) joined: HashMap<GenerationId, Joined>,
    /// Those that were tried before: their ledger has more than a beginning.
    pub(super) tried: HashMap<GenerationId, Tried>,
    pub(super) at_hand: HashMap<GenerationId, Arc<Beginning>>,
    pub(super) repeats: Repeats,
    /// Which earlier one a request repeats that is bought all the same.
    pub(super) repeated: HashMap<GenerationId, GenerationId>,
    pub(super) deadlines: BinaryHeap<Reverse<(Timestamp, GenerationId)>>,
    pub(super) tasks: JoinSet<Done>,
    /// Whose attempt a task is, for one that panics.
    pub(super) owners: HashMap<task::Id, GenerationId>,
    pub(super) pending: HashMap<GenerationId, Pending>,
    /// Entries that cannot be read and are not put aside yet.
    pub(super) unreadable: BTreeSet<u64>,
    pub(super) notes: Notes,
}

/// What was tried before.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tried {
    pub(super) attempts: u32,
    pub(super) failures: u32,
    /// The attempt that may have been billed although it is tried again, or was.
    pub(super) doubted: Option<u32>,
}

/// A request that is not to be bought twice.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) ticket: Ticket,
    pub(super) repeat: Repeat,
    pub(super) facts: Facts,
}

/// What a task came to.
pub(super) enum Done {
    Attempt(GenerationId, End),
    /// Read while that call was under way, or none: if it is another one by now, this is old.
    Looked(GenerationId, Option<Call>, Option<Known>),
    /// The provider names an earlier attempt of what waits to be tried again.
    TurnsUp(GenerationId, u32, Arc<str>, String),
    Resolved(GenerationId, Resolved),
    Read(Question, Vec<Entry>),
    PutAside(u64),
    Nothing,
}

impl Desk {
    /// Decides until the lease is lost or we are stopping, then sees to its end what is under way and
    /// takes notes for whoever comes next. That can take as long as a call that is answered with
    /// images; who only asks for what the provider has, and may be followed by anybody, leaves at once.
    pub(super) async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Inbox>,
        mut verdicts: mpsc::Receiver<Verdict>,
    ) -> Result<(), bus::Error> {
        let lost = self.buyer.lease.lost.clone();
        let mut tick = time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.buyer.lease.held() {
            self.grant();
            self.show();
            tokio::select! {
                () = lost.cancelled() => break,
                Some(done) = self.tasks.join_next_with_id() => self.done(done),
                Some(followed) = self.news.next(), if self.line.len() < MOST => self.heard(followed),
                Some(message) = inbox.recv() => self.told(message).await,
                Some(verdict) = verdicts.recv() => self.judged(verdict),
                _ = tick.tick() => self.tick().await,
            }
        }
        // Whoever is not heard by now is told so, and need not wait for the calls.
        drop(inbox);
        while let Some(done) = self.tasks.join_next_with_id().await {
            self.done(done);
        }
        self.take_notes().await;
        Ok(())
    }

    fn heard(&mut self, followed: Followed) {
        let entry = match followed {
            Followed::Entry(entry) => entry,
            Followed::Unreadable(unreadable) => return self.puts_aside(unreadable),
            Followed::CaughtUp(_) => return,
        };
        self.notes.position = self.notes.position.max(entry.sequence);
        let sequence = entry.sequence;
        if let Some(beginning) = Beginning::of(entry) {
            let id = beginning.accepted.job.id;
            let known = Known::begin(sequence, &beginning.accepted);
            self.arrives(id, known, Some(Arc::new(beginning)));
        }
    }

    /// A request that waits to be bought for the first time.
    pub(super) fn arrives(
        &mut self,
        id: GenerationId,
        known: Known,
        beginning: Option<Arc<Beginning>>,
    ) {
        let Known {
            facts, sequence, ..
        } = known;
        if let Some(deadline) = facts.deadline {
            self.deadlines.push(Reverse((deadline, id)));
        }
        let earlier = self.repeats.claim(facts.wish, id);
        match (facts.on_duplicate, earlier, beginning) {
            (OnDuplicate::Reuse | OnDuplicate::Reject, earlier, Some(beginning)) => {
                let repeat = Repeat {
                    bus: self.bus.clone(),
                    store: self.buyer.config.store.clone(),
                    beginning,
                    sequence,
                    taken_over_at: self.notes.taken_over_at,
                };
                let ticket = ticket(id, &facts, sequence);
                let joined = Joined {
                    ticket,
                    repeat,
                    facts,
                };
                self.joins(id, joined, earlier);
            }
            (policy, earlier, beginning) => {
                if let (OnDuplicate::Warn, Some(earlier)) = (policy, earlier) {
                    self.repeated.insert(id, earlier);
                }
                if let Some(beginning) = beginning.filter(|_| self.at_hand.len() < AT_HAND) {
                    self.at_hand.insert(id, beginning);
                }
                self.line.push(ticket(id, &facts, sequence));
            }
        }
    }

    fn joins(&mut self, id: GenerationId, joined: Joined, earlier: Option<GenerationId>) {
        let (repeat, lost) = (joined.repeat.clone(), self.buyer.lease.lost.clone());
        self.joined.insert(id, joined);
        self.spawn(id, async move {
            let resolving = async {
                match earlier {
                    Some(earlier) => repeat.follow(earlier).await,
                    None => repeat.look_up().await,
                }
            };
            let resolved = lost.run_until_cancelled(resolving).await;
            Done::Resolved(id, resolved.unwrap_or(Resolved::Left))
        });
    }

    fn resolved(&mut self, id: GenerationId, resolved: Resolved) {
        // It stays among the joined, so that the notes tell the next one of it.
        if resolved == Resolved::Left {
            return;
        }
        // It may have been cancelled meanwhile.
        let Some(joined) = self.joined.remove(&id) else {
            return;
        };
        match resolved {
            Resolved::Told | Resolved::Left => self.repeats.failed(id),
            Resolved::Unheard => self.line.push(joined.ticket),
            Resolved::Failed(earlier) => {
                self.repeats.failed(earlier);
                let earlier = self.repeats.claim(joined.facts.wish, id);
                match earlier {
                    Some(_) => self.joins(id, joined, earlier),
                    None => self.line.push(joined.ticket),
                }
            }
        }
    }

    async fn told(&mut self, message: Inbox) {
        match message {
            Inbox::Question(question) => self.asked(question).await,
            Inbox::Store(closed) => {
                let before = self.gate.hold();
                self.gate.store(closed);
                self.gate_moved(before);
            }
            Inbox::News(news) => {
                // Whoever told may be gone; that is their business.
                match news.what {
                    What::Due(id) => {
                        self.wakes(id);
                        news.heard.send(()).ok();
                    }
                    What::Announced(announced) => self.announced(announced, news.heard),
                }
            }
        }
    }

    /// What was left alone for a while may be tried again, behind the others: if the provider cannot
    /// be reached, each of them finds that out before any of them has no attempt left.
    fn wakes(&mut self, id: GenerationId) {
        if let Some((_, ticket)) = self.asleep.remove(&id) {
            self.line.push(ticket);
        }
    }

    async fn tick(&mut self) {
        let now = Timestamp::now();
        self.books.rolled(now);
        self.act_on_books();
        // The timers wake them; this is for those whose timer was lost.
        let due = |(id, (until, _)): (&GenerationId, &(Timestamp, Ticket))| {
            (*until <= now).then_some(*id)
        };
        let due: Vec<GenerationId> = self.asleep.iter().filter_map(due).collect();
        due.into_iter().for_each(|id| self.wakes(id));
        self.expire(now);
        self.look_at_the_doubtful(now);
        self.quarantined.retain(|_, (until, _)| *until > now);
        if self.notes.are_due() {
            self.take_notes().await;
        }
    }

    /// Ends what has waited beyond its deadline, whatever it waits for.
    fn expire(&mut self, now: Timestamp) {
        let mut busy = Vec::new();
        while let Some(Reverse((deadline, id))) = self.deadlines.peek().copied() {
            if deadline > now {
                break;
            }
            self.deadlines.pop();
            if self.active.get(&id).is_some() {
                busy.push(id);
            } else if let Some(ticket) = self.withdraw(&id) {
                let message =
                    "the deadline passed while the request was waiting; nothing was bought";
                self.start_end(ticket, Code::DeadlineExceeded, message);
            }
        }
        // Nothing may come of what is being tried now, and then it waits again.
        let again = now.saturating_add(BUSY).unwrap_or(Timestamp::MAX);
        let busy = busy.into_iter().map(|id| Reverse((again, id)));
        self.deadlines.extend(busy);
    }

    /// Takes out what waits, wherever it waits.
    pub(super) fn withdraw(&mut self, id: &GenerationId) -> Option<Ticket> {
        let waits = self.line.remove(id);
        if let Some(ticket) = &waits {
            self.books.withdraw(ticket.id, &scopes(ticket));
        }
        let sleeps = || self.asleep.remove(id).map(|(_, ticket)| ticket);
        let waits = waits.or_else(sleeps);
        waits.or_else(|| self.joined.remove(id).map(|joined| joined.ticket))
    }

    fn done(&mut self, done: Result<(task::Id, Done), task::JoinError>) {
        let done = match done {
            Ok((task, done)) => {
                self.owners.remove(&task);
                done
            }
            Err(err) => {
                error!(error = %err, "a task panicked");
                let Some(id) = self.owners.remove(&err.id()) else {
                    return;
                };
                return self.look(id);
            }
        };
        match done {
            Done::Attempt(id, end) => self.ended(id, end),
            Done::Looked(id, then, _) if self.under_way(&id) != then => {}
            Done::Looked(id, _, Some(known)) => self.found(id, known),
            Done::Looked(id, _, None) => warn!(generation = %id, "its ledger has no beginning"),
            Done::TurnsUp(id, attempt, token, name) => self.turns_up(id, attempt, token, name),
            Done::Resolved(id, resolved) => self.resolved(id, resolved),
            Done::Read(question, entries) => self.answer(question, &entries),
            Done::PutAside(sequence) => drop(self.unreadable.remove(&sequence)),
            Done::Nothing => {}
        }
    }

    pub(super) fn spawn(
        &mut self,
        id: GenerationId,
        work: impl Future<Output = Done> + Send + 'static,
    ) {
        let task = self.tasks.spawn(work);
        self.owners.insert(task.id(), id);
    }

    /// Reads anew where a generation stands. Without the lease that is somebody else's to judge.
    pub(super) fn look(&mut self, id: GenerationId) {
        if !self.buyer.lease.held() {
            return;
        }
        let (buyer, then) = (self.buyer.clone(), self.under_way(&id));
        self.spawn(id, async move {
            let entries = buyer.read(id).await;
            Done::Looked(id, then, Known::of(&entries))
        });
    }

    /// The call that is under way for it.
    pub(super) fn under_way(&self, id: &GenerationId) -> Option<Call> {
        self.active.get(id).map(|active| active.call)
    }

    /// Tells everybody when what holds work back has changed.
    pub(super) fn gate_moved(&mut self, before: Option<Hold>) {
        let hold = self.gate.hold();
        if hold == before {
            return;
        }
        let (account, at) = (self.config.account.clone(), Timestamp::now());
        let since = self.held_since.take().unwrap_or(at);
        if let Some(hold) = before {
            info!(%hold, "work goes on");
            self.tell(ProviderResumed {
                account: account.clone(),
                hold,
                since,
                at,
            });
        }
        if let Some((hold, message)) = hold.zip(self.gate.message()) {
            let waiting = self.line.waiting();
            warn!(%hold, jobs = waiting.tickets, "{message}");
            self.held_since = Some(at);
            self.tell(ProviderParked {
                account,
                hold,
                message,
                jobs: waiting.tickets as u64,
                reserved: waiting.reserved,
                at,
            });
        }
        self.notes.changed_much();
    }

    /// Publishes what belongs to no generation, after all that was told before.
    pub(super) fn tell(&self, event: impl Into<Event>) {
        // Nobody listens when the lease is lost: whoever comes next has its own to tell.
        self.notices.send(event.into()).ok();
    }

    /// Places that are taken, or may be.
    pub(super) fn taken(&self) -> u32 {
        let idle = self.doubtful.iter();
        let idle = idle.filter(|(id, _)| self.active.get(id).is_none());
        let doubtful: u32 = idle.map(|(_, doubtful)| doubtful.places()).sum();
        let given_up: u32 = self.quarantined.values().map(|(_, images)| images).sum();
        self.active.images().iter().sum::<u32>() + doubtful + given_up
    }

    fn show(&self) {
        metrics::IN_FLIGHT.set(self.taken().into());
        metrics::WAITING.set(i64::try_from(self.line.len()).unwrap_or(i64::MAX));
        metrics::LIMIT.set(self.ceiling.current(Instant::now().into_std()).into());
        metrics::HELD.set(self.gate.hold().is_some().into());
    }
}

pub(super) fn ticket(id: GenerationId, facts: &Facts, sequence: u64) -> Ticket {
    Ticket {
        id,
        sequence,
        lane: facts.lane,
        payer: facts.payer.clone(),
        images: facts.images,
        reserved: facts.reserved,
        since: std::time::Instant::now(),
    }
}
