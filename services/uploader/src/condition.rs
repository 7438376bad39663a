//! How the store is doing, as the probe and those find it who put pictures.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a refused picture counts, if no other is taken meanwhile. A small probe may succeed where
/// pictures do not.
const REFUSED: Duration = Duration::from_secs(30);

/// How the store is doing.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    known: Mutex<Known>,
    /// The first refusal after a success is worth a look at once.
    pub(crate) news: Notify,
}

#[derive(Debug, Default)]
struct Known {
    /// Why the last probe failed.
    away: Option<String>,
    /// The last picture that was not taken, if none was since: when and why.
    refused: Option<(Instant, String)>,
}

impl Condition {
    /// A picture was put.
    pub(crate) fn took(&self) {
        self.lock().refused = None;
    }

    /// A picture was not taken.
    pub(crate) fn refused(&self, why: String) {
        let before = self.lock().refused.replace((Instant::now(), why));
        if before.is_none() {
            self.news.notify_one();
        }
    }

    /// What the probe found.
    pub(crate) fn probed(&self, away: Option<String>) {
        self.lock().away = away;
    }

    /// Why it makes no sense to bring pictures at the moment, if it makes none.
    pub(crate) fn away(&self) -> Option<String> {
        self.lock().away.clone()
    }

    /// Why nothing should be bought that is to be stored, if nothing should.
    pub(crate) fn trouble(&self) -> Option<String> {
        let known = self.lock();
        let refused = known.refused.as_ref();
        let refused = refused.filter(|(at, _)| at.elapsed() < REFUSED);
        let refused = refused.map(|(_, why)| why.clone());
        known.away.clone().or(refused)
    }

    /// What is known stays whole even if a holder of the lock panicked: each change is one step.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_counts_until_something_is_taken_or_for_a_while() {
        let condition = Condition::default();
        condition.refused("full".to_owned());
        assert_eq!(condition.trouble().as_deref(), Some("full"));
        assert_eq!(condition.away(), None, "others may be taken");
        condition.took();
        assert_eq!(condition.trouble(), None);

        condition.refused("full".to_owned());
        tokio::time::advance(REFUSED).await;
        assert_eq!(condition.trouble(), None);
        condition.probed(Some("gone".to_owned()));
        assert_eq!(condition.trouble(), condition.away());
    }
}
