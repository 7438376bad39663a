//! The keys that the provider signs its webhooks with: fetched when they are needed, kept for a day,
//! and fetched anew when a signature fits none of them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::HeaderMap;
use ideogram::Client;
use ideogram::webhook::{Jwks, Notice, Unverified};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::warn;

/// How long the provider allows them to be kept.
const LIFE: Duration = Duration::from_hours(24);
/// Anybody can send a signature that fits nothing; the provider is not asked more often for that.
const PAUSE: Duration = Duration::from_mins(1);

/// Why a webhook is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejected {
    /// It is not the provider's, or not to be read.
    #[error(transparent)]
    Unverified(#[from] Unverified),
    /// The keys cannot be fetched, so nobody can tell.
    #[error("the provider's keys cannot be fetched")]
    NoKeys,
}

/// The provider's keys.
#[derive(Debug)]
pub(crate) struct Signers {
    provider: Client,
    known: RwLock<Option<Known>>,
    /// When they were last asked for, and whether that was answered. Held while asking.
    asked: Mutex<Option<(Instant, bool)>>,
}

#[derive(Debug, Clone)]
struct Known {
    keys: Arc<Jwks>,
    fetched: Instant,
}

impl Signers {
    /// Fetches nothing yet.
    pub(crate) const fn new(provider: Client) -> Self {
        Self {
            provider,
            known: RwLock::new(None),
            asked: Mutex::const_new(None),
        }
    }

    /// Reads a webhook, if it is the provider's.
    pub(crate) async fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Notice, Rejected> {
        let verify = |keys: &Jwks| keys.verify(headers, body, Timestamp::now());
        let known = match self.known() {
            Some(known) => known,
            None => self.newer_than(None).await?.ok_or(Rejected::NoKeys)?,
        };
        match verify(&known.keys) {
            Err(Unverified::Signature) => match self.newer_than(Some(known.fetched)).await? {
                Some(newer) => Ok(verify(&newer.keys)?),
                None => Err(Unverified::Signature.into()),
            },
            verdict => Ok(verdict?),
        }
    }

    /// What is known, unless it is too old.
    fn known(&self) -> Option<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone().filter(|known| known.fetched.elapsed() < LIFE)
    }

    /// Keys that were fetched after `seen`; none if the provider was asked just now.
    async fn newer_than(&self, seen: Option<Instant>) -> Result<Option<Known>, Rejected> {
        let mut asked = self.asked.lock().await;
        // Somebody else may have fetched them while we waited for our turn.
        let newer = self.known().filter(|known| Some(known.fetched) != seen);
        if newer.is_some() {
            return Ok(newer);
        }
        match *asked {
            Some((at, true)) if at.elapsed() < PAUSE => return Ok(None),
            Some((at, false)) if at.elapsed() < PAUSE => return Err(Rejected::NoKeys),
            _ => {}
        }
        let answer = self.provider.webhook_keys().await;
        let now = Instant::now();
        *asked = Some((now, answer.is_ok()));
        drop(asked);
        let keys = answer.map_err(|err| {
            let error = &err as &dyn std::error::Error;
            warn!(error, "the provider's keys are not to be had");
            Rejected::NoKeys
        })?;
        let known = Known {
            keys: Arc::new(keys),
            fetched: now,
        };
        let mut slot = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(known.clone());
        Ok(Some(known))
    }
}
