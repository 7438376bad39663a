//! Publishing: confirmed, recognised after doubt, and never twice.

use std::time::Duration;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::{HeaderMap, HeaderName};
use bytes::Bytes;
use domain::{Event, GenerationId, Lane, Tenant};
use jiff::Timestamp;
use tokio::time::Instant;
use tracing::warn;
use wire::{Encoded, header, subject};

use crate::committer::Message;
use crate::connection::fresh_token;
use crate::{Bus, Error, Expect, Stage, trace};

/// How long a publish is tried: more than twice the longest gap that a failover was seen to make.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) const EXPECTED_SEQUENCE: HeaderName =
    HeaderName::from_static("Nats-Expected-Last-Subject-Sequence");
const EXPECTED_FILTER: HeaderName =
    HeaderName::from_static("Nats-Expected-Last-Subject-Sequence-Subject");
pub(crate) const MESSAGE_ID: HeaderName = HeaderName::from_static("Nats-Msg-Id");
const SCHEDULE: &str = "Nats-Schedule";
const SCHEDULE_TARGET: &str = "Nats-Schedule-Target";

/// The last sequence is another one; with replicas also told as 10164.
const WRONG_LAST_SEQUENCE: [u64; 2] = [10071, 10164];
/// The stream is full and discards what is new: messages, bytes, account.
const FULL: [u64; 4] = [10077, 10047, 10002, 10023];

/// A request on its way from the gateway.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// Its name.
    pub id: GenerationId,
    /// Whose it is.
    pub tenant: Tenant,
    /// The public name of the API key that it came with, if any.
    pub api_key: Option<String>,
    /// Its lane.
    pub lane: Lane,
    /// The media type of `body`.
    pub content_type: &'static str,
    /// The request as the user wrote it.
    pub body: Bytes,
}

/// A work item: an event for a stage to act upon.
pub(crate) struct WorkItem<'a> {
    pub(crate) stage: Stage,
    pub(crate) key: &'a str,
    pub(crate) attempt: u32,
    pub(crate) cause: u64,
    /// None: now.
    pub(crate) due: Option<Timestamp>,
}

