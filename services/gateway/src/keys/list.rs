//! The list of keys as it is configured.

use std::sync::Arc;

use domain::{Lane, Tenant};
use ring::hmac::{self, Tag};

use super::{InvalidKey, hasher};
use crate::caller::{Caller, Permission};

const PREFIX: &str = "dk_";
/// Short keys can be guessed.
pub(super) const MIN_SECRET: usize = 16;
pub(super) const MAX_NAME: usize = 64;

pub(super) fn read(text: &str) -> Result<Vec<(Tag, Arc<Caller>)>, InvalidKey> {
    let mut keys: Vec<(Tag, Arc<Caller>)> = Vec::new();
    for (index, entry) in entries(text).iter().enumerate() {
        let number = index + 1;
        let (tag, caller) = parse(number, entry)?;
        if keys.iter().any(|(known, _)| known.as_ref() == tag.as_ref()) {
            return Err(InvalidKey::Twice(number));
        }
        keys.push((tag, Arc::new(caller)));
    }
    Ok(keys)
}

/// One for each key. A comma between scopes separates no keys.
fn entries(text: &str) -> Vec<String> {
    let lists_scopes = |entry: &String| {
        let last = entry.rsplit(';').next();
        last.is_some_and(|attribute| attribute.starts_with("scopes="))
    };
    let mut entries: Vec<String> = Vec::new();
    let pieces = text.split(|c: char| c == ',' || c.is_whitespace());
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        match entries.last_mut() {
            Some(entry) if lists_scopes(entry) && !piece.starts_with(PREFIX) => {
                entry.push(',');
                entry.push_str(piece);
            }
            _ => entries.push(piece.to_owned()),
        }
    }
    entries
}

fn parse(number: usize, entry: &str) -> Result<(Tag, Caller), InvalidKey> {
    let (holder, attributes) = match entry.split_once(';') {
        Some((holder, attributes)) => (holder, Some(attributes)),
        None => (entry, None),
    };
    let (key, tenant) = match holder.split_once('@') {
        Some((key, tenant)) => {
            let tenant = tenant.parse();
            (key, tenant.map_err(|err| InvalidKey::Tenant(number, err))?)
        }
        None => (holder, Tenant::default()),
    };
    let is_key = key
        .strip_prefix(PREFIX)
        .is_some_and(|secret| secret.len() >= MIN_SECRET && secret.bytes().all(is_plain));
    if !is_key {
        return Err(InvalidKey::Key(number));
    }
    let tag = hmac::sign(&hasher(), key.as_bytes());
    let said = Said::read(number, attributes)?;
    let caller = Caller {
        tenant,
        key: Some(said.name.unwrap_or_else(|| name_of(&tag))),
        lane: said.lane,
        permissions: said
            .permissions
            .unwrap_or_else(|| Permission::USUAL.to_vec()),
    };
    Ok((tag, caller))
}

/// What is said of a key.
#[derive(Default)]
struct Said {
    name: Option<String>,
    lane: Option<Lane>,
    permissions: Option<Vec<Permission>>,
}

impl Said {
    fn read(number: usize, attributes: Option<&str>) -> Result<Self, InvalidKey> {
        let mut said = Self::default();
        for attribute in attributes.into_iter().flat_map(|text| text.split(';')) {
            match attribute.split_once('=') {
                Some(("name", name)) if said.name.is_none() => {
                    said.name = Some(public_name(name).ok_or(InvalidKey::Name(number))?);
                }
                Some(("lane", lane)) if said.lane.is_none() => {
                    let lane = lane.parse().map_err(|err| InvalidKey::Lane(number, err))?;
                    said.lane = Some(lane);
                }
                Some(("scopes", scopes)) if said.permissions.is_none() => {
                    let scopes: Result<Vec<Permission>, ()> =
                        scopes.split(',').map(str::parse).collect();
                    said.permissions = Some(scopes.map_err(|()| InvalidKey::Scopes(number))?);
                }
                _ => return Err(InvalidKey::Attribute(number)),
            }
        }
        Ok(said)
    }
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// A name is on every event, so it must not be a key.
fn public_name(name: &str) -> Option<String> {
    let fits = (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| is_plain(byte) || byte == b'.')
        && !name.starts_with(PREFIX);
    fits.then(|| name.to_owned())
}

/// The name of a key that was given none: the same wherever it is configured.
fn name_of(tag: &Tag) -> String {
    format!("key_{}", hex::encode(&tag.as_ref()[..4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dk_0123456789abcdef";

    fn callers(text: &str) -> Result<Vec<Caller>, InvalidKey> {
        let keys = read(text)?;
        Ok(keys.into_iter().map(|(_, key)| (*key).clone()).collect())
    }

    #[test]
    fn a_bare_key_reads_and_writes_under_a_name_made_of_its_hash() -> Result<(), InvalidKey> {
        let found = callers(KEY)?;
        let name = found[0].key.clone().unwrap_or_default();

        assert_eq!(found[0].permissions, Permission::USUAL);
        assert_eq!(
            (found[0].lane, &found[0].tenant),
            (None, &Tenant::default())
        );
        assert!(name.len() == 12 && name.starts_with("key_"), "{name}");
        assert_eq!(callers(KEY)?[0].key.as_ref(), Some(&name));
        assert_ne!(callers(&format!("{KEY}x"))?[0].key.as_ref(), Some(&name));
        Ok(())
    }

    #[test]
    fn what_is_said_of_a_key_is_read() -> anyhow::Result<()> {
        let list = format!(
            "{KEY}@acme;name=shop;lane=interactive;scopes=read,write,\n{KEY}2;scopes=admin\n\
             {KEY}3;scopes=read, admin;name=ops"
        );
        let found = callers(&list)?;

        let shop = Caller {
            tenant: "acme".parse()?,
            key: Some("shop".to_owned()),
            lane: Some(Lane::Interactive),
            permissions: vec![Permission::Read, Permission::Write],
        };
        assert_eq!(found.len(), 3);
        assert_eq!(found[0], shop);
        assert_eq!(found[1].permissions, [Permission::Admin]);
        assert_eq!(found[2].permissions, [Permission::Read, Permission::Admin]);
        assert_eq!(found[2].key.as_deref(), Some("ops"));
        Ok(())
    }

    #[test]
    fn a_bad_list_is_refused_by_its_number_without_showing_it() {
        for (list, hint) in [
            ("dk_short".to_owned(), "number 1 is no key"),
            (
                "0123456789abcdef0123456789".to_owned(),
                "number 1 is no key",
            ),
            (format!("{KEY},{KEY}x@a.b"), "tenant of key number 2"),
            (format!("{KEY};dk_0123456789abcdef"), "after key number 1"),
            (format!("{KEY};name=a;name=b"), "after key number 1"),
            (format!("{KEY};name="), "name of key number 1"),
            (format!("{KEY};name={KEY}"), "name of key number 1"),
            (format!("{KEY};lane=fast"), "lane of key number 1"),
            (format!("{KEY};scopes="), "scopes of key number 1"),
            (
                format!("{KEY};scopes=read,delete"),
                "scopes of key number 1",
            ),
            (
                format!("{KEY} {KEY}@acme"),
                "number 2 is there a second time",
            ),
        ] {
            let said = read(&list).map_or_else(|err| err.to_string(), |_| "accepted".to_owned());
            assert!(said.contains(hint), "{list}: {said}");
            assert!(!said.contains("0123456789"), "{list}: {said}");
        }
        for empty in ["", " , "] {
            let said = empty.parse::<crate::Keys>();
            assert!(matches!(said, Err(InvalidKey::Empty)), "{said:?}");
        }
    }
}
