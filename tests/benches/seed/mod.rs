//! The design that this project began with, and what it costs: a `BullMQ` queue in Redis, a worker
//! that asks the provider, stores the pictures and calls back, and an Express app that is called.
//! The provider is the same simulator, the disk the same; the scripts are beside.
//!
//! Redis writes its log to disk once a second; nothing else here waits for the disk.

mod tools;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use runtime::child::{Child, Log};
use testkit::{free_port, wait_until};
use tokio::time::timeout;

use crate::system::figures::{Figures, Meter};
use crate::system::simulator::{Simulator, answers, local};
use crate::system::{PATIENCE, place::folder};
pub(crate) use tools::Tools;

const START: Duration = Duration::from_secs(60);

/// What the callback prints for each job.
const TOLD: &str = "Generated 1 images for: ";

/// Runs `warm_up` jobs and then `jobs` in a new folder in `root`, and prints what the latter cost.
pub(crate) async fn measure(
    tools: &Tools,
    root: &Path,
    warm_up: usize,
    jobs: usize,
) -> anyhow::Result<Figures> {
    let mut seed = Seed::start(tools, folder(root).await?).await?;
    seed.work(warm_up).await?;
    let meter = Meter::start([
        ("node: callbacks (Express)", seed.api.pid()),
        ("node: worker (BullMQ)", seed.worker.pid()),
        ("redis-server", seed.redis.pid()),
    ])?;
    seed.work(jobs).await?;
    let figures = meter.stop(jobs)?;
    println!("the seed's design: {jobs} jobs\n{figures}");
    seed.prove(warm_up + jobs)?;
    seed.stop().await?;
    Ok(figures)
}

/// The simulator, Redis and the two node processes, on ports of their own.
struct Seed<'a> {
    tools: &'a Tools,
    simulator: Simulator,
    redis: Child,
    api: Child,
    worker: Child,
    envs: Vec<(&'static str, String)>,
    folder: PathBuf,
}

impl<'a> Seed<'a> {
    async fn start(tools: &'a Tools, folder: PathBuf) -> anyhow::Result<Self> {
        let simulator = Simulator::start("tiny", &folder).await?;
        let [redis_port, api_port] = [free_port()?, free_port()?];
        let store = folder.join("store");
        let callback = format!("http://{}/webhooks/ideogram-callback", local(api_port));
        let envs = vec![
            ("NODE_ENV", "production".to_owned()),
            ("REDIS_PORT", redis_port.to_string()),
            ("PORT", api_port.to_string()),
            ("CALLBACK_URL", callback),
            ("IDEOGRAM_API_KEY", "bench".to_owned()),
            ("IDEOGRAM_BASE_URL", simulator.url()),
            ("STORE", store.display().to_string()),
        ];
        let redis = redis(tools, redis_port, &folder).await?;
        let api = node(tools, "api.mjs", &[], &envs, &folder).await?;
        wait_until(START, "the callbacks", async || answers(api_port).await)
            .await
            .with_context(|| said(&folder, "api.mjs"))?;
        let worker = node(tools, "worker.mjs", &[], &envs, &folder).await?;
        Ok(Self {
            tools,
            simulator,
            redis,
            api,
            worker,
            envs,
            folder,
        })
    }

    /// Orders that many and waits until all are completed. The process that orders is not counted,
    /// as little as the one that orders from us.
    async fn work(&mut self, jobs: usize) -> anyhow::Result<()> {
        let (tools, envs, folder) = (self.tools, &self.envs, &self.folder);
        let mut producer = node(tools, "produce.mjs", &[&jobs.to_string()], envs, folder).await?;
        let ended = async {
            tokio::select! {
                status = producer.wait() => Ok(("produce.mjs", status?)),
                status = self.worker.wait() => Ok(("worker.mjs", status?)),
                status = self.api.wait() => Ok(("api.mjs", status?)),
                status = self.redis.wait() => Ok(("redis-server", status?)),
            }
        };
        let ended: anyhow::Result<_> = timeout(PATIENCE, ended)
            .await
            .context("it takes too long")?;
        let (name, status) = ended?;
        if name == "produce.mjs" && status.success() {
            return Ok(());
        }
        bail!("{name} ended: {status}\n{}", said(folder, name))
    }

    /// That nothing was left out: each job has its picture and was called back once.
    fn prove(&self, jobs: usize) -> anyhow::Result<()> {
        let told = said(&self.folder, "api.mjs");
        let told = told.lines().filter(|line| line.starts_with(TOLD)).count();
        ensure!(told == jobs, "{told} callbacks for {jobs} jobs");
        let mut stored = 0;
        for folder in std::fs::read_dir(self.folder.join("store/generated"))? {
            stored += std::fs::read_dir(folder?.path())?.count();
        }
        ensure!(stored == jobs, "{stored} pictures for {jobs} jobs");
        Ok(())
    }

    async fn stop(mut self) -> anyhow::Result<()> {
        for process in [&mut self.worker, &mut self.api, &mut self.redis] {
            process.terminate(PATIENCE).await?;
        }
        self.simulator.stop().await
    }
}

/// With the append-only log written to disk once a second, and no other snapshots.
async fn redis(tools: &Tools, port: u16, folder: &Path) -> anyhow::Result<Child> {
    let data = folder.join("redis");
    std::fs::create_dir(&data)?;
    let (port_arg, data) = (port.to_string(), data.display().to_string());
    let options = [
        ["--port", &port_arg],
        ["--bind", "127.0.0.1"],
        ["--dir", &data],
        ["--appendonly", "yes"],
        ["--appendfsync", "everysec"],
        ["--save", ""],
    ];
    let log = Log::File(folder.join("redis-server.log"));
    let none: [(&str, &str); 0] = [];
    let redis = Child::spawn(&tools.redis, options.as_flattened(), none, log).await?;
    wait_until(START, "redis-server", async || answers(port).await)
        .await
        .with_context(|| said(folder, "redis-server"))?;
    Ok(redis)
}

/// One of the scripts; what it says goes to a file with its name.
async fn node(
    tools: &Tools,
    script: &str,
    args: &[&str],
    envs: &[(&'static str, String)],
    folder: &Path,
) -> anyhow::Result<Child> {
    let log = Log::File(folder.join(format!("{script}.log")));
    let script = tools.scripts.join(script).display().to_string();
    let args = std::iter::once(script.as_str()).chain(args.iter().copied());
    let envs = envs.iter().map(|(name, value)| (name, value));
    Ok(Child::spawn(&tools.node, args, envs, log).await?)
}

/// All that one of the processes has printed.
fn said(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default()
}
