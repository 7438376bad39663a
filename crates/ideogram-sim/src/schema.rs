//! Reads a body as the provider's schema check does: the first fault is named with its field, and
//! fields that nobody asked for are ignored.

mod value;

use std::collections::BTreeMap;

use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::Value;

use crate::answer::Refusal;
use crate::body::Body;
use crate::catalogue::{Field, Kind, Route, Rule, Shown};

/// A body that keeps to the schema and the rules of its route.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The known fields that were given, words in the listed spelling.
    values: BTreeMap<&'static str, Value>,
    /// Never an empty list.
    pub(crate) files: BTreeMap<&'static str, Vec<Bytes>>,
}

impl Asked {
    /// Checks `body` against the row that holds for it: first each field, then what joins them.
    pub(crate) fn read(route: &Route, mut body: Body) -> Result<Self, Refusal> {
        let mut asked = Self {
            values: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        for field in route.fields() {
            if let Kind::Files(most, megabytes) = field.kind {
                let files = body.files.remove(field.name).unwrap_or_default();
                check_files(route, &field, &files, most, megabytes, &body)?;
                if !files.is_empty() {
                    asked.files.insert(field.name, files);
                }
            } else if let Some(value) = body.fields.get(field.name) {
                if let Some(value) = value::check(&field, value)? {
                    asked.values.insert(field.name, value);
                }
            } else if field.required {
                return Err(missing(field.name));
            }
        }
        for tier in route.tiers {
            if let Some(value) = body.fields.get(tier.field) {
                let words: Vec<_> = tier.prices.iter().map(|(word, _)| *word).collect();
                let word = value::word(tier.field, value, &words, tier.spelling)?;
                asked.values.insert(tier.field, Value::from(word));
            }
        }
        for rule in route.rules.iter().copied().flatten() {
            asked.obey(rule)?;
        }
        Ok(asked)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.files.contains_key(name)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// A text, or a word in the listed spelling.
    pub(crate) fn word(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(Value::as_str)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        let number = self.values.get(name).and_then(Value::as_u64)?;
        u32::try_from(number).ok()
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.values.get(name).and_then(Value::as_bool)
    }

    /// How many files or names a field holds.
    pub(crate) fn count(&self, name: &str) -> usize {
        let named = self.values.get(name).map_or(0, |value| match value {
            Value::Array(list) => list.len(),
            _ => 1,
        });
        named + self.files.get(name).map_or(0, Vec::len)
    }

    fn obey(&self, rule: &Rule) -> Result<(), Refusal> {
        let given = |names: &[&'static str]| -> Vec<&'static str> {
            names
                .iter()
                .copied()
                .filter(|name| self.has(name))
                .collect()
        };
        match rule {
            Rule::One(missing, names) if given(names).is_empty() => Err(Refusal::invalid(*missing)),
            Rule::One(_, names) | Rule::AtMostOne(names) => match given(names).as_slice() {
                [] | [_] => Ok(()),
                several => Err(Refusal::invalid(format!(
                    "Only one of {} may be given.",
                    several.join(" and ")
                ))),
            },
            Rule::Excludes(name, others) => match given(others).first() {
                Some(other) if self.has(name) => Err(Refusal::invalid(format!(
                    "{name} cannot be combined with {other}."
                ))),
                _ => Ok(()),
            },
            Rule::Also(check) => check(self),
        }
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::problem(
        StatusCode::BAD_REQUEST,
        format!("'{name}' is a required property"),
    )
}

fn check_files(
    route: &Route,
    field: &Field,
    files: &[Bytes],
    most: usize,
    megabytes: usize,
    body: &Body,
) -> Result<(), Refusal> {
    if body.fields.contains_key(field.name) {
        return Err(Refusal::schema(
            "a file has to come as a part of multipart/form-data",
            field.name,
        ));
    }
    if field.required && files.is_empty() {
        return Err(missing(field.name));
    }
    if files.len() > most {
        return Err(Refusal::invalid(format!(
            "At most {most} source images are allowed."
        )));
    }
    if files.iter().any(|file| file.len() > megabytes << 20) {
        return Err(route.too_large(format!("{} must be at most {megabytes} MB.", field.name)));
    }
    Ok(())
}

/// Refuses a word that is not listed.
pub(crate) fn unlisted(text: &str, shown: &Shown<'_>, name: &str) -> Refusal {
    Refusal::schema(format_args!("'{text}' is not one of {shown}"), name)
}
