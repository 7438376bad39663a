//! API keys: who is asking.

mod list;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use domain::{InvalidId, InvalidValue};
use ring::hmac::{self, HMAC_SHA256, Tag};

use crate::caller::Caller;

/// The keys that open the gateway, as hashes, each with what its holder may do.
#[derive(Clone, Default)]
pub struct Keys(Vec<(Tag, Arc<Caller>)>);

/// A list of keys that cannot be used. Never shows a key.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKey {
    /// It is no key of ours, or one that can be guessed.
    #[error(
        "key number {0} is no key: expected dk_ and at least {min} of A-Z, a-z, 0-9, _ and -",
        min = list::MIN_SECRET
    )]
    Key(usize),
    /// What follows the `@` is no tenant.
    #[error("the tenant of key number {0} cannot be used")]
    Tenant(usize, #[source] InvalidId),
    /// What follows a `;` is nothing that can be said of a key, or was said before.
    #[error(
        "after key number {0} expected at most one each of `;name=…`, `;lane=…` and `;scopes=…`"
    )]
    Attribute(usize),
    /// Others read the name.
    #[error(
        "the name of key number {0} cannot be used: expected 1 to {max} of A-Z, a-z, 0-9, ., _ and \
         -, and no key",
        max = list::MAX_NAME
    )]
    Name(usize),
    /// There is no such lane.
    #[error("the lane of key number {0} cannot be used")]
    Lane(usize, #[source] InvalidValue),
    /// It may do nothing, or something that does not exist.
    #[error("the scopes of key number {0} cannot be used: expected some of read, write and admin")]
    Scopes(usize),
    /// It would not be clear what it may do.
    #[error("key number {0} is there a second time")]
    Twice(usize),
    /// The list is there, but empty: a mistake, not a wish to let everybody in.
    #[error("there is no key in it; leave it out to need none")]
    Empty,
}

impl Keys {
    /// Whether nobody needs a key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose key the request carries, in `Authorization: Bearer` or `Api-Key`.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Option<Arc<Caller>> {
        let key = presented(headers)?;
        let hasher = hasher();
        // All are compared, each in constant time: the time taken tells nothing of the keys.
        let mut found = None;
        for (hash, caller) in &self.0 {
            if hmac::verify(&hasher, key.as_bytes(), hash.as_ref()).is_ok() {
                found = Some(caller);
            }
        }
        found.cloned()
    }
}

/// SHA-256 in the form that ring also compares in constant time. The key of the hash is no secret:
/// API keys are long and random, so their hashes need no salt.
fn hasher() -> hmac::Key {
    hmac::Key::new(HMAC_SHA256, b"darkroom api key")
}

fn presented(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get("api-key") {
        return key.to_str().ok().map(str::trim);
    }
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

impl FromStr for Keys {
    type Err = InvalidKey;

    /// Reads `KEY[@TENANT][;name=NAME][;lane=LANE][;scopes=read,write,admin]`, several separated
    /// by commas or white space. A key without a name is called `key_` and the beginning of its
    /// hash; one without scopes may read and write.
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let keys = list::read(text)?;
        if keys.is_empty() {
            Err(InvalidKey::Empty)
        } else {
            Ok(Self(keys))
        }
    }
}

impl fmt::Debug for Keys {
    /// How many there are; not even their hashes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const ACME: &str = "dk_acme0123456789abcdef";
    const OURS: &str = "dk_ours0123456789abcdef";

    fn headers(name: &'static str, value: String) -> anyhow::Result<HeaderMap> {
        let value = HeaderValue::from_str(&value)?;
        Ok(HeaderMap::from_iter([(
            HeaderName::from_static(name),
            value,
        )]))
    }

    #[test]
    fn a_key_tells_whose_it_is() -> anyhow::Result<()> {
        let keys: Keys = format!("{ACME}@acme,\n{OURS}\n").parse()?;
        let tenant = |name, value| {
            let caller = keys.caller(&headers(name, value)?);
            anyhow::Ok(caller.map(|caller| caller.tenant.to_string()))
        };
        let acme = Some("acme".to_owned());
        let ours = Some("default".to_owned());

        assert_eq!(tenant("authorization", format!("Bearer {ACME}"))?, acme);
        assert_eq!(tenant("authorization", format!("bearer {OURS}"))?, ours);
        assert_eq!(tenant("api-key", OURS.to_owned())?, ours);
        for (name, value) in [
            ("authorization", format!("Basic {ACME}")),
            ("authorization", ACME.to_owned()),
            ("api-key", format!("{ACME}x")),
            ("api-key", String::new()),
        ] {
            assert_eq!(tenant(name, value.clone())?, None, "{name}: {value}");
        }
        Ok(())
    }
}
