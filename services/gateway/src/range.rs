//! Conditions and ranges of a `GET` (RFC 9110 §13, §14).

use std::ops::Range;

use axum::http::HeaderMap;
use axum::http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};

/// Which bytes are asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of them.
    Whole,
    /// These.
    Part(Range<u64>),
    /// None that exist.
    Nothing,
}

/// Whether the client has the object already.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let listed = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut tags = listed.flat_map(|value| value.split(',')).map(str::trim);
    // Weak comparison (§13.1.2): `W/` does not count.
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// What of an object of `size` bytes is asked for. Several ranges at once, units other than bytes
/// and nonsense are answered with the whole, as §14.2 allows.
pub(crate) fn wanted(headers: &HeaderMap, etag: &str, size: u64) -> Wanted {
    // A strong comparison (§13.1.5); a date is never ours.
    let same = headers
        .get(IF_RANGE)
        .is_none_or(|tag| tag.as_bytes() == etag.as_bytes());
    let range = headers
        .get(RANGE)
        .and_then(|range| range.to_str().ok())
        .filter(|_| same);
    let Some((first, last)) = range.and_then(parse) else {
        return Wanted::Whole;
    };
    let part = match (first, last) {
        (Some(first), None) => first..size,
        (Some(first), Some(last)) if last < first => return Wanted::Whole,
        (Some(first), Some(last)) => first..size.min(last.saturating_add(1)),
        (None, Some(length)) => size.saturating_sub(length)..size,
        (None, None) => return Wanted::Whole,
    };
    if part.is_empty() {
        Wanted::Nothing
    } else {
        Wanted::Part(part)
    }
}

type Ends = (Option<u64>, Option<u64>);

/// Reads `bytes=FIRST-LAST`, `bytes=FIRST-` and `bytes=-LENGTH`.
fn parse(text: &str) -> Option<Ends> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    let end = |text: &str| match text.trim() {
        "" => Some(None),
        // Digits only: `parse` would take a sign, too.
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok().map(Some),
        _ => None,
    };
    let is_bytes = unit.trim().eq_ignore_ascii_case("bytes");
    is_bytes.then_some(())?;
    Some((end(first)?, end(last)?))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const ETAG: &str = "\"generated/a.png\"";

    fn of(range: &'static str) -> Wanted {
        let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(range))]);
        wanted(&headers, ETAG, 100)
    }

    #[test]
    fn one_range_is_served_and_the_rest_is_ignored() {
        for (range, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=10-19", Wanted::Part(10..20)),
            ("bytes=90-", Wanted::Part(90..100)),
            ("bytes=90-200", Wanted::Part(90..100)),
            ("bytes=-10", Wanted::Part(90..100)),
            ("bytes=-1000", Wanted::Part(0..100)),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=9-3", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=99999999999999999999-", Wanted::Whole),
            ("pages=1-2", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(of(range), expected, "{range}");
        }
    }

    #[test]
    fn a_range_of_something_else_is_ignored() {
        let range = (RANGE, HeaderValue::from_static("bytes=0-9"));
        let other = (IF_RANGE, HeaderValue::from_static("\"other\""));
        let same = (IF_RANGE, HeaderValue::from_static(ETAG));

        let of = |condition| wanted(&HeaderMap::from_iter([range.clone(), condition]), ETAG, 100);
        assert_eq!(of(other), Wanted::Whole);
        assert_eq!(of(same), Wanted::Part(0..10));
    }

    #[test]
    fn what_the_client_has_is_known_by_its_tag() {
        for (tags, known) in [
            ("\"generated/a.png\"", true),
            ("\"x\", W/\"generated/a.png\"", true),
            ("*", true),
            ("\"x\"", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(tags))]);
            assert_eq!(is_known(&headers, ETAG), known, "{tags}");
        }
    }
}
