//! How many images may be in progress: what the provider allows the account, less what others seem
//! to use of it.

use std::time::{Duration, Instant};

/// The account's limit as we know it, and what of it we may use. Refusals are not billed, so being
/// refused is how we learn.
#[derive(Debug)]
pub(crate) struct Ceiling {
    limit: u32,
    most: u32,
    quiet: Duration,
    /// Others use the account: what was left to us, and when we learnt it.
    left: Option<(u32, Instant)>,
}

impl Ceiling {
    /// An account of `limit` places, which is never taken for larger than `most`. After each
    /// `quiet` without a refusal one place more is tried that others may have left.
    pub(crate) fn new(limit: u32, most: Option<u32>, quiet: Duration) -> Self {
        let most = most.unwrap_or(u32::MAX).max(1);
        Self {
            limit: limit.clamp(1, most),
            most,
            quiet: quiet.max(Duration::from_millis(1)),
            left: None,
        }
    }

    /// The provider would not take `images` more while `in_flight` of ours were in progress, and
    /// said that the account has `told` places.
    ///
    /// Fewer are left to us than we tried to use: others have the rest, or there are no more.
    pub(crate) fn refused(&mut self, in_flight: u32, images: u32, told: Option<u32>, now: Instant) {
        let current = self.current(now);
        if let Some(told) = told {
            self.limit = told.clamp(1, self.most);
        }
        let tried = in_flight.saturating_add(images.max(1));
        self.left = Some(((tried - 1).clamp(1, current), now));
    }

    /// The places we may use now, at least one.
    pub(crate) fn current(&self, now: Instant) -> u32 {
        let Some((left, since)) = self.left else {
            return self.limit;
        };
        let quiet = now.saturating_duration_since(since).as_nanos() / self.quiet.as_nanos();
        let regained = u32::try_from(quiet).unwrap_or(u32::MAX);
        left.saturating_add(regained).min(self.limit)
    }

    /// The places the account has, whoever uses them.
    pub(crate) const fn limit(&self) -> u32 {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_secs(10);

    #[test]
    fn what_the_provider_says_is_the_limit_up_and_down() {
        let (mut ceiling, now) = (Ceiling::new(10, Some(50), QUIET), Instant::now());
        assert_eq!(ceiling.current(now), 10);

        ceiling.refused(9, 1, Some(6), now);
        assert_eq!((ceiling.limit(), ceiling.current(now)), (6, 6));
        ceiling.refused(6, 1, Some(20), now);
        assert_eq!(
            (ceiling.limit(), ceiling.current(now + QUIET * 99)),
            (20, 20)
        );
        ceiling.refused(20, 1, Some(400), now + QUIET * 99);
        assert_eq!(ceiling.limit(), 50, "the operator's own maximum");
        ceiling.refused(50, 1, Some(0), now + QUIET * 99);
        assert_eq!(
            ceiling.limit(),
            1,
            "an account without places would never be tried again"
        );
    }

    #[test]
    fn a_refusal_with_places_free_leaves_fewer_than_were_tried_and_they_come_back() {
        for told in [None, Some(10)] {
            let (mut ceiling, now) = (Ceiling::new(10, None, QUIET), Instant::now());

            ceiling.refused(5, 2, told, now);

            assert_eq!((ceiling.limit(), ceiling.current(now)), (10, 6));
            assert_eq!(ceiling.current(now + QUIET - Duration::from_nanos(1)), 6);
            assert_eq!(ceiling.current(now + QUIET), 7);
            assert_eq!(ceiling.current(now + QUIET * 4), 10);
            assert_eq!(ceiling.current(now + QUIET * 1_000_000_000), 10);
        }
    }

    #[test]
    fn a_refusal_that_the_limit_explains_takes_nothing_more() {
        let (mut ceiling, now) = (Ceiling::new(10, None, QUIET), Instant::now());
        ceiling.refused(8, 4, None, now);
        assert_eq!(ceiling.current(now), 10);
    }

    #[test]
    fn late_refusals_never_raise_it_and_one_place_is_always_tried() {
        let (mut ceiling, now) = (Ceiling::new(10, None, QUIET), Instant::now());
        ceiling.refused(3, 1, None, now);
        ceiling.refused(7, 1, None, now);
        assert_eq!(ceiling.current(now), 3);
        for _ in 0..3 {
            ceiling.refused(0, 8, None, now);
            ceiling.refused(0, 1, None, now);
            assert_eq!(ceiling.current(now), 1);
        }
    }

    #[test]
    fn it_finds_what_others_leave_and_follows_them() {
        let (mut ceiling, mut now) = (Ceiling::new(10, None, QUIET), Instant::now());
        let mut refusals = 0;
        for (others, left) in [(0, 10), (4, 6), (9, 1), (2, 8), (0, 10)] {
            for _ in 0..200 {
                now += QUIET / 10;
                if ceiling.current(now) > left {
                    ceiling.refused(left, 1, None, now);
                    refusals += 1;
                }
            }
            assert_eq!(ceiling.current(now), left, "while others use {others}");
        }
        assert!(refusals <= 3 * 21, "{refusals} refusals in 3 times 200 s");
    }
}
