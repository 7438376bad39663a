//! The reader of EVENTS to a chronicle.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::Message;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use futures::stream::{self, Stream, StreamExt};
use tokio::task::coop::unconstrained;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use crate::follow::entry;
use crate::incoming::Raw;
use crate::ledger::stored;
use crate::stage::EVENTS;
use crate::tail::{Place, Start, Tail, Tailed};
use crate::{Bus, Chronicle, Entry, Position, Source, Stage, metrics};

/// Messages written down as one, at the most.
const CHUNK: usize = 256;
/// How long messages are left to gather after a chunk: a commit costs the same for one as for many,
/// and the first one after a silence is taken at once.
const GATHERING: Duration = Duration::from_millis(100);
/// How long writing a chunk may take.
const LIMIT: Duration = Duration::from_secs(60);
/// The longest pause before what failed is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often we look how long EVENTS is.
const LOOK: Duration = Duration::from_secs(5);

/// Reads EVENTS to one chronicle, each entry in its turn and none left out.
#[derive(Debug)]
pub struct Chronicler<C> {
    bus: Bus,
    chronicle: C,
    /// The sequence up to which everything is written down.
    reached: AtomicU64,
}

/// We were told to stop.
struct Stopped;

impl<C: Chronicle> Chronicler<C> {
    /// A reader to `chronicle`.
    pub const fn new(bus: Bus, chronicle: C) -> Self {
        Self {
            bus,
            chronicle,
            reached: AtomicU64::new(0),
        }
    }

    /// Reads until `shutdown`. What goes wrong on the way is logged and tried again.
    pub async fn run(self, shutdown: CancellationToken) {
        while let Ok(from) = self.resume(&shutdown).await {
            let reached = from.map_or(0, |from| from.sequence);
            self.reached.store(reached, Ordering::Relaxed);
            tokio::select! {
                read = self.read(from, &shutdown) => {
                    if let Err(Stopped) = read {
                        return;
                    }
                }
                // A chunk that is being written is written again, or is of an EVENTS that is gone.
                () = self.watch() => {}
            }
        }
    }

    /// The position to go on from; none means from the first entry on.
    async fn resume(&self, shutdown: &CancellationToken) -> Result<Option<Position>, Stopped> {
        let known = self.insist("its position cannot be read", shutdown, || {
            self.chronicle.position()
        });
        if let Some(known) = known.await? {
            let holds = self.insist("EVENTS cannot be read", shutdown, || self.holds(known));
            if holds.await? {
                return Ok(Some(known));
            }
            warn!(
                position = known.sequence,
                "EVENTS was made anew or has lost entries, so all of it is read"
            );
        } else {
            info!("all of EVENTS is read");
        }
        let rewound = self.insist("it cannot be rewound", shutdown, || self.chronicle.rewind());
        rewound.await.map(|()| None)
    }

    /// Hands in what comes after `from`, for as long as it comes from the same EVENTS.
    async fn read(
        &self,
        mut from: Option<Position>,
        shutdown: &CancellationToken,
    ) -> Result<(), Stopped> {
        let after = from.map_or(0, |from| from.sequence);
        let mut chunks = pin!(self.messages(after).ready_chunks(CHUNK));
        let mut opening = 0;
        loop {
            // Unconstrained, because a chunk would end where the scheduler wants its turn.
            let chunk = shutdown.run_until_cancelled(unconstrained(chunks.next()));
            let chunk = chunk.await.flatten().ok_or(Stopped)?;
            let (Some((_, first)), Some((_, last))) = (chunk.first(), chunk.last()) else {
                continue;
            };
            let (last, count) = (*last, chunk.len());
            if last.opening != opening {
                // EVENTS may be another one since, and then this is the middle of it.
                let known = from.unwrap_or(first.position());
                let holds = self.insist("EVENTS cannot be read", shutdown, || self.holds(known));
                if !holds.await? {
                    return Ok(());
                }
                opening = last.opening;
            }
            let (entries, position) = (self.entries(chunk).await, last.position());
            let write = || self.chronicle.write(&entries, position);
            self.insist("not written down", shutdown, write).await?;
            self.reached.store(position.sequence, Ordering::Relaxed);
            from = Some(position);
            let done = metrics::SETTLED.with_label_values(&[Stage::Record.name(), "done"]);
            done.inc_by(count as u64);
            if count < CHUNK {
                shutdown.run_until_cancelled(time::sleep(GATHERING)).await;
            }
        }
    }

