//! Joining the bus as a service does: connect, find everything in place, report one's health.

use std::time::Duration;

use runtime::Life;
use tokio::time::{self, Instant};
use tracing::{debug, warn};

use crate::{Bus, Config, Error, drift};

/// How long to wait for somebody to provision the streams.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the connection is looked at.
const LOOK: Duration = Duration::from_secs(1);

impl Bus {
    /// Connects and waits until the streams are provisioned, a minute at the most. From then on the
    /// service's health says whether the connection is up.
    ///
    /// # Errors
    ///
    /// As [`Bus::connect`]; [`Error::Provision`] if the streams are not there.
    pub async fn open(config: &Config, life: &Life) -> Result<Self, Error> {
        let health = life.health.component("nats");
        health.not_ready("not connected yet");
        let bus = Self::connect(config).await?;
        for sentence in bus.provisioned(&life.shutdown).await? {
            warn!("{sentence}; `darkroom provision` puts it right");
        }
        health.ready();

        let (watched, shutdown) = (bus.clone(), life.shutdown.clone());
        tokio::spawn(async move {
            while shutdown
                .run_until_cancelled(time::sleep(LOOK))
                .await
                .is_some()
            {
                match watched.is_connected() {
                    true => health.ready(),
                    false => health.not_ready("connection lost"),
                }
            }
        });
        Ok(bus)
    }

    async fn provisioned(
        &self,
        shutdown: &tokio_util::sync::CancellationToken,
    ) -> Result<Vec<String>, Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match drift(self).await {
                Err(err) if Instant::now() < deadline && !shutdown.is_cancelled() => {
                    debug!(
                        error = &err as &dyn std::error::Error,
                        "waiting for the streams"
                    );
                    time::sleep(Duration::from_millis(300)).await;
                }
                result => return result,
            }
        }
    }
}
