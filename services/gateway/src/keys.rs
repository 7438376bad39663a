//! API keys: who is asking.

use std::fmt;
use std::str::FromStr;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use domain::{InvalidId, Tenant};
use ring::hmac::{self, HMAC_SHA256, Tag};

const PREFIX: &str = "dk_";
/// Short keys can be guessed.
const MIN_SECRET: usize = 16;

/// The keys that open the gateway, as hashes, each with the tenant it belongs to.
#[derive(Clone, Default)]
pub struct Keys(Vec<(Tag, Tenant)>);

/// A list of keys that cannot be used. Never shows a key.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKey {
    /// It is no key of ours, or one that can be guessed.
    #[error(
        "key number {0} is no key: expected dk_ and at least {MIN_SECRET} of A-Z, a-z, 0-9, _ and -"
    )]
    Key(usize),
    /// What follows the `@` is no tenant.
    #[error("the tenant of key number {0} cannot be used")]
    Tenant(usize, #[source] InvalidId),
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
    pub(crate) fn tenant(&self, headers: &HeaderMap) -> Option<Tenant> {
        let key = presented(headers)?;
        let hasher = hasher();
        // All are compared, each in constant time: the time taken tells nothing of the keys.
        let mut found = None;
        for (hash, tenant) in &self.0 {
            if hmac::verify(&hasher, key.as_bytes(), hash.as_ref()).is_ok() {
                found = Some(tenant);
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

    /// Reads `KEY[@TENANT]`, several separated by commas or white space.
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let entries = text
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|e| !e.is_empty());
        let keys = entries
            .enumerate()
            .map(|(index, entry)| parse(index + 1, entry));
        let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
        if keys.is_empty() {
            Err(InvalidKey::Empty)
        } else {
            Ok(Self(keys))
        }
    }
}

fn parse(number: usize, entry: &str) -> Result<(Tag, Tenant), InvalidKey> {
    let (key, tenant) = match entry.split_once('@') {
        Some((key, tenant)) => (
            key,
            tenant
                .parse()
                .map_err(|err| InvalidKey::Tenant(number, err))?,
        ),
        None => (entry, Tenant::default()),
    };
    let is_key = key.strip_prefix(PREFIX).is_some_and(|secret| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        secret.len() >= MIN_SECRET && secret.bytes().all(plain)
    });
    if is_key {
        Ok((hmac::sign(&hasher(), key.as_bytes()), tenant))
    } else {
        Err(InvalidKey::Key(number))
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
        let tenant = |name, value| anyhow::Ok(keys.tenant(&headers(name, value)?));

        assert_eq!(
            tenant("authorization", format!("Bearer {ACME}"))?,
            Some("acme".parse()?)
        );
        assert_eq!(
            tenant("authorization", format!("bearer {OURS}"))?,
            Some(Tenant::default())
        );
        assert_eq!(tenant("api-key", OURS.to_owned())?, Some(Tenant::default()));
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

    #[test]
    fn a_bad_list_is_refused_without_showing_it() {
        for list in [
            "",
            " , ",
            "dk_short",
            "0123456789abcdef0123456789",
            "dk_0123456789abcdef@a.b",
        ] {
            let said = list
                .parse::<Keys>()
                .map_or_else(|err| err.to_string(), |_| String::new());
            assert!(
                !said.is_empty() && !said.contains("0123456789"),
                "{list}: {said}"
            );
        }
    }
}
