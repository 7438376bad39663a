//! The whole system as `darkroom up` runs it, against a provider that answers at once, and what it
//! costs. The simulator is a process of its own and is not counted.

pub(crate) mod figures;
pub(crate) mod place;
pub(crate) mod simulator;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use async_nats::jetstream;
use futures::StreamExt;
use runtime::child::{Child, Log};
use testkit::{free_port, wait_until};

use figures::{Figures, Meter};
use place::folder;
use simulator::{Simulator, binary, local};

pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) picture: &'static str,
    pub(crate) jobs: usize,
    pub(crate) warm_up: usize,
    pub(crate) presets: &'static str,
    /// Places of the provider account, in images.
    pub(crate) limit: u32,
}

/// Runs the scenario in a new folder in `root`, and prints its figures.
pub(crate) async fn measure(scenario: &Scenario, root: &Path) -> anyhow::Result<Figures> {
    let system = System::start(scenario, &folder(root).await?).await?;
    let nats = async_nats::ConnectOptions::new()
        .connect(local(system.nats_port))
        .await?;
    let jetstream = jetstream::new(nats.clone());
    system
        .work(&nats, &jetstream, scenario.warm_up, scenario.presets)
        .await?;

    let meter = Meter::start([
        ("darkroom (six services)", system.darkroom.pid()),
        ("nats-server", system.nats_pid),
    ])?;
    system
        .work(&nats, &jetstream, scenario.jobs, scenario.presets)
        .await?;
    let figures = meter.stop(scenario.jobs)?;
    println!("{}: {} jobs\n{figures}", scenario.name, scenario.jobs);
    system.stop().await?;
    Ok(figures)
}

/// `darkroom sim` and `darkroom up`, on ports of their own.
struct System {
    simulator: Simulator,
    darkroom: Child,
    nats_pid: u32,
    nats_port: u16,
    ops: u16,
}

impl System {
    async fn start(scenario: &Scenario, folder: &Path) -> anyhow::Result<Self> {
        let simulator = Simulator::start(scenario.picture, folder).await?;
        let [http, nats_port, ops] = [free_port()?, free_port()?, free_port()?];
        let data = folder.join("data");
        let envs = [
            ("DARKROOM_DATA_DIR", data.display().to_string()),
            ("DARKROOM_LISTEN", local(http)),
            ("DARKROOM_NATS_LISTEN", local(nats_port)),
            ("DARKROOM_OPS_LISTEN", local(ops)),
            ("IDEOGRAM_API_KEY", "bench".to_owned()),
            ("IDEOGRAM_BASE_URL", simulator.url()),
            ("DARKROOM_IMAGE_HOSTS", "127.0.0.1".to_owned()),
            ("DARKROOM_IMAGE_ALLOW", "127.0.0.0/8".to_owned()),
            ("DARKROOM_PROVIDER_LIMIT", scenario.limit.to_string()),
            ("DARKROOM_PROVIDER_POLLS_PER_SECOND", "100000".to_owned()),
            ("DARKROOM_LOG", "warn".to_owned()),
        ];
        let log = Log::File(folder.join("darkroom.log"));
        let darkroom = Child::spawn(binary()?, ["up"], envs, log).await?;
        let ready = async || is_ready(ops).await;
        if let Err(err) = wait_until(PATIENCE, "darkroom to be ready", ready).await {
            let log = std::fs::read_to_string(folder.join("darkroom.log"));
            bail!("{err}: {}", log.unwrap_or_default());
        }
        let nats_pid = pid_of("nats-server", folder).context("no nats-server runs")?;
        Ok(Self {
            simulator,
            darkroom,
            nats_pid,
            nats_port,
            ops,
        })
    }

    /// Publishes `jobs` requests and waits until all are ready and everything is written down.
    async fn work(
        &self,
        nats: &async_nats::Client,
        jetstream: &jetstream::Context,
        jobs: usize,
        presets: &str,
    ) -> anyhow::Result<()> {
        let mut ready = nats.subscribe("generation.ready").await?;
        let mut failed = nats.subscribe("generation.failed").await?;
        nats.flush().await?;
        let body = format!(r#"{{"prompt":"a red kite over dunes","presets":{presets}}}"#);
        let mut acks = Vec::with_capacity(256);
        for n in 0..jobs {
            acks.push(
                jetstream
                    .publish("generation.requested", body.clone().into())
                    .await?,
            );
            if acks.len() == 256 || n + 1 == jobs {
                for ack in acks.drain(..) {
                    ack.await?;
                }
            }
        }
        for n in 0..jobs {
            tokio::select! {
                event = ready.next() => { event.context("the connection ended")?; }
                event = failed.next() => {
                    let event = event.context("the connection ended")?;
                    bail!("a job failed: {}", String::from_utf8_lossy(&event.payload));
                }
                () = tokio::time::sleep(PATIENCE) => bail!("only {n} of {jobs} jobs were ready in time"),
            }
        }
        // Seldom enough that looking is not what is measured.
        let deadline = Instant::now() + PATIENCE;
        while !self.settled(jetstream).await.unwrap_or(false) {
            anyhow::ensure!(
                Instant::now() < deadline,
                "not all events were taken and written down in time"
            );
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Ok(())
    }

    /// Whether no consumer of EVENTS has anything left to read or to acknowledge, and the historian,
    /// which acknowledges nothing, has written all of it down.
    async fn settled(&self, jetstream: &jetstream::Context) -> anyhow::Result<bool> {
        let stream = jetstream.get_stream("EVENTS").await?;
        let mut consumers = stream.consumers();
        while let Some(consumer) = consumers.next().await {
            let consumer = consumer?;
            if consumer.num_pending > 0 || consumer.num_ack_pending > 0 {
                return Ok(false);
            }
        }
        let written = self.metric("darkroom_history_position").await?;
        Ok(written >= stream.cached_info().state.last_sequence as f64)
    }

    /// The value of a metric without labels.
    async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let url = format!("http://127.0.0.1:{}/metrics", self.ops);
        let text = reqwest::get(url).await?.text().await?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.with_context(|| format!("no metric `{name}`"))?;
        Ok(value.trim().parse()?)
    }

    async fn stop(mut self) -> anyhow::Result<()> {
        let status = self.darkroom.terminate(Duration::from_secs(30)).await?;
        self.simulator.stop().await?;
        if !status.success() {
            bail!("darkroom ended with {status}");
        }
        Ok(())
    }
}

async fn is_ready(ops: u16) -> bool {
    let url = format!("http://127.0.0.1:{ops}/readyz");
    reqwest::get(url)
        .await
        .is_ok_and(|answer| answer.status().is_success())
}

/// The process of that name whose command line mentions `folder`.
fn pid_of(name: &str, folder: &Path) -> Option<u32> {
    let folder = folder.display().to_string();
    std::fs::read_dir("/proc")
        .ok()?
        .flatten()
        .find_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let program = line.split('\0').next().unwrap_or_default();
            (program.ends_with(name) && line.contains(&folder)).then_some(pid)
        })
}
