//! Reading single values, with the field's name in every complaint.

use std::str::FromStr;

use domain::Usd;
use jiff::Timestamp;

use crate::DecodeError;

/// Reads a value that says itself what it should have been.
pub(crate) fn value<T>(field: &'static str, text: &str) -> Result<T, DecodeError>
where
    T: FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|err: T::Err| DecodeError::Field {
        field,
        reason: format!("is invalid: {err}"),
    })
}

/// Reads a value that may be absent.
pub(crate) fn optional<T>(field: &'static str, text: Option<&str>) -> Result<Option<T>, DecodeError>
where
    T: FromStr<Err: std::fmt::Display>,
{
    text.map(|text| value(field, text)).transpose()
}

/// Reads a part that must be there.
pub(crate) fn part<T>(field: &'static str, part: Option<T>) -> Result<T, DecodeError> {
    part.ok_or_else(|| DecodeError::missing(field))
}

pub(crate) fn time(field: &'static str, text: &str) -> Result<Timestamp, DecodeError> {
    value(field, text)
}

pub(crate) const fn usd(micros: i64) -> Usd {
    Usd::from_micros(micros)
}
