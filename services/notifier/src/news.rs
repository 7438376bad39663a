//! Events, read as far as they have to be.

use bus::{Inbound, Raw, Source};
use domain::Event;
use serde::Deserialize;

/// What comes in.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// Nobody asked to hear of it. Most are of this kind.
    Silent,
    /// Somebody may want to hear of it.
    Event(Box<Event>),
}

/// All that decides whether an event has to be read.
#[derive(Deserialize)]
struct Glance {
    job: Option<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    callback: bool,
}

impl Inbound for News {
    fn read(raw: &Raw) -> Result<Self, Source> {
        if is_silent(&raw.payload) {
            return Ok(Self::Silent);
        }
        Ok(Self::Event(Box::new(Event::read(raw)?)))
    }
}

/// Whether `payload` is an event in JSON whose job wants no callback. What is anything else is not
/// decided here, and read in full.
fn is_silent(payload: &[u8]) -> bool {
    serde_json::from_slice::<Glance>(payload)
        .is_ok_and(|glance| glance.job.is_some_and(|job| !job.callback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_job_that_says_so_is_silent() {
        for silent in [
            r#"{"at":"","job":{"id":"a","callback":false,"prompt":"x"},"images":[]}"#,
            r#"{"job":{"metadata":{"callback":"true"},"callback":false}}"#,
        ] {
            assert!(is_silent(silent.as_bytes()), "{silent}");
        }
        for loud in [
            r#"{"job":{"callback":true}}"#,
            r#"{"job":{"prompt":"\"callback\":false","callback":true}}"#,
            r#"{"job":{"metadata":{"callback":"false"}}}"#,
            r#"{"job":null,"callback":false}"#,
            r#"{"callback":false}"#,
            r#"{"job":{"callback":false}"#,
            "",
            "\n\x07\"callback\":false",
        ] {
            assert!(!is_silent(loud.as_bytes()), "{loud}");
        }
    }
}
