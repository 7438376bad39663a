//! Following the ledger: every event from some point on, and the word when the past is read.

use async_nats::Message;
use futures::stream::{self, BoxStream, StreamExt};
use wire::header;

use crate::incoming::event;
use crate::stage::EVENTS;
use crate::tail::{Start, Tail, Tailed};
use crate::{Bus, Entry, Error, Ledger, Source};

/// What is found on the way through the ledger.
#[derive(Debug)]
pub enum Followed {
    /// An event.
    Entry(Entry),
    /// Something that is no event of ours.
    Unreadable(Unreadable),
    /// All that matches up to this sequence has been yielded: the end of EVENTS as it was when
    /// following began, or later. Comes once, also if nothing matches.
    CaughtUp(u64),
}

/// An entry of the ledger that cannot be read: written by a newer version, or by hand.
#[derive(Debug)]
pub struct Unreadable {
    /// Its sequence in EVENTS.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// What is wrong with it.
    pub source: Source,
}

impl Ledger {
    /// Every event on subjects that match one of `filters` (all, if there is none) with a sequence
    /// greater than `after`: in order, without gaps or repeats, for ever. What goes wrong on the way
    /// is logged and put right; a stream that cannot be reached is silence.
    ///
    /// Filters must not overlap: the server refuses that. An `after` beyond [`Ledger::end`] means
    /// that EVENTS was made anew since, which only the caller can judge.
    pub fn follow(&self, filters: &[&str], after: u64) -> BoxStream<'static, Followed> {
        let filters = match filters {
            [] => vec![">".to_owned()],
            some => some.iter().map(|&filter| filter.to_owned()).collect(),
        };
        let tail = Tail::new(self.bus.clone(), EVENTS, filters, Start::After(after));
        stream::unfold(tail, async |mut tail| {
            let followed = match tail.next().await {
                Tailed::CaughtUp(end) => Followed::CaughtUp(end),
                Tailed::Message(message, place) => read(&message, place.sequence),
            };
            Some((followed, tail))
        })
        .boxed()
    }

    /// The last sequence of EVENTS at this moment; 0 if there is nothing in it yet.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn end(&self) -> Result<u64, Error> {
        self.bus.end_of(EVENTS).await
    }
}

fn traceparent(message: &Message) -> Option<String> {
    let headers = message.headers.as_ref()?;
    headers.get(header::TRACEPARENT).map(ToString::to_string)
}

/// Reads an entry of the ledger.
pub(crate) fn entry(message: &Message, sequence: u64) -> Result<Entry, Source> {
    let headers = message.headers.as_ref();
    let headers = headers.ok_or("the message does not say what it is")?;
    Ok(Entry {
        sequence,
        event: event(headers, &message.payload)?,
        traceparent: traceparent(message),
    })
}

fn read(message: &Message, sequence: u64) -> Followed {
    match entry(message, sequence) {
        Ok(entry) => Followed::Entry(entry),
        Err(source) => Followed::Unreadable(Unreadable {
            sequence,
            subject: message.subject.to_string(),
            source,
        }),
    }
}

impl Bus {
    /// The last sequence of `stream`, from its leader.
    pub(crate) async fn end_of(&self, stream: &str) -> Result<u64, Error> {
        let failed = |source: Source| Error::Read {
            what: stream.to_owned(),
            source,
        };
        let found = self.jetstream.get_stream(stream).await;
        let found = found.map_err(|err| failed(err.into()))?;
        Ok(found.cached_info().state.last_sequence)
    }
}
