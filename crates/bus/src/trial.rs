//! Messages that may kill whoever handles them.
//!
//! How often a message was delivered tells of deaths, but also of outages in which nothing could be
//! told, and of workers that were stopped. So a message that comes too often is not given up for that:
//! each further try is written down before it begins and struck out by whoever lives through it. What
//! is left are deaths, whichever worker died.

use tracing::warn;

use crate::incoming::Raw;
use crate::{Bus, Error, Stage};

pub(crate) const BUCKET: &str = "suspects";

/// A try that is written down.
pub(crate) struct Trial<'a> {
    bus: &'a Bus,
    key: String,
    deaths: u32,
}

impl Bus {
    /// Writes down that `stage` tries to handle a message once more.
    ///
    /// # Errors
    ///
    /// [`Error::Read`], [`Error::Publish`]: it is not to be tried.
    pub(crate) async fn trial(&self, stage: Stage, raw: &Raw) -> Result<Trial<'_>, Error> {
        let key = format!("{}.{}.{}", stage.name(), raw.stream, raw.sequence);
        let noted = self.setting(BUCKET, &key).await?;
        let noted = noted.and_then(|noted| std::str::from_utf8(&noted).ok()?.parse().ok());
        let trial = Trial {
            bus: self,
            key,
            deaths: noted.unwrap_or(0),
        };
        trial.note(trial.deaths.saturating_add(1)).await?;
        Ok(trial)
    }
}

impl Trial<'_> {
    /// Tries before this one that nobody has lived through.
    pub(crate) const fn deaths(&self) -> u32 {
        self.deaths
    }

    /// Strikes out this try; and those before it, if the message is settled.
    pub(crate) async fn survived(self, is_settled: bool) {
        let struck = match self.deaths {
            deaths if deaths > 0 && !is_settled => self.note(deaths).await,
            _ => self.bus.delete_setting(BUCKET, &self.key, None).await,
        };
        if let Err(err) = struck {
            let error = &err as &dyn std::error::Error;
            warn!(error, key = self.key, "will be taken for a death");
        }
    }

    async fn note(&self, tries: u32) -> Result<(), Error> {
        let noted = self
            .bus
            .set_setting(BUCKET, &self.key, tries.to_string(), None);
        noted.await.map(drop)
    }
}
