//! The account's places, counted in images: a request for four takes four, or waits.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of one account. First come, first served; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    limit: u32,
}

impl Places {
    pub(crate) fn new(limit: u32) -> Self {
        Self { free: Arc::new(Semaphore::new(limit as usize)), limit }
    }

    /// Waits for `images` places; all of them, for a request that wants more than there are. They
    /// are free again when the answer is dropped. `None` if the account is closed, which it never is.
    pub(crate) async fn take(&self, images: u32) -> Option<OwnedSemaphorePermit> {
        let images = images.clamp(1, self.limit);
        Arc::clone(&self.free).acquire_many_owned(images).await.ok()
    }
}
