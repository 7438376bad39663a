//! Events as they travel: protobuf and JSON, the subjects they go by, and the request as a user
//! may write it. Generated code, and the hand-written conversions to and from `domain`, where
//! inwards is validation. The only crate that knows serde and prost on behalf of events.
#![warn(missing_docs)]

/// Questions and answers between services, as protobuf.
pub mod ask;
mod convert;
mod error;
mod event;
/// Names of NATS headers.
pub mod header;
mod presets;
mod read;
mod request;
/// Names of subjects.
pub mod subject;

/// The messages of `proto/darkroom/v1`, generated.
#[expect(missing_docs, clippy::doc_markdown, reason = "documented in the schema")]
#[rustfmt::skip]
pub mod v1 {
    include!("gen/darkroom.v1.rs");

}

pub use error::DecodeError;
pub use event::{Encoded, Encoding, decode, encode, tenant_of_accepted};
pub use request::{draft, parse_request};
