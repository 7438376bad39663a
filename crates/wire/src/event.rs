//! Events in and out of bytes.

use std::str::FromStr;

use domain::{Event, InvalidValue, Tenant};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{DecodeError, v1};

/// Room for an event as most are, so that it need not grow from nothing.
const USUAL_BYTES: usize = 2048;

/// How bodies are written. Both are always read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`.
    #[default]
    Json,
    /// `application/protobuf`.
    Protobuf,
}

impl Encoding {
    /// The media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/protobuf",
        }
    }

    /// The encoding of a media type; JSON if there is none, `None` if it is another. Parameters
    /// such as `charset` are ignored (RFC 9110 §8.3.1).
    #[must_use]
    pub fn of_content_type(content_type: Option<&str>) -> Option<Self> {
        let essence = content_type.and_then(|text| text.split(';').next());
        let essence = essence.map_or("", str::trim);
        let is = |name| essence.eq_ignore_ascii_case(name);
        if essence.is_empty() || is("application/json") {
            Some(Self::Json)
        } else if is("application/protobuf") || is("application/x-protobuf") {
            Some(Self::Protobuf)
        } else {
            None
        }
    }
}

impl FromStr for Encoding {
    type Err = InvalidValue;

    /// Reads `json` and `protobuf`.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "json" => Ok(Self::Json),
            "protobuf" => Ok(Self::Protobuf),
            _ => Err(InvalidValue::new("one of json protobuf")),
        }
    }
}

/// An event ready to be published.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// Where to.
    pub subject: String,
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub key: String,
    /// The media type of `body`.
    pub content_type: &'static str,
    /// The event.
    pub body: Vec<u8>,
}

/// Writes `event`.
#[must_use]
pub fn encode(event: &Event, encoding: Encoding) -> Encoded {
    let key = event.key();
    Encoded {
        subject: format!("{}.{key}", event.name()),
        id: event.id(),
        name: event.name(),
        key,
        content_type: encoding.content_type(),
        body: body(event, encoding),
    }
}

fn body(event: &Event, encoding: Encoding) -> Vec<u8> {
    match event {
        Event::Accepted(event) => write(&v1::GenerationAccepted::from(event.as_ref()), encoding),
        Event::Calling(event) => write(&v1::GenerationCalling::from(event), encoding),
        Event::Submitted(event) => write(&v1::GenerationSubmitted::from(event), encoding),
        Event::Unknown(event) => write(&v1::GenerationUnknown::from(event), encoding),
        Event::Parked(event) => write(&v1::GenerationParked::from(event), encoding),
        Event::Rendered(event) => write(&v1::GenerationRendered::from(event.as_ref()), encoding),
        Event::Completed(event) => write(&v1::GenerationCompleted::from(event.as_ref()), encoding),
        Event::Failed(event) => write(&v1::GenerationFailed::from(event.as_ref()), encoding),
        Event::Ready(event) => write(&v1::GenerationReady::from(event.as_ref()), encoding),
        Event::ImageReady(event) => write(&v1::ImageReady::from(event.as_ref()), encoding),
        Event::ImageFailed(event) => write(&v1::ImageFailed::from(event.as_ref()), encoding),
        Event::ImageRecovered(event) => write(&v1::ImageRecovered::from(event.as_ref()), encoding),
        Event::ImageRecut(event) => write(&v1::ImageRecut::from(event.as_ref()), encoding),
        Event::AssetExpired(event) => write(&v1::AssetExpired::from(event), encoding),
        Event::AssetDeleted(event) => write(&v1::AssetDeleted::from(event), encoding),
        Event::Announced(event) => write(&v1::GenerationAnnounced::from(event), encoding),
        Event::ProviderParked(event) => write(&v1::ProviderParked::from(event), encoding),
        Event::ProviderResumed(event) => write(&v1::ProviderResumed::from(event), encoding),
        Event::ProviderDiscrepancy(event) => write(&v1::ProviderDiscrepancy::from(event), encoding),
        Event::BudgetWarning(event) | Event::BudgetExhausted(event) => {
            write(&v1::BudgetNotice::from(event), encoding)
        }
        Event::NotificationDelivered(event) => {
            write(&v1::NotificationDelivered::from(event), encoding)
        }
        Event::NotificationFailed(event) => write(&v1::NotificationFailed::from(event), encoding),
    }
}

/// Reads the event of that name.
///
/// # Errors
///
/// The body is no such event, or holds a value that it may not hold.
pub fn decode(name: &str, encoding: Encoding, body: &[u8]) -> Result<Event, DecodeError> {
    macro_rules! read {
        ($message:ident) => {
            Ok(read::<v1::$message>(name, encoding, body)?.into_event()?)
        };
    }
    let notice = || read::<v1::BudgetNotice>(name, encoding, body)?.into_notice();
    match name {
        "generation.accepted" => read!(GenerationAccepted),
        "generation.calling" => read!(GenerationCalling),
        "generation.submitted" => read!(GenerationSubmitted),
        "generation.unknown" => read!(GenerationUnknown),
        "generation.parked" => read!(GenerationParked),
        "generation.rendered" => read!(GenerationRendered),
        "generation.completed" => read!(GenerationCompleted),
        "generation.failed" => read!(GenerationFailed),
        "generation.ready" => read!(GenerationReady),
        "image.ready" => read!(ImageReady),
        "image.failed" => read!(ImageFailed),
        "image.recovered" => read!(ImageRecovered),
        "image.recut" => read!(ImageRecut),
        "asset.expired" => read!(AssetExpired),
        "asset.deleted" => read!(AssetDeleted),
        "generation.announced" => read!(GenerationAnnounced),
        "provider.parked" => read!(ProviderParked),
        "provider.resumed" => read!(ProviderResumed),
        "provider.discrepancy" => read!(ProviderDiscrepancy),
        "budget.warning" => notice().map(Event::BudgetWarning),
        "budget.exhausted" => notice().map(Event::BudgetExhausted),
        "notification.delivered" => read!(NotificationDelivered),
        "notification.failed" => read!(NotificationFailed),
        _ => Err(DecodeError::UnknownEvent(name.chars().take(64).collect())),
    }
}

/// Whose a generation is, of an `accepted` that cannot be read as a whole.
#[must_use]
pub fn tenant_of_accepted(encoding: Encoding, body: &[u8]) -> Option<Tenant> {
    let tenant = match encoding {
        Encoding::Json => {
            let event: serde_json::Value = serde_json::from_slice(body).ok()?;
            event["job"]["tenant"].as_str()?.to_owned()
        }
        Encoding::Protobuf => v1::GenerationAccepted::decode(body).ok()?.job?.tenant,
    };
    tenant.parse().ok()
}

fn write<M: Message + Serialize>(message: &M, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Protobuf => message.encode_to_vec(),
        Encoding::Json => {
            let mut body = Vec::with_capacity(USUAL_BYTES);
            // Cannot fail: the schema has no map with keys other than strings, and no other source of
            // errors writes to memory.
            drop(serde_json::to_writer(&mut body, message));
            body
        }
    }
}

fn read<M: Message + Default + DeserializeOwned>(
    name: &str,
    encoding: Encoding,
    body: &[u8],
) -> Result<M, DecodeError> {
    let name = || name.to_owned();
    match encoding {
        Encoding::Json => serde_json::from_slice(body).map_err(|source| DecodeError::Json {
            name: name(),
            source,
        }),
        Encoding::Protobuf => M::decode(body).map_err(|source| DecodeError::Protobuf {
            name: name(),
            source,
        }),
    }
}