impl Bus {
    /// Puts a request in at the door. When it returns, the request is on disk.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] or [`Error::Publish`]: nothing was promised; asking again with the same id
    /// does no harm.
    pub async fn request(&self, request: NewRequest) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, format!("requested-{}", request.id).as_str());
        headers.insert(header::TENANT, request.tenant.as_str());
        if let Some(name) = &request.api_key {
            headers.insert(header::API_KEY, name.as_str());
        }
        headers.insert(header::CONTENT_TYPE, request.content_type);
        trace::inject(&mut headers);
        let subject = subject::requested(request.lane, request.id);
        self.store(&subject, headers, request.body, None)
            .await
            .map(drop)
    }

    /// Stores `event` if `expect` holds, and returns its sequence in EVENTS once the server has
    /// confirmed that it is on disk. Telling the same fact twice within two minutes stores it once.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`]: the expectation does not hold, and this is not because of ourselves.
    /// [`Error::Publish`]: the event may or may not be stored.
    pub async fn publish(&self, event: &Event, expect: &Expect) -> Result<u64, Error> {
        let entry = self.entry(event, expect);
        let sequence = match self.committer.write(vec![entry.message()]).await {
            Some(sequence) => sequence,
            None => {
                let (headers, body) = (entry.headers(), entry.body.clone());
                self.store(&entry.encoded.subject, headers, body, entry.doubt())
                    .await?
            }
        };
        self.announce(entry).await;
        Ok(sequence)
    }

    /// As [`Bus::publish`], of several events in their order and in one wait for the disk. Either all
    /// are stored then, or it is not known, and they are to be told one by one.
    pub(crate) async fn publish_as_one<'a>(
        &self,
        events: impl Iterator<Item = (&'a Event, &'a Expect)>,
    ) -> bool {
        let entries: Vec<_> = events
            .map(|(event, expect)| self.entry(event, expect))
            .collect();
        let messages = entries.iter().map(NewEntry::message).collect();
        let written = self.committer.write(messages).await.is_some();
        if written {
            for entry in entries {
                self.announce(entry).await;
            }
        }
        written
    }

    fn entry<'a>(&'a self, event: &'a Event, expect: &Expect) -> NewEntry<'a> {
        let mut encoded = wire::encode(event, self.encoding);
        NewEntry {
            bus: self,
            event,
            body: Bytes::from(std::mem::take(&mut encoded.body)),
            encoded,
            at: Timestamp::now(),
            expectation: expectation(event, expect),
        }
    }

    /// The copy on the plain subject, for people who type `nats sub`: at most once.
    async fn announce(&self, entry: NewEntry<'_>) {
        if !is_public(entry.event) {
            return;
        }
        let (subject, headers) = (entry.event.name(), entry.own_headers());
        let told = self
            .client
            .publish_with_headers(subject, headers, entry.body);
        if let Err(err) = told.await {
            warn!(error = %err, subject, "no copy on the plain subject");
        }
    }

    /// Stores a work item, due now or at its time. An item of the same stage and key that waits
    /// for its time is replaced.
    pub(crate) async fn put_work(&self, item: &WorkItem<'_>, event: &Event) -> Result<(), Error> {
        let encoded = wire::encode(event, self.encoding);
        let mut headers = self.event_headers(&encoded, Timestamp::now());
        headers.insert(header::CAUSE, item.cause.to_string().as_str());
        self.put_work_raw(item, headers, encoded.body.into()).await
    }

    /// Hands `event` to `stage` at `until`, by a timer that survives us. A timer of the same stage
    /// and key that waits is replaced.
    ///
    /// # Errors
    ///
    /// [`Error::Publish`]: it may or may not be stored; doing it again does no harm.
    pub async fn put_off(
        &self,
        stage: Stage,
        key: &str,
        event: &Event,
        until: Timestamp,
    ) -> Result<(), Error> {
        let item = WorkItem {
            stage,
            key,
            attempt: 1,
            cause: 0,
            due: Some(until),
        };
        self.put_work(&item, event).await
    }

    /// As [`Bus::put_work`], for a message that is handed on as it came.
    pub(crate) async fn put_work_raw(
        &self,
        item: &WorkItem<'_>,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), Error> {
        let due = subject::due(item.stage.name(), item.key);
        let id = format!(
            "{due}-{}-{}",
            item.attempt,
            item.due.map_or(0, |at| at.as_millisecond())
        );
        headers.insert(header::ATTEMPT, item.attempt.to_string().as_str());
        headers.insert(MESSAGE_ID, id.as_str());
        let subject = match item.due {
            None => due,
            Some(at) => {
                headers.insert(SCHEDULE, format!("@at {at}").as_str());
                headers.insert(SCHEDULE_TARGET, due.as_str());
                subject::timer(item.stage.name(), item.key)
            }
        };
        self.store(&subject, headers, body, None).await.map(drop)
    }

    /// Publishes until the server has confirmed, for [`PATIENCE`] at the most.
    ///
    /// With `doubt` (the filter of an expectation, and our token) a refusal is believed only after
    /// reading back: the refused write may be the second sending of one that succeeded.
    pub(crate) async fn store(
        &self,
        subject: &str,
        headers: HeaderMap,
        body: Bytes,
        doubt: Option<&Doubt>,
    ) -> Result<u64, Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let err = match self
                .store_once(subject, headers.clone(), body.clone())
                .await
            {
                Ok(sequence) => return Ok(sequence),
                Err(err) => err,
            };
            let code = code(&err);
            if code.is_some_and(|code| FULL.contains(&code)) {
                return Err(Error::Full {
                    subject: subject.to_owned(),
                });
            }
            let refused = code.is_some_and(|code| WRONG_LAST_SEQUENCE.contains(&code));
            let unread = match doubt.filter(|_| refused) {
                Some(doubt) => match self.own_entry(doubt).await {
                    Ok(Some(sequence)) => return Ok(sequence),
                    Ok(None) => {
                        return Err(Error::Conflict {
                            subject: subject.to_owned(),
                        });
                    }
                    // The refusal stands, and so does the doubt: ask again from the start.
                    Err(_) => true,
                },
                None => false,
            };
            if Instant::now() >= deadline || (code.is_some() && !unread) {
                return Err(Error::Publish {
                    subject: subject.to_owned(),
                    source: err.into(),
                });
            }
            warn!(error = %err, subject, "not confirmed, publishing again");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn store_once(
        &self,
        subject: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<u64, PublishError> {
        let message = PublishMessage::build().payload(body).headers(headers);
        Ok(self
            .jetstream
            .send_publish(subject.to_owned(), message)
            .await?
            .await?
            .sequence)
    }

    /// The sequence of the last entry that matches the filter, if we wrote it.
    async fn own_entry(&self, doubt: &Doubt) -> Result<Option<u64>, Error> {
        let last = self.last_stored(&doubt.stream, &doubt.filter).await?;
        Ok(last
            .filter(|raw| raw.header(header::WRITER) == Some(doubt.token.as_ref()))
            .map(|raw| raw.sequence))
    }

    /// What every event says of itself (`CloudEvents` 1.0), and the trace it belongs to.
    pub(crate) fn event_headers(&self, encoded: &Encoded, at: Timestamp) -> HeaderMap {
        let id = encoded.id.as_str();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::SPEC_VERSION, "1.0"),
            (header::ID, id),
            (header::TYPE, encoded.name),
            (header::SOURCE, self.name),
            (header::SUBJECT, encoded.key.as_str()),
            (header::TIME, &at.to_string()),
            (header::CONTENT_TYPE, encoded.content_type),
        ] {
            headers.insert(HeaderName::from_static(name), value);
        }
        trace::inject(&mut headers);
        headers
    }
}

