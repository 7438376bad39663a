//! The whole system as `darkroom up` runs it, against a provider that answers at once, and what it
//! costs. The simulator is a process of its own and is not counted.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use async_nats::jetstream;
use futures::StreamExt;
use runtime::child::{Child, Log};
use testkit::{free_port, wait_until};

const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) picture: &'static str,
    pub(crate) jobs: usize,
    pub(crate) warm_up: usize,
    pub(crate) presets: &'static str,
    /// Places of the provider account, in images.
    pub(crate) limit: u32,
}

pub(crate) struct Figures {
    jobs_per_second: f64,
    darkroom_ms: f64,
    nats_ms: f64,
    /// Peak resident memory: of darkroom, of nats-server.
    memory_mb: (f64, f64),
}

impl Figures {
    pub(crate) fn total_mb(&self) -> f64 {
        self.memory_mb.0 + self.memory_mb.1
    }

    pub(crate) fn total_ms(&self) -> f64 {
        self.darkroom_ms + self.nats_ms
    }
}

/// Runs the scenario and prints its figures.
pub(crate) async fn measure(scenario: &Scenario) -> anyhow::Result<Figures> {
    let system = System::start(scenario).await?;
    let nats = async_nats::ConnectOptions::new()
        .connect(format!("nats://127.0.0.1:{}", system.nats_port))
        .await?;
    let jetstream = jetstream::new(nats.clone());
    system
        .work(&nats, &jetstream, scenario.warm_up, scenario.presets)
        .await?;

    let before = system.cpu_ms()?;
    let started = Instant::now();
    system
        .work(&nats, &jetstream, scenario.jobs, scenario.presets)
        .await?;
    let seconds = started.elapsed().as_secs_f64();
    let after = system.cpu_ms()?;

    let jobs = scenario.jobs as f64;
    let figures = Figures {
        jobs_per_second: jobs / seconds,
        darkroom_ms: (after.0 - before.0) / jobs,
        nats_ms: (after.1 - before.1) / jobs,
        memory_mb: system.memory_mb()?,
    };
    println!("{}: {} jobs", scenario.name, scenario.jobs);
    println!("  {:>8.1} jobs/s", figures.jobs_per_second);
    println!(
        "  {:>8.2} ms CPU per job: darkroom (six services)",
        figures.darkroom_ms
    );
    println!("  {:>8.2} ms CPU per job: nats-server", figures.nats_ms);
    println!("  {:>8.2} ms CPU per job in all", figures.total_ms());
    println!(
        "  {:>8.1} MB of peak resident memory: darkroom {:.1}, nats-server {:.1}",
        figures.total_mb(),
        figures.memory_mb.0,
        figures.memory_mb.1,
    );
    system.stop().await?;
    Ok(figures)
}

/// `darkroom sim` and `darkroom up`, on ports of their own.
struct System {
    simulator: Child,
    darkroom: Child,
    nats_pid: u32,
    nats_port: u16,
    ops: u16,
    _folder: tempfile::TempDir,
}

