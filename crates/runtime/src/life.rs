use std::{process, time::Duration};

use anyhow::bail;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time,
};
use tokio_util::sync::CancellationToken;

use crate::{Error, Health};

/// What a service needs to know of the process it lives in. Clones share one life.
#[derive(Debug, Clone, Default)]
pub struct Life {
    /// Cancelled when the service shall finish what it holds and return.
    pub shutdown: CancellationToken,
    /// Where the service says which of its needs are met.
    pub health: Health,
}

impl Life {
    /// The life of one service among several in a process: it may be ended without ending the
    /// others, ends with them, and speaks of its health under its own name.
    #[must_use]
    pub fn of(&self, service: &str) -> Self {
        Self {
            shutdown: self.shutdown.child_token(),
            health: self.health.scoped(service),
        }
    }
}

/// A token that the first SIGINT or SIGTERM cancels. A second one ends the process at once, with
/// code 130, for whoever does not want to wait.
///
/// # Errors
///
/// [`Error::Signals`] if the kernel refuses the handlers.
///
/// # Panics
///
/// Outside a tokio runtime.
pub fn on_signal() -> Result<CancellationToken, Error> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    tokio::spawn(async move {
        let name = either(&mut interrupt, &mut terminate).await;
        tracing::info!(
            signal = name,
            "shutting down; a second signal ends it at once"
        );
        token.cancel();
        either(&mut interrupt, &mut terminate).await;
        process::exit(130);
    });
    Ok(shutdown)
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) -> &'static str {
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}

/// Runs `work`, which ends by itself or soon after `shutdown`, and gives up on it `grace` after.
///
/// # Errors
///
/// Those of `work`, and one of its own when the grace is over.
pub async fn within(
    grace: Duration,
    shutdown: &CancellationToken,
    work: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let over = async {
        shutdown.cancelled().await;
        time::sleep(grace).await;
    };
    tokio::select! {
        outcome = work => outcome,
        () = over => bail!("still busy {grace:?} after the signal to stop (DARKROOM_GRACE)"),
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use super::{CancellationToken, Life, within};

    #[tokio::test]
    async fn work_that_outlives_its_grace_is_an_error() {
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        let outcome = within(Duration::from_millis(10), &shutdown, pending()).await;
        let said = outcome.err().map(|err| err.to_string()).unwrap_or_default();
        assert!(said.contains("still busy 10ms"), "{said}");
    }

    #[tokio::test]
    async fn work_that_ends_within_its_grace_is_fine() -> anyhow::Result<()> {
        let shutdown = CancellationToken::new();
        let work = async {
            shutdown.cancelled().await;
            Ok(())
        };
        let stop = async {
            shutdown.cancel();
            Ok(())
        };
        tokio::try_join!(within(Duration::from_secs(60), &shutdown, work), stop)?;
        Ok(())
    }

    #[test]
    fn one_service_may_end_alone_but_all_end_together() {
        let life = Life::default();
        let (gateway, notifier) = (life.of("gateway"), life.of("notifier"));
        gateway.shutdown.cancel();
        assert!(!life.shutdown.is_cancelled() && !notifier.shutdown.is_cancelled());
        life.shutdown.cancel();
        assert!(notifier.shutdown.is_cancelled());
    }
}
