//! An uploader on a runtime of its own, so that it can die in the middle of anything.

use anyhow::Context as _;
use runtime::Life;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::world::PATIENCE;

pub(crate) struct Service {
    runtime: Option<Runtime>,
    life: Life,
    run: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Service {
    pub(crate) fn start(config: uploader::Config) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let life = Life::default();
        let run = runtime.spawn(uploader::run(config, life.clone()));
        Ok(Self {
            runtime: Some(runtime),
            life,
            run: Some(run),
        })
    }

    /// Every task of it stops where it is, and its connections close.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Asks it to stop.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.life.shutdown.cancel();
        let run = self.run.take().context("it was stopped before")?;
        tokio::time::timeout(PATIENCE, run).await??
    }

    fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}
