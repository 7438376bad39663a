use std::{
    collections::BTreeMap,
    env, fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use anyhow::Context as _;
use runtime::{Child, child::Log};
use tempfile::TempDir;

use crate::wait_for;

/// How long a program may take until it is ready, on a machine that is busy with other tests.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long one probe may take.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// One of our programs in a process of its own. What it logs goes to a file, which is printed when
/// this value is dropped, for the test runner to show if the test failed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    launch: Launch,
}

/// All that is needed to start it once more.
#[derive(Debug)]
struct Launch {
    program: PathBuf,
    args: Vec<String>,
    envs: BTreeMap<String, String>,
    ops: SocketAddr,
    log: PathBuf,
    _dir: TempDir,
}

impl Process {
    /// Starts `program` with `args` and `envs` over our own environment, and returns once its
    /// `/readyz` says 200. `DARKROOM_OPS_LISTEN` is chosen here, unless `envs` has it.
    ///
    /// # Errors
    ///
    /// If it cannot be started, ends, or is not ready within 60 s; with the end of its log.
    pub async fn start<A: Into<String>, N: Into<String>, V: Into<String>>(
        program: impl Into<PathBuf>,
        args: impl IntoIterator<Item = A>,
        envs: impl IntoIterator<Item = (N, V)>,
    ) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let envs = envs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        let mut envs: BTreeMap<String, String> = envs.collect();
        let ops = match envs.get("DARKROOM_OPS_LISTEN") {
            Some(addr) => addr.parse().context("DARKROOM_OPS_LISTEN")?,
            None => SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)),
        };
        envs.insert("DARKROOM_OPS_LISTEN".to_owned(), ops.to_string());
        let launch = Launch {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            envs,
            ops,
            log: dir.path().join("log"),
            _dir: dir,
        };
        let child = launch.start().await?;
        Ok(Self { child, launch })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Where its operations port is.
    pub fn ops(&self) -> SocketAddr {
        self.launch.ops
    }

    /// All it has logged, from its first start on.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.launch.log).unwrap_or_default()
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    ///
    /// If the system cannot say how.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Cuts its power (SIGKILL) and returns when it is gone.
    ///
    /// # Errors
    ///
    /// If the system cannot say how it ended.
    pub async fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill().await
    }

    /// Asks it to end (SIGTERM), and kills it if it still runs after `grace`.
    ///
    /// # Errors
    ///
    /// If the system cannot say how it ended.
    pub async fn terminate(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        self.child.terminate(grace).await
    }

    /// Starts it again as it was started first, after killing it if it runs.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        self.child = self.launch.start().await?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        show(&self.launch.program.display().to_string(), &self.launch.log);
    }
}

impl Launch {
    async fn start(&self) -> anyhow::Result<Child> {
        let log = Log::File(self.log.clone());
        let mut child = Child::spawn(&self.program, &self.args, &self.envs, log).await?;
        runtime::install_tls();
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(PROBE_LIMIT)
            .build()?;
        let readyz = format!("http://{}/readyz", self.ops);
        let ready = wait_for(START_LIMIT, "/readyz to say 200", async || {
            if let Ok(Some(status)) = child.try_wait() {
                return Some(Err(anyhow::anyhow!("it ended early: {status}")));
            }
            let response = client.get(&readyz).send().await.ok()?;
            (response.status() == reqwest::StatusCode::OK).then_some(Ok(()))
        });
        ready.await.flatten().with_context(|| {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            format!("cannot start `{}`\n{}", self.program.display(), tail(&log))
        })?;
        Ok(child)
    }
}

/// The path of one of this workspace's programs. They are built by `cargo build --workspace`, and
/// lie beside the folder that test binaries are in.
///
/// # Errors
///
/// If it has not been built.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let test = env::current_exe()?;
    let program = test
        .ancestors()
        .nth(2)
        .context("a test binary in no folder")?
        .join(name);
    anyhow::ensure!(
        program.is_file(),
        "`{}` is not there: run `cargo build --workspace` first",
        program.display()
    );
    Ok(program)
}

/// A TCP port on loopback that nobody listens on at the moment. Somebody may later, so prefer port
/// 0 wherever the listener can tell which port it got.
///
/// # Errors
///
/// If the system has none to give.
pub fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// Prints the end of a log for the test runner, which shows it only if the test fails.
pub(crate) fn show(name: &str, log: &Path) {
    let log = fs::read_to_string(log).unwrap_or_default();
    println!("--- the end of what {name} said\n{}", tail(&log));
}

fn tail(log: &str) -> String {
    const LINES: usize = 100;
    let skipped = log.lines().count().saturating_sub(LINES);
    let lines: Vec<&str> = log.lines().skip(skipped).collect();
    lines.join("\n")
}
