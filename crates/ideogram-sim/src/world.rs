//! What all handlers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::Refusal;
use crate::clock::{Clock, later};
use crate::config::Config;
use crate::desk::Desk;
use crate::fault::Faults;
use crate::job::Job;
use crate::journal::Journal;
use crate::keys::Keys;
use crate::link::Links;
use crate::picture::Pictures;

/// The running simulator, without its listeners.
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) desk: Mutex<Desk>,
    pub(crate) faults: Faults,
    pub(crate) keys: Keys,
    pub(crate) links: Links,
    pub(crate) pictures: Pictures,
    pub(crate) journal: Journal,
    pub(crate) http: reqwest::Client,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl World {
    pub(crate) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks the `Api-Key` header.
    pub(crate) fn authorize(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let key = headers
            .get("api-key")
            .and_then(|key| key.to_str().ok())
            .unwrap_or_default();
        let known = self.config.api_keys.is_empty()
            || self.config.api_keys.iter().any(|known| known == key);
        if key.is_empty() || !known {
            Err(Refusal::bad_key())
        } else {
            Ok(())
        }
    }

    /// The items of a finished job, with links that expire.
    pub(crate) fn items(&self, job: &Job) -> Vec<serde_json::Value> {
        let expires = later(job.ends, self.config.link_lifetime);
        job.items(&self.links, expires, self.pictures.size(job.order.size))
    }

    pub(crate) fn count_download(&self, drawn: bool) {
        let mut desk = self.desk();
        desk.totals.downloads += 1;
        desk.totals.drawn += u64::from(drawn);
    }

    /// Runs `task` beside the handlers until it ends or the simulator stops.
    pub(crate) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled_owned(task).await;
        });
    }
}
