//! What stands behind the question mark of an address.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use domain::{Code, Invalid};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use url::form_urlencoded;

const MAX_TEXT: usize = 512;
const DATE: usize = "2026-12-24".len();

/// Parameters by name; each at most once.
#[derive(Debug)]
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads the parameters of a route that knows `names`.
    pub(crate) fn read(text: Option<&str>, names: &[&str]) -> Result<Self, Invalid> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
            if !names.contains(&name.as_ref()) {
                return Err(Invalid {
                    field: name.chars().take(64).collect(),
                    code: Code::UnknownField,
                    reason: format!("there is no such parameter; there are {}", names.join(", ")),
                });
            }
            if value.chars().count() > MAX_TEXT {
                let reason = format!("must have at most {MAX_TEXT} characters");
                return Err(Invalid::field(name, reason));
            }
            let known = parameters.insert(name.to_string(), value.into_owned());
            if known.is_some() {
                return Err(Invalid::field(name, "must be given only once"));
            }
        }
        // `?model=` asks for nothing in particular, as an empty field of a form does.
        parameters.retain(|_, value| !value.is_empty());
        Ok(Self(parameters))
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    pub(crate) fn value<T: FromStr>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Invalid> {
        let value = self.0.get(name).map(|text| text.parse());
        value
            .transpose()
            .map_err(|_| Invalid::field(name, expected))
    }

    /// A word of a closed vocabulary, as it is written in full.
    pub(crate) fn word<T>(&self, name: &str) -> Result<Option<String>, Invalid>
    where
        T: FromStr<Err: Display> + Display,
    {
        let word = self.0.get(name).map(|text| text.parse::<T>());
        let word = word
            .transpose()
            .map_err(|err| Invalid::field(name, err.to_string()))?;
        Ok(word.map(|word| word.to_string()))
    }

    /// A moment; a day is its first one, in UTC.
    pub(crate) fn time(&self, name: &str) -> Result<Option<String>, Invalid> {
        let at = self.0.get(name).map(|text| moment(name, text));
        Ok(at.transpose()?.map(|at| at.to_string()))
    }

    /// The same question with one parameter set to another value, as it stands in an address.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.0.iter().filter(|(known, _)| *known != name));
        query.append_pair(name, value);
        query.finish()
    }
}

/// Reads a moment; a day is its first one, in UTC.
pub(crate) fn moment(name: &str, text: &str) -> Result<Timestamp, Invalid> {
    const EXPECTED: &str =
        "expected a day such as 2026-12-24 or an RFC 3339 time such as 2026-12-24T18:00:00Z";
    let at = match text.len() {
        DATE => text.parse::<Date>().and_then(|day| {
            let midnight = day.to_zoned(TimeZone::UTC)?;
            Ok(midnight.timestamp())
        }),
        _ => text.parse::<Timestamp>(),
    };
    at.map_err(|_| Invalid::field(name, EXPECTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_first_moment() -> Result<(), Invalid> {
        let time = |text: &str| Query::read(Some(text), &["from"])?.time("from");

        let midnight = Some("2026-12-24T00:00:00Z".to_owned());
        assert_eq!(time("from=2026-12-24")?, midnight);
        assert_eq!(time("from=2026-12-24T01:00:00%2B01:00")?, midnight);
        assert_eq!(time("from=")?, None);
        for bad in ["yesterday", "2026-13-01", "2026-12-24T18:00", "20261224"] {
            let refused = time(&format!("from={bad}"));
            assert!(refused.is_err_and(|err| err.field == "from"), "{bad}");
        }
        Ok(())
    }
}