impl System {
    async fn start(scenario: &Scenario) -> anyhow::Result<Self> {
        let program = binary()?;
        let folder = tempfile::tempdir()?;
        let mut ports = [0; 6];
        for port in &mut ports {
            *port = free_port()?;
        }
        let [api, images, admin, http, nats_port, ops] = ports;
        let local = |port: u16| format!("127.0.0.1:{port}");
        let log = |name: &str| Log::File(folder.path().join(name));

        let envs = [
            ("DARKROOM_SIM_LISTEN", local(api)),
            ("DARKROOM_SIM_IMAGES_LISTEN", local(images)),
            ("DARKROOM_SIM_ADMIN_LISTEN", local(admin)),
            ("DARKROOM_SIM_LATENCY_MIN", "0s".to_owned()),
            ("DARKROOM_SIM_LATENCY_MAX", "0s".to_owned()),
            ("DARKROOM_SIM_LIMIT", "1000".to_owned()),
            ("DARKROOM_SIM_POLL_LIMIT", "1000000".to_owned()),
            ("DARKROOM_SIM_PICTURE", scenario.picture.to_owned()),
            ("DARKROOM_SIM_PICTURE_POOL", "8".to_owned()),
        ];
        let simulator = Child::spawn(&program, ["sim"], envs, log("simulator.log")).await?;
        wait_until(PATIENCE, "the simulator", async || answers(api).await).await?;

        let envs = [
            (
                "DARKROOM_DATA_DIR",
                folder.path().join("data").display().to_string(),
            ),
            ("DARKROOM_LISTEN", local(http)),
            ("DARKROOM_NATS_LISTEN", local(nats_port)),
            ("DARKROOM_OPS_LISTEN", local(ops)),
            ("IDEOGRAM_API_KEY", "bench".to_owned()),
            ("IDEOGRAM_BASE_URL", format!("http://{}", local(api))),
            ("DARKROOM_IMAGE_HOSTS", "127.0.0.1".to_owned()),
            ("DARKROOM_IMAGE_ALLOW", "127.0.0.0/8".to_owned()),
            ("DARKROOM_PROVIDER_LIMIT", scenario.limit.to_string()),
            ("DARKROOM_PROVIDER_POLLS_PER_SECOND", "100000".to_owned()),
            ("DARKROOM_LOG", "warn".to_owned()),
        ];
        let darkroom = Child::spawn(&program, ["up"], envs, log("darkroom.log")).await?;
        let ready = async || is_ready(ops).await;
        if let Err(err) = wait_until(PATIENCE, "darkroom to be ready", ready).await {
            let log = std::fs::read_to_string(folder.path().join("darkroom.log"));
            bail!("{err}: {}", log.unwrap_or_default());
        }
        let nats_pid = pid_of("nats-server", folder.path()).context("no nats-server runs")?;
        Ok(Self {
            simulator,
            darkroom,
            nats_pid,
            nats_port,
            ops,
            _folder: folder,
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

    /// CPU used so far, in ms: by darkroom, by nats-server.
    fn cpu_ms(&self) -> anyhow::Result<(f64, f64)> {
        Ok((cpu_ms(self.darkroom.pid())?, cpu_ms(self.nats_pid)?))
    }

    fn memory_mb(&self) -> anyhow::Result<(f64, f64)> {
        Ok((peak_mb(self.darkroom.pid())?, peak_mb(self.nats_pid)?))
    }

    async fn stop(mut self) -> anyhow::Result<()> {
        let grace = Duration::from_secs(30);
        let status = self.darkroom.terminate(grace).await?;
        self.simulator.terminate(grace).await?;
        if !status.success() {
            bail!("darkroom ended with {status}");
        }
        Ok(())
    }
}

/// The optimised program, which `make bench-…` builds.
fn binary() -> anyhow::Result<PathBuf> {
    let target = std::env::current_exe()?;
    let target = target
        .ancestors()
        .nth(3)
        .context("not in a target folder")?;
    let program = target.join("release/darkroom");
    if !program.is_file() {
        bail!(
            "{} is missing; `make` builds it before a bench",
            program.display()
        );
    }
    Ok(program)
}

async fn answers(port: u16) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .is_ok()
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

/// User and system time of a process so far (`proc_pid_stat(5)`, fields 14 and 15; 100 ticks a second).
fn cpu_ms(pid: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok());
    let (user, system) = ticks(11)
        .zip(ticks(12))
        .context("/proc/…/stat has another form")?;
    Ok((user + system) * 10.0)
}

/// Peak resident memory of a process (`proc_pid_status(5)`, `VmHWM`).
fn peak_mb(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .context("no VmHWM")?;
    let kib = line
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse::<f64>().ok());
    Ok(kib.context("VmHWM has another form")? / 1024.0)
}
