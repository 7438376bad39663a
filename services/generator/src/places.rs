//! The account's places, counted in images: a request for four takes four, or waits.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::metrics::IN_FLIGHT;

/// The places of one account. First come, first served; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    limit: u32,
    shutdown: CancellationToken,
}

/// Places that are taken while this lives.
#[derive(Debug)]
pub(crate) struct Held {
    _permit: OwnedSemaphorePermit,
    images: u32,
    shutdown: CancellationToken,
}

impl Places {
    /// Nothing is kept past `shutdown`.
    pub(crate) fn new(limit: u32, shutdown: CancellationToken) -> Self {
        Self {
            free: Arc::new(Semaphore::new(limit as usize)),
            limit,
            shutdown,
        }
    }

    /// Waits for `images` places; all of them, for a request that wants more than there are. They
    /// are free again when the answer is dropped. `None` if the account is closed, which it never is.
    pub(crate) async fn take(&self, images: u32) -> Option<Held> {
        let images = images.clamp(1, self.limit);
        let permit = Arc::clone(&self.free)
            .acquire_many_owned(images)
            .await
            .ok()?;
        IN_FLIGHT.add(images.into());
        Some(Held {
            _permit: permit,
            images,
            shutdown: self.shutdown.clone(),
        })
    }

    /// Takes `images` places as soon as they are free, and keeps them for `rest`: somebody else's
    /// call may still be running there.
    pub(crate) fn quarantine(&self, images: u32, rest: Duration) {
        let (places, shutdown) = (self.clone(), self.shutdown.clone());
        tokio::spawn(async move {
            let end = time::Instant::now() + rest;
            let kept = async {
                let held = places.take(images).await;
                time::sleep_until(end).await;
                drop(held);
            };
            shutdown.run_until_cancelled(kept).await;
        });
    }
}

impl Held {
    /// Keeps the places for `rest` after a call of which nobody knows whether it goes on.
    pub(crate) fn quarantine(self, rest: Duration) {
        tokio::spawn(async move {
            self.shutdown.run_until_cancelled(time::sleep(rest)).await;
        });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        IN_FLIGHT.sub(self.images.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_without_an_answer_keeps_its_places_for_a_while() -> anyhow::Result<()> {
        let places = Places::new(2, CancellationToken::new());
        let start = time::Instant::now();
        let rest = Duration::from_secs(600);
        if let Some(held) = places.take(2).await {
            held.quarantine(rest);
        }
        drop(time::timeout(rest * 2, places.take(1)).await?);
        assert!(start.elapsed() >= rest);

        places.quarantine(2, rest);
        tokio::task::yield_now().await;
        drop(time::timeout(rest * 2, places.take(1)).await?);
        assert!(start.elapsed() >= rest * 2);
        Ok(())
    }
}
