//! How hard a worker tries.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How hard a worker tries.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Messages handled at once by each consumer of the stage; it holds at most as many more.
    pub concurrency: usize,
    /// Attempts at one piece of work before it is given up; at least 1.
    pub attempts: u32,
    /// How long one attempt may take.
    pub limit: Duration,
    /// The pause before the second attempt; it doubles with each one, up to an hour, and is spread
    /// by a quarter to either side.
    pub pause: Duration,
    /// Silence after which the server gives a message to another worker. A busy worker breaks the
    /// silence every third of it.
    pub ack_wait: Duration,
}

/// The silence that all consumers are provisioned with.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(30);

/// Longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(3600);

impl Policy {
    /// For work of seconds on the network: 16 at once, five attempts, from two seconds.
    pub const NETWORK: Self = Self {
        concurrency: 16,
        attempts: 5,
        limit: Duration::from_secs(120),
        pause: Duration::from_secs(2),
        ack_wait: ACK_WAIT,
    };

    /// When to try again after `attempt` (from 1) has failed.
    pub(crate) fn again_after(&self, attempt: u32, now: Timestamp) -> Timestamp {
        let doubled = self
            .pause
            .saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1)));
        let pause = doubled.min(LONGEST).mul_f64(0.75 + random_share() / 2.0);
        now.saturating_add(SignedDuration::try_from(pause).unwrap_or(SignedDuration::from_hours(1)))
            .unwrap_or(Timestamp::MAX)
    }
}

/// A number from 0 to 1, for spreading; not for secrets.
pub(crate) fn random_share() -> f64 {
    let bits = uuid::Uuid::new_v4().as_u128() as u32;
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_are_spread() {
        let now = Timestamp::UNIX_EPOCH;
        for (attempt, seconds) in [(1, 2.0), (2, 4.0), (3, 8.0), (40, 3600.0)] {
            let pause = Policy::NETWORK
                .again_after(attempt, now)
                .duration_since(now)
                .as_secs_f64();
            assert!(
                (0.74..1.26).contains(&(pause / seconds)),
                "{attempt}: {pause}"
            );
        }
    }
}
