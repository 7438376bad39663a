//! One at a time: a lease in the `books`, kept alive by its holder, taken over when it falls
//! silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::kv::{CreateErrorKind, Store};
use async_nats::jetstream::message::PublishMessage;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{Bus, Error, Source, clock};

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

impl LeaseConfig {
    /// How long to believe in a renewal: safely less than the server does.
    fn safe(&self) -> Duration {
        self.ttl.saturating_sub(self.renew / 2)
    }
}

/// The right to be the only one, while it lasts. Clones are the same right.
#[derive(Debug, Clone)]
pub struct Lease {
    /// A number that rises with every holder.
    pub fence: u64,
    /// Cancelled when the right is lost, which is before anybody else can get it; but by a task, and
    /// after the process was stopped, others may run first: see [`Lease::held`].
    pub lost: CancellationToken,
    /// By [`clock::now`], in nanoseconds.
    until: Arc<AtomicU64>,
}

impl Lease {
    fn new(fence: u64, until: Duration, lost: CancellationToken) -> Self {
        let until = Arc::new(AtomicU64::new(nanos(until)));
        Self { fence, lost, until }
    }

    /// Whether we have the right at this moment. Decided by the clock alone, so it is true also of
    /// the first moment after the process was stopped or the machine slept. Once it is lost it stays
    /// lost.
    #[must_use]
    pub fn held(&self) -> bool {
        if self.left().is_zero() {
            self.lost.cancel();
        }
        !self.lost.is_cancelled()
    }

    /// How long the right lasts without another renewal.
    fn left(&self) -> Duration {
        let until = Duration::from_nanos(self.until.load(Ordering::Acquire));
        until.saturating_sub(clock::now())
    }

    fn extend(&self, until: Duration) {
        self.until.store(nanos(until), Ordering::Release);
    }
}

/// Five centuries fit.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
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
            let asked = clock::now();
            if let Some(fence) = self.acquire(&books, &key, config).await {
                info!(lease = name, fence, "active");
                let lease = Lease::new(fence, asked + config.safe(), shutdown.child_token());
                let (result, revision) = tokio::join!(
                    async {
                        let result = work(lease.clone()).await;
                        lease.lost.cancel();
                        result
                    },
                    self.keep(&key, &lease, config)
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

    /// Renews until it is lost, which it is when too long passed without a renewal. Returns the last
    /// revision that is ours.
    async fn keep(&self, key: &str, lease: &Lease, config: LeaseConfig) -> u64 {
        let mut revision = lease.fence;
        loop {
            tokio::select! {
                biased;
                () = lease.lost.cancelled() => return revision,
                () = time::sleep(lease.left().min(config.renew)) => {}
            }
            if !lease.held() {
                warn!(key, "lease lost");
                return revision;
            }
            // The server counts from when it hears us, which is later.
            let asked = clock::now();
            let renewed = self.renew(key, revision, config.ttl);
            match time::timeout(lease.left(), renewed).await {
                Ok(Ok(next)) => {
                    revision = next;
                    lease.extend(asked + config.safe());
                }
                Ok(Err(err)) => debug!(error = %err, "lease not renewed"),
                Err(_) => {}
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
