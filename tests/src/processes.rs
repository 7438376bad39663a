use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use rustix::process::{Pid, Signal, kill_process};
use testkit::{Process, binary, wait_until};
use tokio::time::timeout;

use crate::{GENERATORS, PATIENCE, SERVICES, STANDBY};

const GRACE: Duration = Duration::from_secs(30);
const CRASH_AT: &str = "DARKROOM_CRASH_AT";
/// As a shell says it: ended by signal 9.
const KILLED: i32 = 128 + 9;
/// Above zero once a generator has dispatched.
const PLACES: &str = "darkroom_provider_images_limit ";

/// The services as the programs that are shipped.
#[derive(Debug)]
pub struct Processes {
    running: BTreeMap<&'static str, Process>,
    envs: BTreeMap<String, String>,
}

impl Processes {
    /// Starts all of them and returns when they are ready.
    pub(crate) async fn start(
        envs: BTreeMap<String, String>,
        standby: bool,
    ) -> anyhow::Result<Self> {
        let mut processes = Self {
            running: BTreeMap::new(),
            envs,
        };
        let names = SERVICES.into_iter().chain(standby.then_some(STANDBY));
        let started =
            names.map(async |name| anyhow::Ok((name, processes.launch(name, None).await?)));
        processes.running = try_join_all(started).await?.into_iter().collect();
        Ok(processes)
    }

    /// Whether there is such a process, running or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.running.contains_key(name)
    }

    /// Starts a service anew, after killing it if it runs.
    ///
    /// # Errors
    ///
    /// If it does not become ready.
    pub async fn start_again(&mut self, name: &'static str) -> anyhow::Result<()> {
        self.kill(name).await?;
        let process = self.launch(name, None).await?;
        self.running.insert(name, process);
        Ok(())
    }

    /// Asks a service to end and starts it anew as one that will die at the point `crash`, as if its
    /// power were cut. Returns whether it has done so already: whoever finds work to do may come
    /// there before it is ready.
    ///
    /// # Errors
    ///
    /// If it ends badly, or otherwise than planned, or does not become ready.
    pub(crate) async fn doom(&mut self, name: &'static str, crash: &str) -> anyhow::Result<bool> {
        self.terminate(name).await?;
        match self.launch(name, Some(crash)).await {
            Ok(process) => {
                self.running.insert(name, process);
                Ok(false)
            }
            Err(err) if format!("{err:#}").ends_with(&format!("status: {KILLED}")) => Ok(true),
            Err(err) => Err(err),
        }
    }

    /// Waits for the death that was planned.
    ///
    /// # Errors
    ///
    /// If it does not come within [`PATIENCE`](crate::PATIENCE), or the service ends otherwise.
    pub async fn dies(&mut self, name: &str) -> anyhow::Result<()> {
        let status = timeout(PATIENCE, self.of(name)?.wait())
            .await
            .with_context(|| format!("the {name} does not come to the point where it dies"))??;
        ensure!(
            status.code() == Some(KILLED),
            "the {name} ended by itself: {status}"
        );
        Ok(())
    }

    /// Cuts its power.
    ///
    /// # Errors
    ///
    /// If the system cannot say how it ended.
    pub async fn kill(&mut self, name: &str) -> anyhow::Result<()> {
        self.of(name)?.kill().await?;
        Ok(())
    }

    /// Asks a service to end, and waits for it.
    ///
    /// # Errors
    ///
    /// If it ends badly or not in time.
    pub async fn terminate(&mut self, name: &str) -> anyhow::Result<()> {
        let status = self.of(name)?.terminate(GRACE).await?;
        ensure!(status.success(), "the {name} ended badly: {status}");
        Ok(())
    }

    /// Sends a signal and waits for nothing.
    ///
    /// # Errors
    ///
    /// If there is nobody to get it.
    pub fn signal(&mut self, name: &str, signal: Signal) -> anyhow::Result<()> {
        let pid = self.of(name)?.pid().cast_signed();
        kill_process(Pid::from_raw(pid).context("no process id")?, signal)?;
        Ok(())
    }

    /// Waits until a generator has begun to dispatch.
    ///
    /// # Errors
    ///
    /// If it does not within [`PATIENCE`](crate::PATIENCE).
    pub async fn dispatches(&self, name: &str) -> anyhow::Result<()> {
        let what = format!("the {name} to dispatch");
        wait_until(PATIENCE, &what, async || self.has_dispatched(name).await).await
    }

    /// The generator that dispatches, if none has lost the lease yet.
    ///
    /// # Errors
    ///
    /// If none begins to within [`PATIENCE`](crate::PATIENCE).
    pub async fn dispatcher(&self) -> anyhow::Result<&'static str> {
        let found = testkit::wait_for(PATIENCE, "a generator to dispatch", async || {
            for name in GENERATORS {
                if self.has_dispatched(name).await {
                    return Some(name);
                }
            }
            None
        });
        found.await
    }

    async fn has_dispatched(&self, name: &str) -> bool {
        let metrics = async {
            let ops = self.running.get(name)?.ops();
            let client = reqwest::Client::builder()
                .no_proxy()
                .timeout(GRACE)
                .build()
                .ok()?;
            let metrics = client
                .get(format!("http://{ops}/metrics"))
                .send()
                .await
                .ok()?;
            metrics.text().await.ok()
        };
        let metrics = metrics.await.unwrap_or_default();
        let mut places = metrics.lines().filter_map(|line| line.strip_prefix(PLACES));
        places.any(|places| places != "0")
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

    fn of(&mut self, name: &str) -> anyhow::Result<&mut Process> {
        let process = self.running.get_mut(name);
        process.with_context(|| format!("there is no {name}"))
    }

    async fn launch(&self, name: &'static str, crash: Option<&str>) -> anyhow::Result<Process> {
        let mut envs = self.envs.clone();
        // Seven processes of two threads for each of several tests at once are enough for two
        // processors.
        envs.insert("TOKIO_WORKER_THREADS".to_owned(), "1".to_owned());
        if let Some(label) = crash {
            envs.insert(CRASH_AT.to_owned(), label.to_owned());
        }
        let program = if name == STANDBY { GENERATORS[0] } else { name };
        Process::start(binary(program)?, [""; 0], envs).await
    }
}
