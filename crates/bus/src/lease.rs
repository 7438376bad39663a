//! One at a time: a lease in the `books`, kept alive by its holder, taken over when it falls
//! silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::kv::Store;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::connection::fresh_token;
use crate::publish::EXPECTED_SEQUENCE;
use crate::{Bus, Error, Source, clock};

const BUCKET: &str = "books";
/// How long a message stays. A lease always has it.
const LIFE: &str = "Nats-TTL";

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
    /// Cancelled when nothing more may be begun: the right is lost, which is before anybody else can
    /// get it, or it will be given up, because we are stopping. A task does that, and after the process
    /// was stopped others may run first: see [`Lease::held`].
    pub lost: CancellationToken,
    /// By [`clock::now`], in nanoseconds.
    until: Arc<AtomicU64>,
}

impl Lease {
    fn new(fence: u64, until: Duration, lost: CancellationToken) -> Self {
        let until = Arc::new(AtomicU64::new(nanos(until)));
        Self { fence, lost, until }
    }

    /// Whether something may be begun by our right at this moment. Whether it lasts is decided by the
    /// clock alone, so that is true also of the first moment after the process was stopped or the
    /// machine slept. Once it is lost it stays lost.
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

/// Somebody who wants a lease.
struct Claim {
    /// Of the lease, in the bucket.
    key: String,
    /// What we write there: who we are, and a token that no other process has, nor a twin in this.
    value: Bytes,
    config: LeaseConfig,
}

/// Five centuries fit.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Bus {
    /// Runs `work` whenever we hold the lease `name`, until `shutdown`. When its lease is lost or
    /// `shutdown` comes, `work` begins nothing more and ends. What it has begun it may finish: a
    /// lease that is not lost is renewed until `work` has ended, and nobody else gets it before.
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
        let claim = Claim {
            key: format!("lease.{name}"),
            value: format!("{} {}", self.name, fresh_token()).into(),
            config,
        };
        while !shutdown.is_cancelled() {
            if let Some(lease) = self.acquire(&claim, shutdown).await {
                info!(lease = name, fence = lease.fence, "active");
                let ended = CancellationToken::new();
                let (result, revision) = tokio::join!(
                    async {
                        let result = work(lease.clone()).await;
                        lease.lost.cancel();
                        ended.cancel();
                        result
                    },
                    self.keep(&claim, &lease, &ended)
                );
                self.release(&books, &claim.key, revision).await;
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

    /// One attempt. In doubt it has failed, and the next one finds what it wrote.
    async fn acquire(&self, claim: &Claim, shutdown: &CancellationToken) -> Option<Lease> {
        let expected = match self.vacancy(claim).await {
            Ok(expected) => expected?,
            Err(err) => {
                warn!(error = %err, "cannot ask for the lease");
                return None;
            }
        };
        let asked = clock::now();
        let written = self.write(claim, claim.value.clone(), expected);
        // Waiting longer would leave nothing of the lease for the next attempt to find.
        match time::timeout(claim.config.ttl / 2, written).await {
            Ok(Ok(fence)) => {
                let until = asked + claim.config.safe();
                return Some(Lease::new(fence, until, shutdown.child_token()));
            }
            Ok(Err(err)) => info!(error = %err, "lease not acquired"),
            Err(_) => warn!("no answer whether the lease is ours"),
        }
        None
    }

    /// What to expect under the key when we write there; none while another has the lease.
    async fn vacancy(&self, claim: &Claim) -> Result<Option<u64>, Source> {
        let subject = format!("$KV.{BUCKET}.{}", claim.key);
        let Some(last) = self.last_stored(&format!("KV_{BUCKET}"), &subject).await? else {
            return Ok(Some(0));
        };
        // The marks that a release and the end of its life leave are empty, and a lease never is.
        // Ours we have without knowing it: an answer, or our release, got lost.
        if last.payload.is_empty() || last.payload == claim.value {
            return Ok(Some(last.sequence));
        }
        // Earlier versions wrote leases that last for ever if their holder dies at once. As its
        // holder may live, it gets the time for which a holder believes in it.
        if last.header(LIFE).is_none() {
            warn!(key = claim.key, "a lease without an end gets one");
            self.write(claim, last.payload, last.sequence).await?;
        }
        Ok(None)
    }

    /// Renews until the work has `ended`, also while it only finishes what it has begun, or until it is
    /// lost, which it is when too long passed without a renewal. Returns the last revision that is
    /// ours.
    async fn keep(&self, claim: &Claim, lease: &Lease, ended: &CancellationToken) -> u64 {
        let Claim { key, config, .. } = claim;
        let mut revision = lease.fence;
        loop {
            tokio::select! {
                biased;
                () = ended.cancelled() => return revision,
                () = time::sleep(lease.left().min(config.renew)) => {}
            }
            if lease.left().is_zero() {
                lease.lost.cancel();
                warn!(key, "lease lost");
                return revision;
            }
            // The server counts from when it hears us, which is later.
            let asked = clock::now();
            let renewed = self.write(claim, claim.value.clone(), revision);
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

    /// Writes a lease if its revision is `expected`. Not by the client's own ways: its update of a
    /// key cannot carry a lifetime, and its create over what a deleted key leaves is such an update.
    async fn write(&self, claim: &Claim, value: Bytes, expected: u64) -> Result<u64, Source> {
        // In whole seconds, and never fewer than its holder believes in.
        let life = claim.config.ttl.as_millis().div_ceil(1000).max(1);
        let mut headers = HeaderMap::new();
        headers.insert(EXPECTED_SEQUENCE, expected.to_string().as_str());
        headers.insert(LIFE, format!("{life}s").as_str());
        let message = PublishMessage::build().payload(value).headers(headers);
        let subject = format!("$KV.{BUCKET}.{}", claim.key);
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