    fn messages(&self, after: u64) -> impl Stream<Item = (Message, Place)> + Send + use<C> {
        let everything = vec![">".to_owned()];
        let tail = Tail::new(self.bus.clone(), EVENTS, everything, Start::After(after));
        let tailed = stream::unfold(tail, async |mut tail| Some((tail.next().await, tail)));
        tailed.filter_map(async |tailed| match tailed {
            Tailed::Message(message, place) => Some((message, place)),
            Tailed::CaughtUp(_) => None,
        })
    }

    /// Says how much is left to read, until EVENTS is shorter than what is written down.
    async fn watch(&self) {
        loop {
            // Before the end is asked for, which is not behind it then.
            let reached = self.reached.load(Ordering::Relaxed);
            match self.bus.end_of(EVENTS).await {
                Ok(end) if end < reached => return,
                Ok(end) => {
                    let reached = self.reached.load(Ordering::Relaxed);
                    self.chronicle.lag(end.saturating_sub(reached));
                }
                Err(err) => debug!(error = %err, "how much is left to read is not known"),
            }
            time::sleep(LOOK).await;
        }
    }

    /// Whether EVENTS has at `position` what it had there then. What is deleted since had its time.
    async fn holds(&self, position: Position) -> Result<bool, Source> {
        let events = self.bus.jetstream.get_stream(EVENTS).await?;
        if events.cached_info().state.last_sequence < position.sequence {
            return Ok(false);
        }
        match events.get_raw_message(position.sequence).await {
            Ok(message) => Ok(stored(EVENTS.to_owned(), message)?.stored_at == position.stored_at),
            Err(err) if err.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(true),
            Err(err) => Err(err.into()),
        }
    }

    /// Reads events. What is none is put aside, and the others go on.
    async fn entries(&self, chunk: Vec<(Message, Place)>) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(chunk.len());
        for (message, place) in chunk {
            match entry(&message, place.sequence) {
                Ok(entry) => entries.push(entry),
                Err(err) => self.put_aside(&raw(message, place), &err.to_string()).await,
            }
        }
        entries
    }

    /// It stays in EVENTS too, so nothing is lost if this fails.
    async fn put_aside(&self, raw: &Raw, reason: &str) {
        error!(
            reason,
            subject = raw.subject,
            "not an event of ours, put aside"
        );
        let buried = self.bus.bury(Stage::Record, raw, raw.sequence, reason);
        if let Err(err) = buried.await {
            error!(error = &err as &dyn std::error::Error, "not even put aside");
        }
    }

    /// Tries until it succeeds, or we are told to stop.
    async fn insist<T, F>(
        &self,
        failure: &'static str,
        shutdown: &CancellationToken,
        act: impl Fn() -> F,
    ) -> Result<T, Stopped>
    where
        F: Future<Output = Result<T, Source>>,
    {
        let mut pause = Duration::from_millis(100);
        loop {
            let err = match time::timeout(LIMIT, act()).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(err)) => err,
                Err(elapsed) => elapsed.into(),
            };
            error!(
                error = &*err as &dyn std::error::Error,
                "{failure}, trying again"
            );
            let retries = metrics::SETTLED.with_label_values(&[Stage::Record.name(), "retries"]);
            retries.inc();
            let slept = shutdown.run_until_cancelled(time::sleep(pause)).await;
            slept.ok_or(Stopped)?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Place {
    const fn position(self) -> Position {
        Position {
            sequence: self.sequence,
            stored_at: self.stored_at,
        }
    }
}

fn raw(message: Message, place: Place) -> Raw {
    Raw {
        subject: message.subject.to_string(),
        payload: message.payload,
        sequence: place.sequence,
        stored_at: place.stored_at,
        stream: EVENTS.to_owned(),
        headers: message.headers.unwrap_or_default(),
    }
}
