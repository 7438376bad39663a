//! Everything that was ever told of one generation or one picture, for who must not miss a word of it.

use std::time::Duration;

use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use domain::{GenerationId, ImageId};
use tokio::time::timeout;
use wire::subject;

use crate::incoming::Raw;
use crate::ledger::{entry, stored};
use crate::stage::EVENTS;
use crate::{Bus, Entry, Error, Ledger, Source};

/// How long the server may take for one message.
const ANSWER: Duration = Duration::from_secs(5);
/// More than anything honest has; what has more is not read to its end.
const MOST: usize = 10_000;

impl Ledger {
    /// Every entry of one generation, oldest first, as the stream's leader has them: whatever was
    /// stored before the question is in the answer. Slower than [`Ledger::page`], and sure.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Decode`]: one of them is no event of ours.
    pub async fn story(&self, id: GenerationId) -> Result<Vec<Entry>, Error> {
        self.bus.every(EVENTS, &subject::ledger(id)).await
    }

    /// As [`Ledger::story`], everything that was told of one picture by itself: each `image.ready`,
    /// not only the last, and its removal.
    ///
    /// # Errors
    ///
    /// As [`Ledger::story`].
    pub async fn story_of_picture(&self, id: ImageId) -> Result<Vec<Entry>, Error> {
        self.bus.every(EVENTS, &subject::picture(id)).await
    }
}

impl Bus {
    /// Every message of `stream` that matches `filter`, oldest first, read from its leader one by one.
    async fn every(&self, stream: &str, filter: &str) -> Result<Vec<Entry>, Error> {
        let failed = |source: Source| Error::Read {
            what: filter.to_owned(),
            source,
        };
        let leader = self.jetstream.get_stream_no_info(stream).await;
        let leader = leader.map_err(|err| failed(err.into()))?;
        let mut found = Vec::new();
        let mut from = 1;
        while let Some(raw) = next(&leader, stream, filter, from).await.map_err(failed)? {
            from = raw.sequence + 1;
            found.push(entry(raw)?);
            if found.len() == MOST {
                return Err(failed(format!("there are more than {MOST} events").into()));
            }
        }
        Ok(found)
    }
}

/// The first message at or after `from` that matches.
async fn next(
    leader: &Stream<()>,
    stream: &str,
    filter: &str,
    from: u64,
) -> Result<Option<Raw>, Source> {
    let asked = leader.get_first_raw_message_by_subject(filter, from);
    match timeout(ANSWER, asked).await? {
        Ok(message) => stored(stream.to_owned(), message).map(Some),
        Err(err) if err.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(err) => Err(err.into()),
    }
}
