use std::time::{Duration, SystemTime};

/// Reads the value of a `Retry-After` header as a wait from `now` on (RFC 9110 §10.2.3).
///
/// Both forms are known: a whole number of seconds, and an HTTP date, which is no wait at all once it
/// has passed. Anything else is `None`. The wait is as long as the header says;
/// [`RetrySchedule`](crate::RetrySchedule) bounds it.
#[must_use]
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit ask for longer than anybody waits.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(value).ok()?;

    Some(until.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 §5.6.7.
    const EXAMPLE: u64 = 784_111_777;

    fn parse(value: &str, now: u64) -> Option<u64> {
        retry_after(value, SystemTime::UNIX_EPOCH + Duration::from_secs(now))
            .map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_are_read() {
        for (value, seconds) in [
            ("120", 120),
            ("0", 0),
            (" 7\t", 7),
            ("007", 7),
            ("99999999999999999999999", u64::MAX),
        ] {
            assert_eq!(parse(value, EXAMPLE), Some(seconds), "{value}");
        }
    }

    #[test]
    fn all_three_forms_of_a_date_are_read() {
        for value in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(value, EXAMPLE - 90), Some(90), "{value}");
            assert_eq!(parse(value, EXAMPLE + 90), Some(0), "{value}");
        }
    }

    #[test]
    fn anything_else_is_ignored() {
        for value in [
            "",
            " ",
            "-1",
            "+1",
            "1.5",
            "1e3",
            "soon",
            "120 s",
            "1994-11-06T08:49:37Z",
            "٣",
        ] {
            assert_eq!(parse(value, EXAMPLE), None, "{value:?}");
        }
    }
}
