//! Our own nats-server: found, checked, configured for a ledger, and kept alive.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use runtime::child::{Child, Log};
use runtime::{Env, Life};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::plan::Plan;

const NEEDED: [u32; 2] = [2, 15];
/// How the supervised server runs, unless the user has said otherwise. One thread is enough for one
/// machine: more of them spend a quarter of the server's time on waking each other. A quarter
/// as much garbage as the server uses may lie about (Go's own default is as much): its memory is half
/// less, its work hardly more.
const GO: [(&str, &str); 2] = [("GOMAXPROCS", "1"), ("GOGC", "25")];
/// While one of its threads waits for the disk, another one of Go's wakes every 20 µs to see whether
/// it is needed, which was a third of the server's work. It hardly is, with one processor.
const SLACK: Duration = Duration::from_millis(2);
const GRACE: Duration = Duration::from_secs(10);
/// Deaths in a row after which it is not started again, and how long a life ends the row.
const DEATHS: u32 = 5;
const LONG_LIFE: Duration = Duration::from_secs(60);

/// A supervised nats-server.
#[derive(Debug)]
pub(crate) struct Nats {
    stop: CancellationToken,
    supervisor: JoinHandle<()>,
}

impl Nats {
    /// Starts it, unless the user has one.
    ///
    /// # Errors
    ///
    /// There is no nats-server, it is too old, or it does not start.
    pub(crate) async fn start(plan: &Plan, life: &Life) -> anyhow::Result<Option<Self>> {
        let Some(listen) = plan.nats_listen else {
            return Ok(None);
        };
        let program = find(&Env::of_process()?)?;
        check_version(&program).await?;
        let folder = plan.data_dir.join("nats");
        let config = write_config(&folder, listen)?;
        let server = Server {
            program,
            config,
            log: folder.join("nats-server.log"),
        };

        let child = server.spawn().await?;
        let stop = CancellationToken::new();
        let supervisor = tokio::spawn(server.supervise(child, stop.clone(), life.shutdown.clone()));
        Ok(Some(Self { stop, supervisor }))
    }

    /// Stops it in its own time.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Err(err) = self.supervisor.await {
            error!(error = %err, "nats-server was not stopped properly");
        }
    }
}

struct Server {
    program: PathBuf,
    config: PathBuf,
    log: PathBuf,
}

impl Server {
    async fn spawn(&self) -> anyhow::Result<Child> {
        let args = ["--config".as_ref(), self.config.as_os_str()];
        let is_open = |(name, _): &(&str, &str)| std::env::var_os(name).is_none();
        let envs = GO.into_iter().filter(is_open);
        let log = Log::File(self.log.clone());
        Ok(Child::spawn_patient(&self.program, args, envs, log, SLACK).await?)
    }

    /// Starts the server again when it dies; ends everything when that does not help.
    async fn supervise(
        self,
        mut child: Child,
        stop: CancellationToken,
        shutdown: CancellationToken,
    ) {
        let mut deaths = 0;
        loop {
            let born = time::Instant::now();
            tokio::select! {
                () = stop.cancelled() => {
                    if let Err(err) = child.terminate(GRACE).await {
                        warn!(error = %err, "nats-server did not stop");
                    }
                    return;
                }
                _ = child.wait() => {}
            }
            deaths = if born.elapsed() > LONG_LIFE {
                1
            } else {
                deaths + 1
            };
            warn!(log = %self.log.display(), deaths, "nats-server died, starting it again");
            if deaths >= DEATHS {
                error!(log = %self.log.display(), "nats-server keeps dying, giving up");
                return shutdown.cancel();
            }
            time::sleep(Duration::from_millis(200) * deaths).await;
            match self.spawn().await {
                Ok(next) => child = next,
                Err(err) => {
                    error!(error = format!("{err:#}"), "nats-server cannot be started");
                    return shutdown.cancel();
                }
            }
        }
    }
}

/// The binary that `DARKROOM_NATS_SERVER` names, else the one that the build fetched, else that of
/// the system.
fn find(env: &Env) -> anyhow::Result<PathBuf> {
    if let Some(path) = env.raw("DARKROOM_NATS_SERVER") {
        return match Path::new(&path).is_file() {
            true => Ok(path.into()),
            false => bail!("there is no nats-server at {path} (DARKROOM_NATS_SERVER)"),
        };
    }
    let beside = std::env::current_exe().ok();
    let beside = beside.iter().flat_map(|exe| exe.ancestors().skip(1));
    let mut places: Vec<PathBuf> = vec![".tools/nats-server".into()];
    for folder in beside.take(4) {
        places.extend([
            folder.join("nats-server"),
            folder.join(".tools/nats-server"),
        ]);
    }
    let path = env.raw("PATH").unwrap_or_default();
    places.extend(std::env::split_paths(&path).map(|folder| folder.join("nats-server")));
    places.into_iter().find(|place| place.is_file()).context(
        "there is no nats-server; `scripts/fetch-tools` fetches one, or name one with DARKROOM_NATS_SERVER",
    )
}

async fn check_version(program: &Path) -> anyhow::Result<()> {
    let asked = Command::new(program)
        .arg("--version")
        .kill_on_drop(true)
        .output();
    let output = time::timeout(GRACE, asked)
        .await
        .with_context(|| format!("{} does not answer", program.display()))?
        .with_context(|| format!("cannot run {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = said.trim().rsplit('v').next().unwrap_or_default();
    let mut parts = version
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    if [parts.next().unwrap_or(0), parts.next().unwrap_or(0)] < NEEDED {
        bail!(
            "{} is version {version}, and Darkroom needs {}.{} or newer; `scripts/fetch-tools` fetches one",
            program.display(),
            NEEDED[0],
            NEEDED[1]
        );
    }
    Ok(())
}

/// Writes the configuration. `sync_interval: always`, because the streams are a ledger of money.
fn write_config(folder: &Path, listen: SocketAddr) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let store = serde_json::to_string(&folder.join("jetstream").display().to_string())?;
    let config = format!(
        "# Written by `darkroom up`; changes are lost.\n\
         server_name: darkroom\n\
         listen: \"{listen}\"\n\
         max_payload: 2MB\n\
         jetstream {{\n  store_dir: {store}\n  sync_interval: always\n  max_memory_store: 64MB\n}}\n"
    );
    let path = folder.join("nats-server.conf");
    std::fs::write(&path, config).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
