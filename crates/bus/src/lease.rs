//! One at a time: a lease in the `books`, kept alive by its holder, taken over when it falls
//! silent.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::kv::{CreateErrorKind, Store};
use async_nats::jetstream::message::PublishMessage;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{Bus, Error, Source};

const BUCKET: &str = "books";

/// How long a lease lasts, and how often it is renewed.
#[derive(Debug, Clone, Copy)]
pub struct LeaseConfig {
    /// How long the server keeps it without a sign of life.
    pub ttl: Duration,
    /// How often its holder gives one, and how often others try to get it.
    pub renew: Duration,
}

impl Default for LeaseConfig {
    /// Six seconds, renewed every two: a stand-by takes over well within ten.
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(6),
            renew: Duration::from_secs(2),
        }
    }
}

/// The right to be the only one, while it lasts.
#[derive(Debug)]
pub struct Lease {
    /// A number that rises with every holder.
    pub fence: u64,
    /// Cancelled when the right is lost, which is before anybody else can get it.
    pub lost: CancellationToken,
}

impl Bus {
    /// Runs `work` whenever we hold the lease `name`, until `shutdown`; `work` ends when its lease
    /// is lost or `shutdown` comes.
    ///
    /// # Errors
    ///
    /// The first error of `work`; [`Error::Provision`] if the books are missing.
    pub async fn while_leader<E: From<Error>, F: Future<Output = Result<(), E>> + Send>(
        &self,
        name: &str,
        config: LeaseConfig,
        shutdown: &CancellationToken,
        work: impl Fn(Lease) -> F + Send + Sync,
    ) -> Result<(), E> {
        let failed = |source: Source| Error::Provision {
            what: BUCKET.to_owned(),
            source,
        };
        let books = self
            .jetstream
            .get_key_value(BUCKET)
            .await
            .map_err(|err| failed(err.into()))?;
        let key = format!("lease.{name}");
        while !shutdown.is_cancelled() {
            let asked = Instant::now();
            if let Some(fence) = self.acquire(&books, &key, config).await {
                info!(lease = name, fence, "active");
                let lost = shutdown.child_token();
                let held = Lease {
                    fence,
                    lost: lost.clone(),
                };
                let (result, revision) = tokio::join!(
                    async {
                        let result = work(held).await;
                        lost.cancel();
                        result
                    },
                    self.keep(&key, fence, asked, config, &lost)
                );
                self.release(&books, &key, revision).await;
                result?;
                continue;
            }
            tokio::select! {
                () = time::sleep(config.renew / 2) => {}
                () = shutdown.cancelled() => {}
            }
        }
        Ok(())
    }

    async fn acquire(&self, books: &Store, key: &str, config: LeaseConfig) -> Option<u64> {
        match books
            .create_with_ttl(key, self.name.into(), config.ttl)
            .await
        {
            Ok(revision) => Some(revision),
            Err(err) if err.kind() == CreateErrorKind::AlreadyExists => None,
            Err(err) => {
                warn!(error = %err, "cannot ask for the lease");
                None
            }
        }
    }

    /// Renews until `lost`, and cancels it when too long passed without a renewal. Returns the last
    /// revision that is ours.
    async fn keep(
        &self,
        key: &str,
        mut revision: u64,
        mut renewed: Instant,
        config: LeaseConfig,
        lost: &CancellationToken,
    ) -> u64 {
        // Safely before the server lets somebody else have it.
        let safe = config.ttl.saturating_sub(config.renew / 2);
        loop {
            let end = renewed + safe;
            tokio::select! {
                biased;
                () = lost.cancelled() => return revision,
                () = time::sleep_until(end.min(Instant::now() + config.renew)) => {}
            }
            // The server counts from when it hears us, which is later.
            let asked = Instant::now();
            match time::timeout_at(end, self.renew(key, revision, config.ttl)).await {
                Ok(Ok(next)) => (revision, renewed) = (next, asked),
                Ok(Err(err)) => debug!(error = %err, "lease not renewed"),
                Err(_) => {}
            }
            if Instant::now() >= renewed + safe {
                warn!(key, "lease lost");
                lost.cancel();
            }
        }
    }

    /// The client's own update of a key cannot carry a lifetime.
    async fn renew(&self, key: &str, revision: u64, ttl: Duration) -> Result<u64, Source> {
        let mut headers = HeaderMap::new();
        headers.insert(
            "Nats-Expected-Last-Subject-Sequence",
            revision.to_string().as_str(),
        );
        headers.insert("Nats-TTL", format!("{}s", ttl.as_secs().max(1)).as_str());
        let message = PublishMessage::build()
            .payload(self.name.into())
            .headers(headers);
        let subject = format!("$KV.{BUCKET}.{key}");
        Ok(self
            .jetstream
            .send_publish(subject, message)
            .await?
            .await?
            .sequence)
    }

    async fn release(&self, books: &Store, key: &str, revision: u64) {
        if let Err(err) = books.delete_expect_revision(key, Some(revision)).await {
            debug!(error = %err, "the lease was no longer ours");
        }
    }
}
