//! EVENTS as the ledger of paid calls: what was written for one generation, and writing the next
//! entry on the condition that nobody else wrote meanwhile.

use std::time::Duration;

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use domain::{Code, Event, GenerationId};
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::json;
use tracing::warn;
use wire::subject;

use crate::incoming::Raw;
use crate::stage::{EVENTS, INTAKE, WORK};
use crate::{Bus, Error, Expect, Inbound, Requested, Stage, Unreadable};

/// How long the server may take to read.
const ANSWER: Duration = Duration::from_secs(5);
/// Entries of one generation that are read at once.
const BATCH: usize = 64;
/// Requests at the door that are looked at in one go, their bytes, and how often at the most.
const PAGE: usize = 256;
const BYTES: usize = 16 << 20;
const PAGES: usize = 64;

/// One entry of a generation's ledger.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its sequence in EVENTS.
    pub sequence: u64,
    /// What happened.
    pub event: Event,
    /// In which trace (W3C Trace Context).
    pub traceparent: Option<String>,
}

/// One generation's page of the ledger.
#[derive(Debug, Default)]
pub struct Page {
    /// What can be read, oldest first.
    pub entries: Vec<Entry>,
    /// What cannot. Something happened, and nobody here knows what.
    pub unreadable: Vec<Unreadable>,
}

/// The ledger. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(crate) bus: Bus,
}

impl Ledger {
    pub(crate) const fn new(bus: Bus) -> Self {
        Self { bus }
    }

    /// Appends `event`, if the generation's last entry has the sequence `last` (0: if it has none),
    /// and returns the new entry's sequence.
    ///
    /// # Errors
    ///
    /// As [`Bus::publish`].
    pub async fn append(&self, event: impl Into<Event>, last: u64) -> Result<u64, Error> {
        self.bus
            .publish(&event.into(), &Expect::LedgerAt(last))
            .await
    }

    /// The last entry of each kind for `id`, oldest first. The last one is the expectation of the
    /// next append. An entry that cannot be read is logged and left out; an append after it is
    /// refused then, and who concludes from what is *not* there asks for the [`Ledger::page`].
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn read(&self, id: GenerationId) -> Result<Vec<Entry>, Error> {
        let Page {
            entries,
            unreadable,
        } = self.page(id).await?;
        for Unreadable {
            subject, source, ..
        } in unreadable
        {
            warn!(error = %source, subject, "an entry of the ledger cannot be read");
        }
        Ok(entries)
    }

