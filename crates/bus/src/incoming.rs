//! Messages as they come in.

use async_nats::HeaderMap;
use bytes::Bytes;
use domain::{
    Accepted, AssetExpired, Completed, Event, Failed, GenerationId, ImageReady, Lane, Ready,
    Rendered, Tenant,
};
use jiff::Timestamp;
use wire::{Encoding, header, subject};

use crate::dead::REPLAYED;
use crate::error::Source;
use crate::stage::{DEAD, WORK};

/// A message as it came in.
#[derive(Debug, Clone)]
pub struct Raw {
    /// Where it was published.
    pub subject: String,
    /// What it says.
    pub payload: Bytes,
    /// Its place in the stream.
    pub sequence: u64,
    /// When the server stored it.
    pub stored_at: Timestamp,
    /// The stream.
    pub stream: String,
    pub(crate) headers: HeaderMap,
}

impl Raw {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(async_nats::HeaderValue::as_str)
    }

    /// The last token of the subject, in a form that may be a part of another subject.
    pub(crate) fn key(&self) -> &str {
        match self.subject.rsplit('.').next() {
            None | Some("" | "*" | ">") => "unnamed",
            Some(key) => key,
        }
    }

    /// Where the message came in first: what was put off or put aside still is what it was. Only what
    /// we wrote there ourselves is believed, since users can write any header they like.
    pub(crate) fn origin(&self) -> Origin<'_> {
        let is_ours = [WORK, DEAD].contains(&self.stream.as_str());
        let put_off = is_ours.then(|| self.put_off()).flatten();
        put_off.unwrap_or(Origin {
            subject: &self.subject,
            stream: &self.stream,
            sequence: self.sequence,
            stored_at: self.stored_at,
        })
    }

    fn put_off(&self) -> Option<Origin<'_>> {
        let subject = self.header(header::ORIGIN)?;
        let mut stored = self.header(header::STORED)?.split(' ');
        Some(Origin {
            subject,
            stream: stored.next()?,
            sequence: stored.next()?.parse().ok()?,
            stored_at: stored.next()?.parse().ok()?,
        })
    }

    /// Whether it was put back from the dead letters, as its subject in WORK says. Only we write those.
    fn is_replayed(&self) -> bool {
        let key = self.subject.split('.').nth(2);
        key.is_some_and(|key| key.starts_with(REPLAYED))
    }

    /// The trace that it belongs to.
    pub(crate) fn traceparent(&self) -> Option<String> {
        self.header(header::TRACEPARENT).map(str::to_owned)
    }

    fn event(&self) -> Result<Event, Source> {
        event(&self.headers, &self.payload)
    }
}

/// Reads an event.
pub(crate) fn event(headers: &HeaderMap, payload: &[u8]) -> Result<Event, Source> {
    let header = |name| headers.get(name).map(async_nats::HeaderValue::as_str);
    let name = header(header::TYPE).ok_or("the message does not say what it is")?;
    let encoding =
        Encoding::of_content_type(header(header::CONTENT_TYPE)).ok_or("unknown content type")?;
    Ok(wire::decode(name, encoding, payload)?)
}

/// Where a message came in.
pub(crate) struct Origin<'a> {
    pub(crate) subject: &'a str,
    pub(crate) stream: &'a str,
    pub(crate) sequence: u64,
    pub(crate) stored_at: Timestamp,
}

impl Origin<'_> {
    /// The value of [`header::STORED`].
    pub(crate) fn stored(&self) -> String {
        format!("{} {} {}", self.stream, self.sequence, self.stored_at)
    }
}

/// What a handler can be given.
pub trait Inbound: Clone + Send + Sync + Sized + 'static {
    /// Reads a message.
    ///
    /// # Errors
    ///
    /// It is nothing of the kind.
    fn read(raw: &Raw) -> Result<Self, Source>;
}

macro_rules! inbound {
    ($($event:ident)*) => {
        $(impl Inbound for $event {
            fn read(raw: &Raw) -> Result<Self, Source> {
                let other = |event: Box<Event>| format!("unexpected `{}`", event.name()).into();
                raw.event()?.try_into().map_err(other)
            }
        })*
    };
}
inbound!(Accepted Rendered Completed Failed Ready ImageReady AssetExpired);

impl Inbound for Event {
    fn read(raw: &Raw) -> Result<Self, Source> {
        raw.event()
    }
}

/// A user's request as it came in: anything at all.
#[derive(Debug, Clone)]
pub struct Requested {
    /// Its name: the gateway's, or derived from the message.
    pub id: GenerationId,
    /// Whether the name was given by the gateway.
    pub named: bool,
    /// Whether it was put back from the dead letters.
    pub replayed: bool,
    /// Whose it is: the gateway knows; everybody else on NATS is the operator's own.
    pub tenant: Tenant,
    /// The public name of the API key it came with; only the gateway knows of keys.
    pub api_key: Option<String>,
    /// The lane it was published to, if any.
    pub lane: Option<Lane>,
    /// The media type of `body`.
    pub content_type: Option<String>,
    /// Whatever was sent.
    pub body: Bytes,
    /// When the server stored it.
    pub stored_at: Timestamp,
}

impl Requested {
    /// The gateway's name for it; else that of the requester's own id; else that of the message.
    #[must_use]
    pub fn name(&self, custom_id: Option<&str>) -> GenerationId {
        match custom_id {
            Some(custom_id) if !self.named => GenerationId::of_key(&self.tenant, custom_id),
            _ => self.id,
        }
    }
}

impl Inbound for Requested {
    /// Never fails: refusing a request is work too.
    fn read(raw: &Raw) -> Result<Self, Source> {
        let origin = raw.origin();
        let (lane, id) = subject::parse_requested(origin.subject);
        Ok(Self {
            id: id.unwrap_or_else(|| {
                GenerationId::of_message(origin.stream, origin.sequence, origin.stored_at)
            }),
            named: id.is_some(),
            replayed: raw.stream == WORK && raw.is_replayed(),
            tenant: raw
                .header(header::TENANT)
                .and_then(|name| name.parse().ok())
                .unwrap_or_default(),
            api_key: raw.header(header::API_KEY).map(str::to_owned),
            lane,
            content_type: raw.header(header::CONTENT_TYPE).map(str::to_owned),
            body: raw.payload.clone(),
            stored_at: origin.stored_at,
        })
    }
}
