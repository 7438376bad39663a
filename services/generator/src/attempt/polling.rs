//! Asking no more often than the provider allows.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// The provider counts over this long.
const WINDOW: Duration = Duration::from_secs(10);

/// Hands out turns so that no ten seconds hold more than are allowed. Clones share it.
///
/// A part of what is allowed may be used at once; the rest is spread evenly, so that the two
/// together fill the window and no more (generic cell rate algorithm, ITU-T I.371).
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    /// When the next turn would be, if none were given in advance.
    next: Arc<Mutex<Instant>>,
    each: Duration,
    /// How far `next` may run ahead of the clock.
    ahead: Duration,
}

impl Pace {
    pub(crate) fn new(per_second: u32) -> Self {
        let allowed = per_second.max(1).saturating_mul(WINDOW.as_secs() as u32);
        let at_once = (allowed / 20).max(1);
        let each = WINDOW / (allowed - at_once).max(1);
        Self {
            next: Arc::new(Mutex::new(Instant::now())),
            each,
            ahead: each * (at_once - 1),
        }
    }

    /// Waits for one's turn.
    pub(crate) async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().await;
            let now = Instant::now();
            let due = (*next).max(now);
            *next = due + self.each;
            due.checked_sub(self.ahead).unwrap_or(now)
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_window_holds_more_polls_than_allowed() {
        for per_second in [1, 2, 80, 100] {
            let allowed = per_second as usize * 10;
            let pace = Pace::new(per_second);
            let mut turns = Vec::new();
            for idle in [0, 3, 25] {
                tokio::time::advance(Duration::from_secs(idle)).await;
                for _ in 0..2 * allowed {
                    pace.turn().await;
                    turns.push(Instant::now());
                }
            }
            let crowded = turns
                .windows(allowed + 1)
                .any(|w| w[allowed] - w[0] < WINDOW);
            assert!(!crowded, "{per_second} a second");
            let busy = turns[2 * allowed - 1] - turns[0];
            assert!(
                busy <= WINDOW * 5 / 2,
                "{per_second} a second took {busy:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_polls_need_not_wait() {
        let (pace, start) = (Pace::new(80), Instant::now());
        for _ in 0..40 {
            pace.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
