//! What all handlers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::Refusal;
use crate::clock::{Clock, later};
use crate::config::Config;
use crate::desk::Desk;
use crate::fault::Faults;
use crate::job::Job;
use crate::journal::Journal;
use crate::keys::{Keys, digest};
use crate::link::Links;
use crate::picture::{Layers, Pictures};
use crate::sources::Sources;

/// The running simulator, without its listeners.
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) desk: Mutex<Desk>,
    pub(crate) faults: Faults,
    pub(crate) keys: Keys,
    pub(crate) links: Links,
    pub(crate) pictures: Pictures,
    pub(crate) sources: Sources,
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
        let key = api_key(headers);
        let config = &self.config;
        let known = config.api_keys.is_empty()
            || config.api_keys.iter().any(|known| known == key)
            || config.billing_key.as_deref() == Some(key);
        if key.is_empty() || !known {
            Err(Refusal::bad_key())
        } else {
            Ok(())
        }
    }

    /// Checks that the key may see the bill. Those that may not are told that there is none.
    pub(crate) fn authorize_billing(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        self.authorize(headers)?;
        match self.config.billing_key.as_deref() {
            Some(key) if key != api_key(headers) => Err(Refusal::unknown_path()),
            _ => Ok(()),
        }
    }

    /// The PNG of a finished job's picture, and whether it had to be drawn; `None` once what it is
    /// drawn from is forgotten.
    pub(crate) async fn picture(
        &self,
        job: &Job,
        index: u8,
    ) -> anyhow::Result<Option<(Bytes, bool)>> {
        let subject = job.order.subject(job.seed, index);
        let mut layers = Layers::default();
        for (digest, layer) in [
            (subject.image, &mut layers.image),
            (subject.mask, &mut layers.mask),
        ] {
            if let Some(digest) = digest {
                *layer = self.sources.get(digest).await;
                if layer.is_none() {
                    return Ok(None);
                }
            }
        }
        self.pictures.get(subject, layers).await.map(Some)
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

fn api_key(headers: &HeaderMap) -> &str {
    let key = headers.get("api-key").and_then(|key| key.to_str().ok());
    key.unwrap_or_default()
}

/// What the usage report calls a caller's key: nothing that leads back to it.
pub(crate) fn key_id(headers: &HeaderMap) -> String {
    let mut id = hex::encode(digest(&[b"api key", api_key(headers).as_bytes()]));
    id.truncate(16);
    id
}
