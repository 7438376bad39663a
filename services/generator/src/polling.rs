//! How often to ask: soon for what is quick, seldom for what is slow, and never more often than the
//! provider allows.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// The pauses before the first polls of a generation, in milliseconds; the last one is repeated.
const PAUSES: [u64; 7] = [50, 200, 400, 700, 1_000, 1_500, 2_000];
/// The provider counts over this long.
const WINDOW: Duration = Duration::from_secs(10);

/// The pause before poll number `n`, from 0.
pub(crate) fn pause(n: usize) -> Duration {
    Duration::from_millis(PAUSES[n.min(PAUSES.len() - 1)])
}

/// A token bucket over all generations; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    /// When the bucket would have been empty, if polls were spread evenly.
    paid_until: Arc<Mutex<Instant>>,
    each: Duration,
}

impl Pace {
    pub(crate) fn new(per_second: u32) -> Self {
        let each = Duration::from_secs(1) / per_second.max(1);
        Self { paid_until: Arc::new(Mutex::new(Instant::now())), each }
    }

    /// Waits for one's turn: at once while fewer polls were made in the last ten seconds than are
    /// allowed.
    pub(crate) async fn turn(&self) {
        let turn = {
            let mut paid_until = self.paid_until.lock().await;
            let now = Instant::now();
            *paid_until = (*paid_until).max(now.checked_sub(WINDOW).unwrap_or(now)) + self.each;
            *paid_until
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_window_holds_more_polls_than_allowed() {
        let pace = Pace::new(80);
        let start = Instant::now();
        for _ in 0..800 {
            pace.turn().await;
        }
        assert!(start.elapsed() <= WINDOW);
        pace.turn().await;
        assert!(start.elapsed() >= WINDOW);
    }

    #[test]
    fn pauses_grow() {
        assert!((0..20).map(pause).is_sorted());
    }
}
