//! Identities. Each is a `TypeID`: a prefix that says what it names, and a UUID in base 32.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use type_safe_id::{StaticType, TypeSafeId};
use uuid::Uuid;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Gen;
impl StaticType for Gen {
    const TYPE: &'static str = "gen";
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Img;
impl StaticType for Img {
    const TYPE: &'static str = "img";
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Der;
impl StaticType for Der {
    const TYPE: &'static str = "der";
}

/// A text that is no id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind} id, which looks like `{example}`")]
pub struct InvalidId {
    kind: &'static str,
    example: &'static str,
    text: String,
}

/// Names one request and all that becomes of it; `gen_` and 26 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GenerationId(TypeSafeId<Gen>);

impl GenerationId {
    /// A new id that sorts by time of creation (`UUIDv7`, RFC 9562 §5.7).
    #[must_use]
    pub fn generate() -> Self {
        Self(TypeSafeId::from_uuid(Uuid::now_v7()))
    }

    /// The id of the message that `stream` stored at `sequence` and `time`: the same at every
    /// redelivery, and another one if the stream is created anew and counts from one again.
    #[must_use]
    pub fn of_message(stream: &str, sequence: u64, time: Timestamp) -> Self {
        let nanos = time.as_nanosecond().to_be_bytes();
        let digest = digest(&[
            b"message",
            stream.as_bytes(),
            &sequence.to_be_bytes(),
            &nanos,
        ]);
        let millis = u64::try_from(time.as_millisecond()).unwrap_or(0);
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &ten(&digest)).into_uuid();
        Self(TypeSafeId::from_uuid(uuid))
    }

    /// The id of whatever `tenant` calls `key` (`customId` or `Idempotency-Key`): asking twice
    /// with one key names one generation.
    #[must_use]
    pub fn of_key(tenant: &Tenant, key: &str) -> Self {
        let digest = digest(&[b"key", tenant.as_str().as_bytes(), key.as_bytes()]);
        Self(TypeSafeId::from_uuid(Uuid::new_v8(sixteen(&digest))))
    }
}

/// Names one picture; `img_` and 26 characters. Derived, so that every stage and every repetition
/// of a stage gives the same picture the same name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageId(TypeSafeId<Img>);

impl ImageId {
    /// The id of the picture at `index` (from 0) of `generation`.
    #[must_use]
    pub fn of(generation: GenerationId, index: u32) -> Self {
        let uuid = generation.0.uuid();
        let digest = digest(&[b"image", uuid.as_bytes(), &index.to_be_bytes()]);
        Self(TypeSafeId::from_uuid(Uuid::new_v8(sixteen(&digest))))
    }
}

/// Names one order of new cuts; `der_` and 26 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DerivationId(TypeSafeId<Der>);

impl DerivationId {
    /// A new id that sorts by time of creation (`UUIDv7`, RFC 9562 §5.7).
    #[must_use]
    pub fn generate() -> Self {
        Self(TypeSafeId::from_uuid(Uuid::now_v7()))
    }

    /// The id of the order that `tenant` calls `key`: asking twice with one key is one order.
    #[must_use]
    pub fn of_key(tenant: &Tenant, key: &str) -> Self {
        let digest = digest(&[b"derivation", tenant.as_str().as_bytes(), key.as_bytes()]);
        Self(TypeSafeId::from_uuid(Uuid::new_v8(sixteen(&digest))))
    }
}

macro_rules! text {
    ($id:ident, $kind:literal, $example:literal) => {
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl FromStr for $id {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = |_| InvalidId {
                    kind: $kind,
                    example: $example,
                    text: text.chars().take(64).collect(),
                };
                text.parse().map(Self).map_err(invalid)
            }
        }
    };
}
text!(GenerationId, "generation", "gen_01h455vb4pex5vsknk084sn02q");
text!(ImageId, "image", "img_01h455vb4pex5vsknk084sn02q");
text!(DerivationId, "derivation", "der_01h455vb4pex5vsknk084sn02q");

/// Whose a thing is. A part of subjects and ids, so 1 to 64 of `A-Za-z0-9_-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(String);

impl Tenant {
    /// The tenant of everybody who names none.
    pub const DEFAULT: &'static str = "default";

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Tenant {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if fits {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidId {
            kind: "tenant",
            example: "acme-shop",
            text: text.chars().take(64).collect(),
        })
    }
}

/// SHA-256 over `parts`, each preceded by its length, so that no two lists of parts agree.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

fn sixteen(digest: &[u8; 32]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes
}

fn ten(digest: &[u8; 32]) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&digest[..10]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_its_id_and_a_recreated_stream_gives_another() {
        let then = Timestamp::from_second(1_795_000_000).unwrap();
        let id = GenerationId::of_message("INTAKE", 1, then);

        assert_eq!(id, GenerationId::of_message("INTAKE", 1, then));
        assert_ne!(id, GenerationId::of_message("INTAKE", 2, then));
        let later = Timestamp::from_second(1_795_000_001).unwrap();
        assert_ne!(id, GenerationId::of_message("INTAKE", 1, later));
        assert!(id < GenerationId::of_message("INTAKE", 1, later));
    }

    #[test]
    fn a_key_of_one_tenant_is_not_the_key_of_another() {
        let acme: Tenant = "acme".parse().unwrap();

        assert_eq!(
            GenerationId::of_key(&acme, "a"),
            GenerationId::of_key(&acme, "a")
        );
        assert_ne!(
            GenerationId::of_key(&acme, "a"),
            GenerationId::of_key(&Tenant::default(), "a")
        );
    }

    #[test]
    fn ids_are_read_back_and_kinds_are_not_mixed_up() {
        let id = GenerationId::generate();

        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("gen_"));
        assert!(
            ImageId::of(id, 0)
                .to_string()
                .parse::<GenerationId>()
                .is_err()
        );
        assert_ne!(ImageId::of(id, 0), ImageId::of(id, 1));
    }

    #[test]
    fn a_tenant_is_a_token() {
        for bad in ["", "a.b", "a b", "*", &"a".repeat(65)] {
            assert!(bad.parse::<Tenant>().is_err(), "{bad}");
        }
    }
}
