//! The key that stops buying while it is there: `gate/store`.
//!
//! Whoever shuts puts its mark there and renews it for as long as it has a reason. What is not renewed
//! was left by somebody who is gone, and is the business of everybody who lives: it is taken over or
//! removed. So a gate that was shut stays shut until an uploader that can store says otherwise,
//! whichever that is, and if none lives there is nobody to buy for.

use std::time::Duration;

use bus::Bus;
use tokio::time::Instant;
use tracing::{debug, error, info};

use crate::metrics;

const BUCKET: &str = "gate";
const KEY: &str = "store";

/// What this uploader says of buying.
pub(crate) struct Gate {
    bus: Bus,
    /// Our mark.
    mark: String,
    /// How long a mark lasts that nobody renews. Told by our own clock, so that no two must agree.
    lasts: Duration,
    /// The revision that was found last, and when it was found first.
    seen: Option<(u64, Instant)>,
    is_shut: bool,
}

impl Gate {
    pub(crate) fn new(bus: Bus, lasts: Duration) -> Self {
        Self {
            bus,
            mark: uuid::Uuid::new_v4().simple().to_string(),
            lasts,
            seen: None,
            is_shut: false,
        }
    }

    /// Shuts for `reason`, or opens if there is none and nobody else has one. To be said often.
    pub(crate) async fn say(&mut self, reason: Option<&str>) -> Result<(), bus::Error> {
        if reason.is_some() != self.is_shut {
            self.is_shut = reason.is_some();
            metrics::SHUT.set(self.is_shut.into());
            match reason {
                Some(reason) => error!(reason, "nothing more is to be bought"),
                None => info!("what is bought can be stored again"),
            }
        }
        match self.write(reason).await {
            // The next time we see what somebody else has made of it.
            Err(err) if err.is_conflict() => {
                debug!(error = &err as &dyn std::error::Error, "another was first");
                Ok(())
            }
            written => written,
        }
    }

    async fn write(&mut self, reason: Option<&str>) -> Result<(), bus::Error> {
        let found = self.bus.setting_at(BUCKET, KEY).await?;
        let revision = match &found {
            None => 0,
            Some((value, revision)) if value.starts_with(self.mark.as_bytes()) => *revision,
            Some((_, revision)) if self.is_left(*revision) => *revision,
            Some(_) => return Ok(()),
        };
        match reason {
            Some(reason) => {
                let value = format!("{} {reason}", self.mark);
                let set = self.bus.set_setting(BUCKET, KEY, value, Some(revision));
                set.await.map(drop)
            }
            None if found.is_none() => Ok(()),
            None => {
                let deleted = self.bus.delete_setting(BUCKET, KEY, Some(revision));
                deleted.await
            }
        }
    }

    /// Whether nobody has renewed it for so long that nobody will.
    fn is_left(&mut self, revision: u64) -> bool {
        match self.seen {
            Some((seen, since)) if seen == revision => since.elapsed() >= self.lasts,
            _ => {
                self.seen = Some((revision, Instant::now()));
                false
            }
        }
    }
}
