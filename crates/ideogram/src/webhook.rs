//! The provider's webhooks: who signed them, and what they say.
//!
//! One POST when all images of a generation are done; not guaranteed, sometimes twice.
//! <https://developer.ideogram.ai/v1/ideogram-api/webhooks>

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;

use crate::ResultImage;
use crate::answer::{id, images};

/// The generation it is about, in URL-safe base64.
pub const HEADER_GENERATION_ID: &str = "x-ideogram-webhook-generation-id";
/// The account that asked for it, in URL-safe base64.
pub const HEADER_USER_ID: &str = "x-ideogram-webhook-user-id";
/// When it was signed, in unix seconds.
pub const HEADER_TIMESTAMP: &str = "x-ideogram-webhook-timestamp";
/// Which of the provider's keys signed it.
pub const HEADER_KEY_ID: &str = "x-ideogram-webhook-key-id";
/// The Ed25519 signature in hexadecimal.
pub const HEADER_SIGNATURE: &str = "x-ideogram-webhook-signature";
/// How far its clock may be from ours, either way. Our choice; the provider names none.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// Two keys are listed during a rotation; more than this is no key set.
const MAX_KEYS: usize = 32;

/// The provider's public keys, as `GET /v1/.well-known/jwks.json` lists them (RFC 7517, RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwks {
    keys: Vec<Key>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    kid: Option<String>,
    public: [u8; 32],
}

/// Why a webhook, or a set of keys, is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// A key set without a single Ed25519 key.
    #[error("the key set has no Ed25519 key")]
    NoKeys,
    /// A header is missing or no text.
    #[error("header `{0}` is missing or unreadable")]
    Header(&'static str),
    /// Signed too long ago, or in the future: perhaps recorded and sent again.
    #[error("its timestamp is more than 5 minutes from now")]
    Stale,
    /// None of the keys fits; fetch them anew once before giving up.
    #[error("its signature fits none of the known keys")]
    Signature,
    /// Signed, but not to be read, or about another generation than its headers say.
    #[error("its body is not the JSON of a generation")]
    Body,
}

/// What a genuine webhook says. The generation itself is best polled.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The generation that is done.
    pub provider_id: String,
    /// When it was asked for, if the body says so.
    pub created: Option<Timestamp>,
    /// Its images.
    pub images: Vec<ResultImage>,
}

impl Jwks {
    /// Reads a key set; keys of other kinds are passed over.
    ///
    /// # Errors
    ///
    /// [`Unverified::NoKeys`]: it has no usable key or is no key set.
    pub fn parse(json: &[u8]) -> Result<Self, Unverified> {
        let set: Value = serde_json::from_slice(json).unwrap_or_default();
        let listed = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(Unverified::NoKeys)?;
        let keys: Vec<Key> = listed.iter().take(MAX_KEYS).filter_map(Key::read).collect();
        if keys.is_empty() {
            Err(Unverified::NoKeys)
        } else {
            Ok(Self { keys })
        }
    }

    /// Checks signature and age of a webhook and reads it. `body` must be exactly the bytes that
    /// came.
    ///
    /// # Errors
    ///
    /// Why it is not believed. After [`Unverified::Signature`] the keys may have been rotated.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Notice, Unverified> {
        let header = |name| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value
                .filter(|value| !value.is_empty())
                .ok_or(Unverified::Header(name))
        };
        let generation = header(HEADER_GENERATION_ID)?;
        let user = header(HEADER_USER_ID)?;
        let timestamp = header(HEADER_TIMESTAMP)?;
        let mut signature = [0; 64];
        hex::decode_to_slice(header(HEADER_SIGNATURE)?, &mut signature)
            .map_err(|_| Unverified::Signature)?;
        let hash = hex::encode(digest(&SHA256, body));
        let message = format!("{generation}\n{user}\n{timestamp}\n{hash}");
        if !self.signed(header(HEADER_KEY_ID).ok(), message.as_bytes(), &signature) {
            return Err(Unverified::Signature);
        }

        let signed_at = timestamp
            .parse()
            .ok()
            .and_then(|at| Timestamp::from_second(at).ok());
        let age = signed_at
            .ok_or(Unverified::Header(HEADER_TIMESTAMP))?
            .duration_since(now);
        if age.unsigned_abs() > TOLERANCE {
            return Err(Unverified::Stale);
        }
        read(body, generation)
    }

    /// The key that is named comes first, but a wrong name is no reason to lose a webhook.
    fn signed(&self, kid: Option<&str>, message: &[u8], signature: &[u8]) -> bool {
        let (named, others): (Vec<&Key>, Vec<&Key>) = self
            .keys
            .iter()
            .partition(|key| kid.is_some() && key.kid.as_deref() == kid);
        named.into_iter().chain(others).any(|key| {
            UnparsedPublicKey::new(&ED25519, &key.public)
                .verify(message, signature)
                .is_ok()
        })
    }
}

impl Key {
    fn read(jwk: &Value) -> Option<Self> {
        let text = |field| jwk.get(field).and_then(Value::as_str);
        let is_ed25519 = text("crv").is_none_or(|curve| curve == "Ed25519")
            && text("kty").is_none_or(|kind| kind == "OKP");
        let x = text("x").filter(|_| is_ed25519)?.trim_end_matches('=');
        let public = URL_SAFE_NO_PAD.decode(x).ok()?.try_into().ok()?;
        Some(Self {
            kid: text("kid").map(str::to_owned),
            public,
        })
    }
}

/// The documentation calls the id by two names; whichever is there must be the one that is signed.
fn read(body: &[u8], generation: &str) -> Result<Notice, Unverified> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Unverified::Body)?;
    let provider_id = id(&body, "generation_id")
        .or_else(|| id(&body, "request_id"))
        .filter(|id| id == generation)
        .ok_or(Unverified::Body)?;
    let created = body
        .get("created")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok());
    Ok(Notice {
        provider_id,
        created,
        images: images(&body).unwrap_or_default(),
    })
}
