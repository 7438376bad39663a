//! Messages as they come in.

use async_nats::HeaderMap;
use bytes::Bytes;
use domain::{
    Accepted, Completed, Event, Failed, GenerationId, ImageReady, Lane, Ready, Rendered, Tenant,
};
use jiff::Timestamp;
use wire::{Encoding, header, subject};

use crate::error::Source;

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

    /// The last token of the subject.
    pub(crate) fn key(&self) -> &str {
        self.subject.rsplit('.').next().unwrap_or_default()
    }

    fn event(&self) -> Result<Event, Source> {
        let name = self.header(header::TYPE).ok_or("the message does not say what it is")?;
        let content_type = self.header(header::CONTENT_TYPE);
        let encoding = Encoding::of_content_type(content_type).ok_or("unknown content type")?;
        Ok(wire::decode(name, encoding, &self.payload)?)
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
inbound!(Accepted Rendered Completed Failed Ready ImageReady);

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
    /// Whose it is: the gateway knows; everybody else on NATS is the operator's own.
    pub tenant: Tenant,
    /// The lane it was published to, if any.
    pub lane: Option<Lane>,
    /// The media type of `body`.
    pub content_type: Option<String>,
    /// Whatever was sent.
    pub body: Bytes,
    /// When the server stored it.
    pub stored_at: Timestamp,
}

impl Inbound for Requested {
    /// Never fails: refusing a request is work too.
    fn read(raw: &Raw) -> Result<Self, Source> {
        let (lane, id) = subject::parse_requested(&raw.subject);
        Ok(Self {
            id: id.unwrap_or_else(|| {
                GenerationId::of_message(&raw.stream, raw.sequence, raw.stored_at)
            }),
            named: id.is_some(),
            tenant: raw.header(header::TENANT).and_then(|name| name.parse().ok()).unwrap_or_default(),
            lane,
            content_type: raw.header(header::CONTENT_TYPE).map(str::to_owned),
            body: raw.payload.clone(),
            stored_at: raw.stored_at,
        })
    }
}
