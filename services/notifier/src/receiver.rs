//! Whom to tell, and what is said about telling them.

use std::fmt::Write as _;

use bus::{Emit, Expect};
use domain::{Accepted, Event, Failed, Job, NotificationDelivered, NotificationFailed, Tenant};
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use url::Url;

/// Whom to tell.
pub(crate) struct Receiver {
    pub(crate) tenant: Tenant,
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

    pub(crate) fn delivered(&self, event: &Event, status: u16, attempts: u32) -> Emit {
        let delivered = NotificationDelivered {
            event_id: event.id(),
            id: event.generation(),
            endpoint: self.endpoint.clone(),
            status,
            attempts,
            at: Timestamp::now(),
        };
        Emit::event(delivered, Expect::First)
    }

    pub(crate) fn failed(&self, event: &Event, attempts: u32, reason: String) -> Emit {
        let failed = NotificationFailed {
            event_id: event.id(),
            id: event.generation(),
            endpoint: self.endpoint.clone(),
            attempts,
            reason,
            at: Timestamp::now(),
        };
        Emit::event(failed, Expect::First)
    }
}

/// The first 12 hex digits of the URL's SHA-256.
fn endpoint(url: &Url) -> String {
    let digest = digest(&SHA256, url.as_str().as_bytes());
    let bytes = digest.as_ref().iter().take(6);
    bytes.fold(String::with_capacity(12), |mut text, byte| {
        // Writing to a string does not fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}
