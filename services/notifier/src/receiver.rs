//! Whom to tell, and what is said about telling them.

use bus::{Emit, Expect};
use domain::{
    Accepted, Event, Failed, GenerationId, Job, NotificationDelivered, NotificationFailed, Tenant,
};
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use url::Url;

/// Whom to tell.
pub(crate) struct Receiver {
    /// Whose secret signs it.
    pub(crate) tenant: Tenant,
    /// Whose news it is told; none if it is told the operator's.
    generation: Option<GenerationId>,
    /// The requester's name for what was asked for.
    pub(crate) custom_id: Option<String>,
    /// What was asked for; none if it was refused at the door.
    pub(crate) job: Option<Job>,
    pub(crate) url: Url,
    /// Its name in subjects and events: a short hash of its URL.
    pub(crate) endpoint: String,
}

impl Receiver {
    /// Whoever asked for it, if they want to hear of it.
    pub(crate) fn of(accepted: Accepted) -> Option<Self> {
        let url = accepted.callback_url?;
        let endpoint = endpoint(&url);
        let job = accepted.job;
        Some(Self {
            tenant: job.tenant.clone(),
            generation: Some(job.id),
            custom_id: job.custom_id.clone(),
            job: Some(job),
            url,
            endpoint,
        })
    }

    /// Whoever asked for what was refused at the door, at the URL that the door took note of.
    pub(crate) fn of_refused(failed: &Failed, url: Url) -> Self {
        Self {
            tenant: failed.tenant.clone(),
            generation: Some(failed.id),
            custom_id: failed.custom_id.clone(),
            job: None,
            endpoint: endpoint(&url),
            url,
        }
    }

    /// All of the URL that may be logged.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Whoever runs all this.
    pub(crate) fn operator(url: Url) -> Self {
        Self {
            tenant: Tenant::default(),
            generation: None,
            custom_id: None,
            job: None,
            endpoint: endpoint(&url),
            url,
        }
    }

    /// Whether book is kept of what it is told. Of the operator's news there is none: a
    /// `notification.failed` about them would be news for the operator again, without end, and they
    /// are about no generation that it could be kept under. The log and the metrics have them; and
    /// after a crash they may be told twice, under one `webhook-id`.
    pub(crate) const fn is_kept_book_of(&self) -> bool {
        self.generation.is_some()
    }

    /// It took the news.
    pub(crate) fn delivered(&self, event: &Event, status: u16, attempts: u32) -> Option<Emit> {
        let delivered = NotificationDelivered {
            event_id: event.id(),
            id: self.generation?,
            endpoint: self.endpoint.clone(),
            status,
            attempts,
            at: Timestamp::now(),
        };
        Some(Emit::event(delivered, Expect::First))
    }

    /// It did not take the news in all attempts.
    pub(crate) fn failed(&self, event: &Event, attempts: u32, reason: String) -> Option<Emit> {
        let failed = NotificationFailed {
            event_id: event.id(),
            id: self.generation?,
            endpoint: self.endpoint.clone(),
            attempts,
            reason,
            at: Timestamp::now(),
        };
        Some(Emit::event(failed, Expect::First))
    }
}

/// The first 12 hex digits of the URL's SHA-256.
fn endpoint(url: &Url) -> String {
    let digest = digest(&SHA256, url.as_str().as_bytes());
    hex::encode(&digest.as_ref()[..6])
}