/// An event on its way into EVENTS. Its headers are made each time they are needed: for the log, for
/// the copy on the plain subject, and for another try.
struct NewEntry<'a> {
    bus: &'a Bus,
    event: &'a Event,
    encoded: Encoded,
    body: Bytes,
    at: Timestamp,
    expectation: Option<(Doubt, u64)>,
}

impl NewEntry<'_> {
    /// What it says of itself.
    fn own_headers(&self) -> HeaderMap {
        let mut headers = self.bus.event_headers(&self.encoded, self.at);
        if self.event.job().is_some_and(|job| !job.callback) {
            headers.insert(HeaderName::from_static(header::CALLBACK), "no");
        }
        headers
    }

    /// The same, and what it asks of the server.
    fn headers(&self) -> HeaderMap {
        let mut headers = self.own_headers();
        headers.insert(MESSAGE_ID, self.encoded.id.as_str());
        if let Some((doubt, sequence)) = &self.expectation {
            headers.insert(EXPECTED_SEQUENCE, sequence.to_string());
            headers.insert(EXPECTED_FILTER, doubt.filter.as_str());
            headers.insert(HeaderName::from_static(header::WRITER), &*doubt.token);
        }
        headers
    }

    fn message(&self) -> Message {
        Message {
            subject: self.encoded.subject.clone(),
            headers: self.headers(),
            body: self.body.clone(),
        }
    }

    fn doubt(&self) -> Option<&Doubt> {
        self.expectation.as_ref().map(|(doubt, _)| doubt)
    }
}

/// All headers but the server's, which mean something else in another stream.
pub(crate) fn own_headers(headers: &HeaderMap) -> HeaderMap {
    let mut own = HeaderMap::new();
    for (name, values) in headers.iter() {
        if !name.to_string().starts_with("Nats-") {
            values
                .iter()
                .for_each(|value| own.append(name.clone(), value.clone()));
        }
    }
    own
}

/// What to read back after a refusal.
pub(crate) struct Doubt {
    pub(crate) stream: String,
    pub(crate) filter: String,
    pub(crate) token: std::sync::Arc<str>,
}

/// What is expected, and the last sequence of it.
fn expectation(event: &Event, expect: &Expect) -> Option<(Doubt, u64)> {
    let (filter, sequence) = match expect {
        Expect::Nothing => return None,
        Expect::LedgerAt(sequence) => (ledger(event), *sequence),
        Expect::PictureAt(sequence) => (picture(event), *sequence),
        Expect::First => (format!("{}.{}", event.name(), event.key()), 0),
        Expect::NoneOn(filter) => (filter.clone(), 0),
    };
    let doubt = Doubt {
        stream: crate::stage::EVENTS.to_owned(),
        filter,
        token: fresh_token(),
    };
    Some((doubt, sequence))
}

/// The ledger that an event is an entry of: its generation's, else that of its own kind.
fn ledger(event: &Event) -> String {
    match event.generation() {
        Some(id) => subject::ledger(id),
        None => format!("{}.{}", event.name(), event.key()),
    }
}

/// All that is told of the picture an event is about, else of what it is about.
fn picture(event: &Event) -> String {
    event
        .image()
        .map_or_else(|| ledger(event), subject::picture)
}

/// The error code of the server's answer, if it is one.
fn code(err: &PublishError) -> Option<u64> {
    match err.kind() {
        PublishErrorKind::WrongLastSequence => Some(WRONG_LAST_SEQUENCE[0]),
        _ => std::error::Error::source(err)
            .and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>())
            .map(|err| err.error_code().0),
    }
}

/// The events that have a copy on a plain subject. `accepted` never has: it knows the callback URL.
const fn is_public(event: &Event) -> bool {
    matches!(
        event,
        Event::Completed(_) | Event::Failed(_) | Event::Ready(_) | Event::ImageReady(_)
    )
}
