//! How long what is drawn may wait to be stored.

use jiff::{SignedDuration, Timestamp};

use crate::Rendered;

/// The longest that pictures may wait, however long their links live.
const LONGEST: SignedDuration = SignedDuration::from_mins(20);
/// The part of its life that a link may wait.
const PART: i32 = 3;

impl Rendered {
    /// How much of the time is over, `now`, after which its pictures should be stored: 1 and more if
    /// all of it is. That time is 20 minutes, or a third of the life of links that live for less than
    /// an hour.
    #[must_use]
    pub fn urgency(&self, now: Timestamp) -> f64 {
        let life = self.expires_at.duration_since(self.at);
        let time = LONGEST.min(life / PART).max(SignedDuration::from_millis(1));
        now.duration_since(self.at).as_secs_f64() / time.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GenerationId, Job, Request, Tenant, Usd};

    #[test]
    fn twenty_minutes_or_a_third_of_a_short_life_are_all_the_time_there_is()
    -> Result<(), jiff::Error> {
        let at = Timestamp::UNIX_EPOCH;
        let mins = |mins| at.saturating_add(SignedDuration::from_mins(mins));
        for (life, waited, urgency) in [
            (24 * 60, 0, 0.0),
            (24 * 60, 10, 0.5),
            (60, 20, 1.0),
            (30, 5, 0.5),
            (30, 30, 3.0),
            (0, 1, 60_000.0),
        ] {
            let request = Request::new("a red kite");
            let rendered = Rendered {
                job: Job::new(GenerationId::generate(), Tenant::default(), request, at),
                attempt: 1,
                provider_id: None,
                images: Vec::new(),
                texts: Vec::new(),
                late: false,
                expires_at: mins(life)?,
                cost: Usd::ZERO,
                at,
            };
            let found = rendered.urgency(mins(waited)?);
            assert!((found - urgency).abs() < 1e-9, "{life} {waited}: {found}");
        }
        Ok(())
    }
}
