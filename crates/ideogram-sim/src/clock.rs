//! Real time plus an offset that only grows, so that a day can pass at once.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// Far beyond any test, and well inside what a timestamp can hold.
const MAX_OFFSET: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// The simulator's only source of time.
#[derive(Debug)]
pub(crate) struct Clock {
    offset: watch::Sender<Duration>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            offset: watch::Sender::new(Duration::ZERO),
        }
    }

    /// The simulated time.
    pub(crate) fn now(&self) -> Timestamp {
        later(Timestamp::now(), *self.offset.borrow())
    }

    /// Moves the clock forward; sleepers whose time has come wake up.
    pub(crate) fn advance(&self, by: Duration) {
        self.offset
            .send_modify(|offset| *offset = offset.saturating_add(by).min(MAX_OFFSET));
    }

    /// Returns once the simulated time is `deadline` or later.
    pub(crate) async fn sleep_until(&self, deadline: Timestamp) {
        let mut offset = self.offset.subscribe();
        loop {
            offset.mark_unchanged();
            let left = deadline.duration_since(self.now());
            let Ok(left) = Duration::try_from(left) else {
                return;
            };
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                _ = offset.changed() => {}
            }
        }
    }
}

/// `at` plus `by`, or the end of time.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| at.checked_add(by).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved() {
        let clock = Clock::new();
        let deadline = later(clock.now(), Duration::from_secs(86_400));

        let sleeper = clock.sleep_until(deadline);
        let mover = async { clock.advance(Duration::from_secs(86_401)) };

        tokio::join!(sleeper, mover);
        assert!(clock.now() >= deadline);
    }
}
