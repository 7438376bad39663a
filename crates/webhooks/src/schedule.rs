use std::time::Duration;

use crate::Verdict;

const JITTER: f64 = 0.2;
const THROTTLED_MIN: Duration = Duration::from_secs(60);

/// When a message is tried again.
///
/// Delays are those of the specification's example: ten attempts over 75 h 35 min 5 s, about three
/// days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySchedule {
    delays: &'static [Duration],
}

impl RetrySchedule {
    /// The delays before each of the ten attempts, the first of which is immediate.
    pub const STANDARD: Self = Self {
        delays: &[
            Duration::ZERO,
            Duration::from_secs(5),
            Duration::from_secs(5 * 60),
            Duration::from_secs(30 * 60),
            Duration::from_secs(2 * 3600),
            Duration::from_secs(5 * 3600),
            Duration::from_secs(10 * 3600),
            Duration::from_secs(14 * 3600),
            Duration::from_secs(20 * 3600),
            Duration::from_secs(24 * 3600),
        ],
    };

    /// How many attempts a message gets in all.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.delays.len()
    }

    /// How long to wait after attempt `attempt` (the first is 1) ended in `verdict`, or `None` if
    /// that was the last.
    ///
    /// `random` must be drawn uniformly; it moves the wait by up to ±20 %, so that messages that
    /// failed together are not tried together. What the receiver asked for (see
    /// [`retry_after`](crate::retry_after())) counts between the scheduled delay and twice that, and
    /// is only ever moved upwards. After [`Verdict::Throttled`] the wait is at least 60 s.
    #[must_use]
    pub fn next(
        &self,
        attempt: usize,
        verdict: Verdict,
        retry_after: Option<Duration>,
        random: u32,
    ) -> Option<Duration> {
        if verdict.is_final() {
            return None;
        }
        let floor = match verdict {
            Verdict::Throttled => THROTTLED_MIN,
            _ => Duration::ZERO,
        };
        let base = (*self.delays.get(attempt)?).max(floor);
        let share = f64::from(random) / f64::from(u32::MAX);

        Some(match retry_after {
            Some(asked) => asked.clamp(base, base * 2).mul_f64(1.0 + JITTER * share),
            None => base.mul_f64(1.0 - JITTER + 2.0 * JITTER * share).max(floor),
        })
    }
}

impl Default for RetrySchedule {
    fn default() -> Self {
        Self::STANDARD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: u32 = u32::MAX / 2;

    fn next(
        attempt: usize,
        verdict: Verdict,
        retry_after: Option<u64>,
        random: u32,
    ) -> Option<f64> {
        RetrySchedule::STANDARD
            .next(
                attempt,
                verdict,
                retry_after.map(Duration::from_secs),
                random,
            )
            .map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn ten_attempts_take_three_days() {
        let waits: Vec<u64> = (0..10)
            .filter_map(|attempt| next(attempt, Verdict::Failed, None, MIDDLE))
            .map(|seconds| seconds.round() as u64)
            .collect();

        assert_eq!(
            waits,
            [
                0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400
            ]
        );
        assert_eq!(waits.iter().sum::<u64>(), 75 * 3600 + 35 * 60 + 5);
        assert_eq!(RetrySchedule::STANDARD.attempts(), 10);
    }

    #[test]
    fn the_tenth_failure_is_the_last() {
        assert!(next(9, Verdict::Failed, None, MIDDLE).is_some());
        assert_eq!(next(10, Verdict::Failed, None, MIDDLE), None);
        assert_eq!(next(usize::MAX, Verdict::Throttled, Some(1), MIDDLE), None);
    }

    #[test]
    fn nothing_follows_a_final_verdict() {
        assert_eq!(next(1, Verdict::Delivered, Some(60), MIDDLE), None);
        assert_eq!(next(1, Verdict::Gone, Some(60), MIDDLE), None);
    }

    #[test]
    fn jitter_is_a_fifth_either_way() {
        assert_eq!(next(2, Verdict::Failed, None, 0), Some(240.0));
        assert_eq!(next(2, Verdict::Failed, None, u32::MAX), Some(360.0));
    }

    #[test]
    fn a_throttled_receiver_gets_a_minute() {
        assert_eq!(next(1, Verdict::Throttled, None, 0), Some(60.0));
        assert_eq!(next(1, Verdict::Throttled, None, u32::MAX), Some(72.0));
        assert_eq!(next(1, Verdict::Failed, None, 0), Some(4.0));
    }

    #[test]
    fn what_the_receiver_asks_for_counts_between_once_and_twice_the_delay() {
        for (asked, waited) in [
            (0, 300.0),
            (300, 300.0),
            (450, 450.0),
            (601, 600.0),
            (u64::MAX, 600.0),
        ] {
            assert_eq!(
                next(2, Verdict::Throttled, Some(asked), 0),
                Some(waited),
                "{asked}"
            );
        }
        assert_eq!(
            next(2, Verdict::Redirected, Some(450), u32::MAX),
            Some(540.0)
        );
    }
}