    /// As [`Ledger::read`], and with it what cannot be read.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn page(&self, id: GenerationId) -> Result<Page, Error> {
        let mut page = Page::default();
        for raw in self.bus.last_of_each(EVENTS, &subject::ledger(id)).await? {
            let sequence = raw.sequence;
            match Event::read(&raw) {
                Ok(event) => page.entries.push(Entry {
                    sequence,
                    event,
                    traceparent: raw.traceparent(),
                }),
                Err(source) => page.unreadable.push(Unreadable {
                    sequence,
                    subject: raw.subject,
                    source,
                }),
            }
        }
        Ok(page)
    }

    /// The last event of each kind that is told of one picture, its removal included, oldest first.
    /// The last one is the expectation of [`Expect::PictureAt`].
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Decode`].
    pub async fn picture(&self, id: domain::ImageId) -> Result<Vec<Entry>, Error> {
        let messages = self.bus.last_of_each(EVENTS, &subject::picture(id)).await?;
        messages.into_iter().map(entry).collect()
    }

    /// How the generation began: the only entry that knows whom to call back.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Decode`].
    pub async fn accepted(&self, id: GenerationId) -> Result<Option<domain::Accepted>, Error> {
        let message = self
            .bus
            .last(EVENTS, &format!("generation.accepted.{id}"))
            .await?;
        let event = message.map(entry).transpose()?.map(|entry| entry.event);
        Ok(event.and_then(|event| event.try_into().ok()))
    }

    /// The first entry of a generation that was let in.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Decode`].
    pub async fn beginning(&self, id: GenerationId) -> Result<Option<Entry>, Error> {
        let subject = format!("generation.accepted.{id}");
        self.bus
            .last(EVENTS, &subject)
            .await?
            .map(entry)
            .transpose()
    }

    /// Every attempt at calling the provider, the first one first.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Decode`].
    pub async fn attempts(&self, id: GenerationId) -> Result<Vec<domain::Calling>, Error> {
        self.all(&format!("generation.calling.{id}")).await
    }

    /// What came of every attempt that was drawn, the first one first.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Decode`].
    pub async fn rendered(&self, id: GenerationId) -> Result<Vec<domain::Rendered>, Error> {
        self.all(&format!("generation.rendered.{id}")).await
    }

    /// All entries on a subject, oldest first.
    async fn all<E>(&self, subject: &str) -> Result<Vec<E>, Error>
    where
        Event: TryInto<E>,
    {
        let (mut all, mut from) = (Vec::new(), 1);
        loop {
            let request = json!({ "seq": from, "next_by_subj": subject, "batch": BATCH });
            let found = self.bus.fetch(EVENTS, request).await;
            let found = found.map_err(|source| Error::Read {
                what: subject.to_owned(),
                source,
            })?;
            let is_last = found.len() < BATCH;
            for raw in found {
                from = raw.sequence + 1;
                all.extend(entry(raw)?.event.try_into().ok());
            }
            if is_last {
                return Ok(all);
            }
        }
    }

    /// How the generation has ended, if it has: one of `completed` and `failed`.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Decode`].
    pub async fn end_of(&self, id: GenerationId) -> Result<Option<Event>, Error> {
        let ends = ["completed", "failed"].map(|end| format!("generation.{end}.{id}"));
        let request = json!({ "multi_last": ends, "batch": 2 });
        let found = self.bus.fetch(EVENTS, request).await;
        let found = found.map_err(|source| Error::Read {
            what: format!("the end of {id}"),
            source,
        })?;
        let first = found.into_iter().map(entry).next().transpose()?;
        Ok(first.map(|entry| entry.event))
    }

    /// Whether there is nothing left to do about telling `endpoint` of the event `event_id`: it took
    /// the news, or was given up.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn was_told(&self, event_id: &str, endpoint: &str) -> Result<bool, Error> {
        let filter = format!("notification.*.{event_id}-{endpoint}");
        Ok(self.bus.last(EVENTS, &filter).await?.is_some())
    }

    /// The name that a request goes by, which its requester calls `custom_id`. Its first; for one that
    /// was put back from the dead letters the next one under which nobody was told that it was given
    /// up: what has had its end goes on under another name. The same at every delivery, since what was
    /// let in keeps its name, and is let in once, however many letters there are of it.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn name_of(
        &self,
        requested: &Requested,
        custom_id: Option<&str>,
    ) -> Result<GenerationId, Error> {
        let first = requested.name(custom_id);
        if !requested.replayed {
            return Ok(first);
        }
        let mut name = first;
        let mut replays = 0;
        while self.was_given_up(name).await? {
            replays += 1;
            let key = format!("replay:{first}:{replays}");
            name = GenerationId::of_key(&requested.tenant, &key);
        }
        Ok(name)
    }

    /// Whether all that was ever said of a request is that it could not be handled.
    async fn was_given_up(&self, id: GenerationId) -> Result<bool, Error> {
        let Page {
            entries,
            unreadable,
        } = self.page(id).await?;
        let is_given_up = |entry: &Entry| matches!(&entry.event, Event::Failed(failed) if failed.job.is_none() && failed.failure.code == Code::Poison);
        Ok(unreadable.is_empty() && matches!(&entries[..], [entry] if is_given_up(entry)))
    }

    /// The name under which a request goes on that is to be put back.
    pub(crate) async fn name_after_replay(&self, letter: &Raw) -> Result<GenerationId, Error> {
        let failed = |source| Error::Read {
            what: letter.subject.clone(),
            source,
        };
        let read = Requested::read(letter).map_err(failed)?;
        let draft = wire::parse_request(read.content_type.as_deref(), &read.body).ok();
        let custom_id = draft.and_then(|draft| draft.custom_id().ok().flatten());
        let requested = Requested {
            replayed: true,
            ..read
        };
        self.name_of(&requested, custom_id.as_deref()).await
    }

    /// The request of that name of the gateway's, if it still stands at the door, be it that it
    /// waits there for something of ours.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn at_the_door(&self, id: GenerationId) -> Result<Option<Requested>, Error> {
        // In the order in which a request moves, so that it cannot slip through between the two.
        for (stream, filter) in [
            (INTAKE, format!("{}.*.{id}", subject::REQUESTED)),
            (WORK, format!("*.{}.*.{id}", Stage::Admit.name())),
        ] {
            if let Some(raw) = self.bus.last_stored(stream, &filter).await? {
                return Ok(Requested::read(&raw).ok());
            }
        }
        Ok(None)
    }

    /// The first request at the door that `is_it`, of those whose name is not in their subject: what
    /// people have published themselves, and what was put back from the dead letters.
    ///
    /// # Errors
    ///
    /// [`Error::Read`], also if there are too many to look at.
    pub async fn find_at_the_door(
        &self,
        mut is_it: impl FnMut(&Requested) -> bool + Send,
    ) -> Result<Option<Requested>, Error> {
        let failed = |source| Error::Read {
            what: "the requests at the door".to_owned(),
            source,
        };
        for (stream, filter) in [
            (INTAKE, subject::REQUESTED.to_owned()),
            (INTAKE, format!("{}.*", subject::REQUESTED)),
            (WORK, format!("*.{}.>", Stage::Admit.name())),
        ] {
            let mut after = 0;
            for page in 0.. {
                if page == PAGES {
                    return Err(failed("there are too many of them".into()));
                }
                let request = json!({
                    "seq": after + 1, "next_by_subj": filter, "batch": PAGE, "max_bytes": BYTES,
                });
                let found = self.bus.fetch(stream, request).await.map_err(failed)?;
                let Some(last) = found.last() else { break };
                after = last.sequence;
                let requests = found.iter().filter_map(|raw| Requested::read(raw).ok());
                let mut unnamed = requests.filter(|it| !it.named || it.replayed);
                if let Some(found) = unnamed.find(&mut is_it) {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }
}

pub(crate) fn entry(raw: Raw) -> Result<Entry, Error> {
    let event =
        Event::read(&raw).map_err(|source| match source.downcast::<wire::DecodeError>() {
            Ok(source) => Error::Decode {
                subject: raw.subject.clone(),
                source: *source,
            },
            Err(source) => Error::Read {
                what: raw.subject.clone(),
                source,
            },
        })?;
    Ok(Entry {
        sequence: raw.sequence,
        event,
        traceparent: raw.traceparent(),
    })
}

impl Bus {
    /// The last message of `stream` on a subject that matches `filter`.
    pub(crate) async fn last(&self, stream: &str, filter: &str) -> Result<Option<Raw>, Error> {
        let failed = |source: crate::Source| Error::Read {
            what: filter.to_owned(),
            source,
        };
        let request = json!({ "last_by_subj": filter }).to_string();
        let subject = format!("$JS.API.DIRECT.GET.{stream}");
        let answer = self
            .client
            .request(subject, request.into())
            .await
            .map_err(|err| failed(err.into()))?;
        raw(answer).map_err(failed)
    }

    /// As [`Bus::last`], but asked of the stream's leader: a replica may not know yet what was just
    /// written.
    pub(crate) async fn last_stored(
        &self,
        stream: &str,
        filter: &str,
    ) -> Result<Option<Raw>, Error> {
        let failed = |source: crate::Source| Error::Read {
            what: filter.to_owned(),
            source,
        };
        let leader = self.jetstream.get_stream_no_info(stream).await;
        let leader = leader.map_err(|err| failed(err.into()))?;
        match leader.get_last_raw_message_by_subject(filter).await {
            Ok(message) => stored(stream.to_owned(), message).map(Some).map_err(failed),
            Err(err) if err.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(err) => Err(failed(err.into())),
        }
    }

    /// The last message of each subject that matches `filter`, in the order of the stream
    /// (a batched direct get).
    pub(crate) async fn last_of_each(&self, stream: &str, filter: &str) -> Result<Vec<Raw>, Error> {
        let failed = |source: crate::Source| Error::Read {
            what: filter.to_owned(),
            source,
        };
        let request = json!({ "multi_last": [filter], "batch": 64 });
        self.fetch(stream, request).await.map_err(failed)
    }

    /// The messages that a batched direct get (ADR-31) asks for, in the order of the stream.
    pub(crate) async fn fetch(
        &self,
        stream: &str,
        request: serde_json::Value,
    ) -> Result<Vec<Raw>, crate::Source> {
        tokio::time::timeout(ANSWER, self.fetch_patiently(stream, request)).await?
    }

    async fn fetch_patiently(
        &self,
        stream: &str,
        request: serde_json::Value,
    ) -> Result<Vec<Raw>, crate::Source> {
        let request = request.to_string();
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await?;
        let subject = format!("$JS.API.DIRECT.GET.{stream}");
        self.client
            .publish_with_reply(subject, inbox, request.into())
            .await?;

        let mut messages = Vec::new();
        while let Some(answer) = answers.next().await {
            match answer.status.map(|status| status.as_u16()) {
                // End of batch; nothing matches.
                Some(204 | 404) => break,
                Some(503) => return Err("the stream does not answer".into()),
                _ => messages.extend(raw(answer)?),
            }
        }
        messages.sort_by_key(|message| message.sequence);
        Ok(messages)
    }
}

/// Reads the answer to a direct get; none if nothing matched.
fn raw(answer: async_nats::Message) -> Result<Option<Raw>, crate::Source> {
    match answer.status.map(|status| status.as_u16()) {
        Some(404) => return Ok(None),
        Some(status) if status >= 400 => return Err(format!("status {status}").into()),
        _ => {}
    }
    let stream = answer
        .headers
        .as_ref()
        .and_then(|headers| headers.get("Nats-Stream"))
        .map_or_else(String::new, ToString::to_string);
    stored(stream, StreamMessage::try_from(answer)?).map(Some)
}

pub(crate) fn stored(stream: String, message: StreamMessage) -> Result<Raw, crate::Source> {
    Ok(Raw {
        subject: message.subject.to_string(),
        payload: message.payload,
        sequence: message.sequence,
        stored_at: Timestamp::from_nanosecond(message.time.unix_timestamp_nanos())?,
        stream,
        headers: message.headers,
    })
}
