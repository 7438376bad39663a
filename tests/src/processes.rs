use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use testkit::{Process, binary};
use tokio::time::timeout;

use crate::{PATIENCE, SERVICES};

const GRACE: Duration = Duration::from_secs(30);
const CRASH_AT: &str = "DARKROOM_CRASH_AT";
/// As a shell says it: ended by signal 9.
const KILLED: i32 = 128 + 9;

/// The services as the programs that are shipped.
#[derive(Debug)]
pub(crate) struct Processes {
    running: BTreeMap<&'static str, Process>,
    doomed: Option<&'static str>,
}

impl Processes {
    /// Starts all of them and returns when they are ready. The service of `crash` will die at that
    /// point.
    pub(crate) async fn start(
        envs: &BTreeMap<String, String>,
        crash: Option<(&'static str, &'static str)>,
    ) -> anyhow::Result<Self> {
        let started = SERVICES.map(|name| async move {
            let label = crash
                .filter(|(doomed, _)| *doomed == name)
                .map(|(_, label)| label);
            anyhow::Ok((name, start(name, envs, label).await?))
        });
        Ok(Self {
            running: try_join_all(started).await?.into_iter().collect(),
            doomed: crash.map(|(name, _)| name),
        })
    }

    /// Waits for the death that was planned, and starts the service again without a plan.
    pub(crate) async fn revive(&mut self, envs: &BTreeMap<String, String>) -> anyhow::Result<()> {
        let name = self.doomed.take().context("no service was to die")?;
        let process = self.running.get_mut(name).context("it does not run")?;
        let status = timeout(PATIENCE, process.wait())
            .await
            .with_context(|| format!("the {name} does not come to the point where it dies"))??;
        ensure!(
            status.code() == Some(KILLED),
            "the {name} ended by itself: {status}"
        );
        self.running.insert(name, start(name, envs, None).await?);
        Ok(())
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let stopped = self
            .running
            .into_iter()
            .map(|(name, mut process)| async move {
                let status = process.terminate(GRACE).await?;
                ensure!(status.success(), "the {name} ended badly: {status}");
                Ok(())
            });
        try_join_all(stopped).await.map(drop)
    }
}

async fn start(
    name: &str,
    envs: &BTreeMap<String, String>,
    crash: Option<&str>,
) -> anyhow::Result<Process> {
    let mut envs = envs.clone();
    // Six processes of two threads for each of several tests at once are enough for two processors.
    envs.insert("TOKIO_WORKER_THREADS".to_owned(), "1".to_owned());
    if let Some(label) = crash {
        envs.insert(CRASH_AT.to_owned(), label.to_owned());
    }
    Process::start(binary(name)?, [""; 0], envs).await
}
