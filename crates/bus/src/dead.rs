//! Messages that nobody could handle, put aside where people can look at them, put them back, or
//! throw them away.

use async_nats::jetstream::stream::LastRawMessageErrorKind;
use bytes::Bytes;
use domain::{GenerationId, Tenant};
use jiff::Timestamp;
use serde_json::json;
use wire::{Encoding, header, subject};

use crate::incoming::Raw;
use crate::ledger::stored;
use crate::publish::{WorkItem, own_headers};
use crate::stage::{DEAD, EVENTS};
use crate::{Bus, Error, Source, Stage, Unreadable, metrics};

/// Dead letters looked at in one go, at the most.
const MOST: usize = 100;
/// Bytes of them, roughly.
const BYTES: usize = 16 << 20;
/// How the key of what was put back begins.
pub(crate) const REPLAYED: &str = "dead-";

/// Which dead letters to look at.
#[derive(Debug, Clone, Copy)]
pub struct DeadFilter {
    /// Those of one stage only.
    pub stage: Option<Stage>,
    /// Those with a greater sequence.
    pub after_sequence: u64,
    /// So many; at most 100 come.
    pub limit: usize,
}

/// A message that nobody could handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its sequence in DEAD, and its name here.
    pub sequence: u64,
    /// The name of the stage that gave it up.
    pub stage: String,
    /// The last token of the subject it came in on: an id, usually.
    pub key: String,
    /// Why it was given up.
    pub reason: String,
    /// The subject it came in on first.
    pub origin: String,
    /// When it was given up.
    pub stored_at: Timestamp,
    /// Its headers by name: those that the message had, and what was added when it was given up.
    pub headers: Vec<(String, String)>,
    /// What it says.
    pub body: Bytes,
}

impl Bus {
    /// Copies a message to the dead letters, with the reason. Comes before anything else that
    /// follows from giving up: what is not in DEAD was not given up.
    pub(crate) async fn bury(
        &self,
        stage: Stage,
        raw: &Raw,
        cause: u64,
        reason: &str,
    ) -> Result<(), Error> {
        let mut headers = own_headers(&raw.headers);
        let reason: String = reason
            .chars()
            .filter(|c| !c.is_control())
            .take(500)
            .collect();
        let origin = raw.origin();
        headers.insert(header::REASON, reason.as_str());
        headers.insert(header::ORIGIN, origin.subject);
        // What is needed to put it back as it was.
        headers.insert(header::STORED, origin.stored().as_str());
        headers.insert(header::CAUSE, cause.to_string().as_str());
        headers.insert(
            "Nats-Msg-Id",
            format!("{}-{}-{}", stage.name(), raw.stream, raw.sequence).as_str(),
        );
        let subject = subject::dead(stage.name(), raw.key());
        self.store(&subject, headers, raw.payload.clone(), None)
            .await?;
        metrics::DEAD.with_label_values(&[stage.name()]).inc();
        Ok(())
    }

    /// Copies an entry of the ledger that cannot be read to the dead letters of `stage`, unless it is
    /// there, and returns whose it is, as far as that can be read.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Publish`]: it may or may not be there; doing it again does no harm.
    pub async fn bury_entry(
        &self,
        stage: Stage,
        unreadable: &Unreadable,
    ) -> Result<Option<Tenant>, Error> {
        let Unreadable {
            sequence, source, ..
        } = unreadable;
        let raw = self.raw(EVENTS, *sequence).await?;
        let letter = subject::dead(stage.name(), raw.key());
        // Whoever takes over later than the server remembers the message's id finds the letter.
        if self.last_stored(DEAD, &letter).await?.is_none() {
            let reason = format!("it cannot be read: {source}");
            self.bury(stage, &raw, *sequence, &reason).await?;
        }
        let encoding = Encoding::of_content_type(raw.header(header::CONTENT_TYPE));
        Ok(encoding.and_then(|encoding| wire::tenant_of_accepted(encoding, &raw.payload)))
    }

