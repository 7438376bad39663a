//! Identifiers, digests, and the Ed25519 keys that sign webhooks. All secrets come from one master
//! seed, so that a journal needs to remember nothing else.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};

use anyhow::anyhow;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SecureRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

/// SHA-256.
pub(crate) type Digest = [u8; 32];

/// 32 secret bytes.
pub(crate) type Master = [u8; 32];

/// A fresh master seed.
pub(crate) fn master() -> anyhow::Result<Master> {
    let mut seed = [0; 32];
    ring::rand::SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| anyhow!("the system has no randomness"))?;
    Ok(seed)
}

/// The signing keys. The last one signs; older ones stay listed for those who still verify.
pub(crate) struct Keys {
    master: Master,
    pairs: Mutex<Vec<SigningKey>>,
}

struct SigningKey {
    kid: String,
    pair: Ed25519KeyPair,
}

impl Keys {
    pub(crate) fn new(master: Master) -> anyhow::Result<Self> {
        let keys = Self {
            master,
            pairs: Mutex::default(),
        };
        keys.rotate()?;
        Ok(keys)
    }

    /// Adds a key and signs with it from now on. Returns its id.
    pub(crate) fn rotate(&self) -> anyhow::Result<String> {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        let seed = digest(&[b"webhook key", &self.master, &pairs.len().to_be_bytes()]);
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|err| anyhow!("cannot make a signing key: {err}"))?;
        let mut kid = hex::encode(digest(&[pair.public_key().as_ref()]));
        kid.truncate(16);
        pairs.push(SigningKey {
            kid: kid.clone(),
            pair,
        });
        Ok(kid)
    }

    /// The id of the signing key and the signature of `message` in lower-case hex.
    pub(crate) fn sign(&self, message: &[u8]) -> (String, String) {
        let pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        pairs
            .last()
            .map(|key| {
                (
                    key.kid.clone(),
                    hex::encode(key.pair.sign(message).as_ref()),
                )
            })
            .unwrap_or_default()
    }

    /// The public keys as a JSON Web Key Set (RFC 7517, RFC 8037).
    pub(crate) fn jwks(&self) -> Value {
        let pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        let keys: Vec<_> = pairs
            .iter()
            .map(|key| {
                json!({
                    "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key.kid,
                    "x": URL_SAFE_NO_PAD.encode(key.pair.public_key()),
                })
            })
            .collect();
        json!({ "keys": keys })
    }

    /// The account that all keys belong to.
    pub(crate) fn user_id(&self) -> String {
        URL_SAFE_NO_PAD.encode(&digest(&[b"user", &self.master])[..16])
    }
}

/// SHA-256 over the parts, each with its length before it.
pub(crate) fn digest(parts: &[&[u8]]) -> Digest {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// 16 bytes that will not repeat. Not secret: nothing is protected by them.
pub(crate) fn random_bytes() -> [u8; 16] {
    let word = || RandomState::new().build_hasher().finish();
    ((u128::from(word()) << 64) | u128::from(word())).to_be_bytes()
}

/// 22 characters of URL-safe base64.
pub(crate) fn random_id() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes())
}
