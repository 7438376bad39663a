//! `Prefer: wait=N` (RFC 7240 §4.3).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");
pub(crate) const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

const MAX_SECONDS: u64 = 60;

/// How long the client would have us wait for the end; at most a minute. Preferences that make no
/// sense are ignored, as §2 says.
pub(crate) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get_all(PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .filter_map(|preference| preference.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
        .and_then(|(_, value)| value.trim().trim_matches('"').parse::<u64>().ok())?;
    (seconds > 0).then(|| Duration::from_secs(seconds.min(MAX_SECONDS)))
}

/// What to answer where the preference was honoured.
pub(crate) fn applied(wait: Duration) -> HeaderValue {
    HeaderValue::try_from(format!("wait={}", wait.as_secs()))
        .unwrap_or_else(|_| HeaderValue::from_static("wait"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_found_among_other_preferences() {
        for (value, seconds) in [
            ("wait=30", Some(30)),
            ("respond-async, Wait = \"5\"; strict", Some(5)),
            ("wait=3600", Some(60)),
            ("wait=0", None),
            ("wait=soon", None),
            ("wait", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(PREFER, HeaderValue::from_static(value))]);
            assert_eq!(wait(&headers), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