    /// Dead letters, oldest first; none if there are no more.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn dead_letters(&self, filter: DeadFilter) -> Result<Vec<DeadLetter>, Error> {
        let subject = match filter.stage {
            Some(stage) => subject::dead(stage.name(), ">"),
            None => "dead.>".to_owned(),
        };
        let request = json!({
            "seq": filter.after_sequence + 1,
            "next_by_subj": subject,
            "batch": filter.limit.clamp(1, MOST),
            "max_bytes": BYTES,
        });
        let found = self.fetch(DEAD, request).await;
        let found = found.map_err(|source| Error::Read {
            what: DEAD.to_owned(),
            source,
        })?;
        Ok(found.into_iter().map(letter).collect())
    }

    /// One dead letter.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`]; [`Error::Read`].
    pub async fn dead_letter(&self, sequence: u64) -> Result<DeadLetter, Error> {
        self.buried(sequence).await.map(letter)
    }

    /// Puts a dead letter back to work at the stage that gave it up, and nowhere else: with its
    /// body, cause and tenant, as a first attempt. Then it is no dead letter any more. Asked twice
    /// within two minutes, also by two people, it is put back once.
    ///
    /// Returns the name under which a request goes on: another one, if it was told as failed.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`]; [`Error::Unreplayable`]; [`Error::Publish`]: it is still a dead letter, and
    /// may be at work besides.
    pub async fn replay_dead(&self, sequence: u64) -> Result<Option<GenerationId>, Error> {
        let raw = self.buried(sequence).await?;
        let unreplayable = |reason: String| Error::Unreplayable { sequence, reason };
        let name = stage_of(&raw.subject);
        let stage = Stage::named(name)
            .ok_or_else(|| unreplayable(format!("there is no stage `{name}`")))?;
        if !stage.takes_work() {
            return Err(unreplayable(format!("`{name}` reads events only")));
        }
        let is_entry = raw
            .header(header::STORED)
            .is_some_and(|stored| stored.starts_with(EVENTS));
        if is_entry && !stage.reads(EVENTS) {
            return Err(unreplayable(format!(
                "`{name}` finds its work in the ledger, where this one has ended"
            )));
        }
        let headers = own_headers(&raw.headers);
        let cause = raw
            .header(header::CAUSE)
            .and_then(|cause| cause.parse().ok());
        let item = WorkItem {
            stage,
            // A key of its own: two letters about one thing must not share a timer later.
            key: &format!("{REPLAYED}{sequence}.{}", raw.key()),
            attempt: 1,
            cause: cause.unwrap_or(0),
            due: None,
        };
        // Asked first: once it is at work, its name is taken.
        let name = match stage {
            Stage::Admit => Some(self.ledger().name_after_replay(&raw).await?),
            _ => None,
        };
        self.put_work_raw(&item, headers, raw.payload).await?;
        self.unbury(sequence).await?;
        Ok(name)
    }

    /// Throws a dead letter away, for good.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`]; [`Error::Publish`]: it may still be there.
    pub async fn discard_dead(&self, sequence: u64) -> Result<(), Error> {
        self.buried(sequence).await?;
        self.unbury(sequence).await
    }

    async fn buried(&self, sequence: u64) -> Result<Raw, Error> {
        self.raw(DEAD, sequence).await
    }

    async fn raw(&self, stream: &str, sequence: u64) -> Result<Raw, Error> {
        let what = || match stream {
            DEAD => format!("dead letter {sequence}"),
            _ => format!("message {sequence} of {stream}"),
        };
        let failed = |source: Source| Error::Read {
            what: what(),
            source,
        };
        let found = self.jetstream.get_stream_no_info(stream).await;
        let found = found.map_err(|err| failed(err.into()))?;
        match found.get_raw_message(sequence).await {
            Ok(message) => stored(stream.to_owned(), message).map_err(failed),
            Err(err) if err.kind() == LastRawMessageErrorKind::NoMessageFound => {
                Err(Error::Absent { what: what() })
            }
            Err(err) => Err(failed(err.into())),
        }
    }

    async fn unbury(&self, sequence: u64) -> Result<(), Error> {
        let failed = |source: Source| Error::Publish {
            subject: format!("the removal of dead letter {sequence}"),
            source,
        };
        let dead = self.jetstream.get_stream_no_info(DEAD).await;
        let dead = dead.map_err(|err| failed(err.into()))?;
        let removed = dead.delete_message(sequence).await;
        removed.map(drop).map_err(|err| failed(err.into()))
    }
}

fn letter(raw: Raw) -> DeadLetter {
    let text = |name| raw.header(name).unwrap_or_default().to_owned();
    let own = own_headers(&raw.headers);
    let pairs = own.iter().flat_map(|(name, values)| {
        let pair = |value: &async_nats::HeaderValue| (name.to_string(), value.to_string());
        values.iter().map(pair).collect::<Vec<_>>()
    });
    let mut headers: Vec<(String, String)> = pairs.collect();
    headers.sort();
    DeadLetter {
        sequence: raw.sequence,
        stage: stage_of(&raw.subject).to_owned(),
        key: raw.key().to_owned(),
        reason: text(header::REASON),
        origin: text(header::ORIGIN),
        stored_at: raw.stored_at,
        headers,
        body: raw.payload.clone(),
    }
}

fn stage_of(subject: &str) -> &str {
    subject.split('.').nth(1).unwrap_or_default()
}
