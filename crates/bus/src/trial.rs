//! Messages that may kill whoever handles them.
//!
//! How often a message was delivered tells of deaths, but also of outages in which nothing could be
//! told, and of workers that were stopped. So a message that comes too often is not given up for that:
//! each further try is written down before it begins and struck out by whoever lives through it. What
//! is left are deaths, whichever worker died.

use tracing::warn;

use crate::connection::fresh_token;
use crate::incoming::Raw;
use crate::{Bus, Error, Stage};

pub(crate) const BUCKET: &str = "suspects";

/// A try that is written down, under a key of its own: a message may be with two workers at once, if
/// the first is slow to say what came of it.
pub(crate) struct Trial<'a> {
    bus: &'a Bus,
    key: String,
    /// The keys of tries before this one that nobody has struck out.
    earlier: Vec<String>,
}

impl Bus {
    /// Writes down that `stage` tries to handle a message once more.
    ///
    /// # Errors
    ///
    /// [`Error::Read`], [`Error::Publish`]: it is not to be tried.
    pub(crate) async fn trial(&self, stage: Stage, raw: &Raw) -> Result<Trial<'_>, Error> {
        let message = format!("{}.{}.{}", stage.name(), raw.stream, raw.sequence);
        let earlier = self.settings(BUCKET, &format!("{message}.*")).await?;
        let key = format!("{message}.{}", fresh_token());
        self.set_setting(BUCKET, &key, "", Some(0)).await?;
        Ok(Trial {
            bus: self,
            key,
            earlier: earlier.into_iter().map(|setting| setting.key).collect(),
        })
    }
}

impl Trial<'_> {
    /// Tries before this one that nobody has lived through, as far as can be seen.
    pub(crate) const fn deaths(&self) -> usize {
        self.earlier.len()
    }

    /// Strikes out this try; and those before it, if the message is settled.
    pub(crate) async fn survived(mut self, is_settled: bool) {
        if !is_settled {
            self.earlier.clear();
        }
        for key in self.earlier.into_iter().chain([self.key]) {
            if let Err(err) = self.bus.delete_setting(BUCKET, &key, None).await {
                let error = &err as &dyn std::error::Error;
                warn!(error, key, "will be taken for a death");
            }
        }
    }
}
