use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use runtime::{Child, child::Log};
use tempfile::TempDir;

use crate::wait_for;

/// How long a server may take to start; recovery of a test's streams included.
const START_LIMIT: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_secs(10);

/// A nats-server of one test's own, with JetStream on disk and every write synced.
///
/// It keeps its port and its data across [`kill`](Self::kill) and [`restart`](Self::restart), and
/// is killed when dropped. What it logged is printed then, for the test runner to show if the test
/// failed.
#[derive(Debug)]
pub struct NatsServer {
    child: Child,
    dir: TempDir,
    extra: String,
    url: String,
}

impl NatsServer {
    /// Starts one on a port the kernel picks.
    ///
    /// # Errors
    ///
    /// If there is no nats-server, or it does not come up within 30 s.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with("").await
    }

    /// Starts one whose [configuration file] ends with the lines `extra`: accounts, limits, TLS.
    ///
    /// [configuration file]: https://docs.nats.io/running-a-nats-service/configuration
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_with(extra: &str) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let (child, url) = launch(dir.path(), "-1", extra).await?;
        Ok(Self {
            child,
            dir,
            extra: extra.to_owned(),
            url,
        })
    }

    /// Where clients connect, `nats://127.0.0.1:…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A plain client, to look at the server from outside of our own code.
    ///
    /// # Errors
    ///
    /// If the server is not running, or wants credentials.
    pub async fn client(&self) -> anyhow::Result<async_nats::Client> {
        let client = async_nats::ConnectOptions::new()
            .connection_timeout(Duration::from_secs(5))
            .connect(&self.url);
        Ok(client.await?)
    }

    /// Cuts its power (SIGKILL) and returns when it is gone.
    ///
    /// # Errors
    ///
    /// If the system cannot say how it ended.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        Ok(())
    }

    /// Starts it again with the same port and data, after stopping it politely if it runs.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), or if somebody else has taken the port meanwhile.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.child.terminate(GRACE).await?;
        let (_, port) = self.url.rsplit_once(':').context("a URL without a port")?;
        (self.child, self.url) = launch(self.dir.path(), port, &self.extra).await?;
        Ok(())
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        crate::process::show("nats-server", &self.dir.path().join("log"));
    }
}

async fn launch(dir: &Path, port: &str, extra: &str) -> anyhow::Result<(Child, String)> {
    let config = dir.join("nats.conf");
    let data = dir.display();
    let text = format!(
        "server_name: test\nlisten: \"127.0.0.1:{port}\"\nports_file_dir: \"{data}\"\n\
         jetstream {{ store_dir: \"{data}\", sync_interval: always }}\n{extra}\n"
    );
    fs::write(&config, text)?;
    let log = dir.join("log");
    let args = ["-c".as_ref(), config.as_os_str()];
    let envs = [("", ""); 0];
    let mut child = Child::spawn(program()?, args, envs, Log::File(log.clone())).await?;

    // Written once the server listens: {"nats": ["nats://127.0.0.1:41234"], …}
    let ports = dir.join(format!("nats-server_{}.ports", child.pid()));
    let url = wait_for(START_LIMIT, "nats-server's ports file", async || {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(Err(status));
        }
        let ports: serde_json::Value = serde_json::from_slice(&fs::read(&ports).ok()?).ok()?;
        Some(Ok(ports["nats"][0].as_str()?.to_owned()))
    });
    let url = url
        .await?
        .map_err(|status| anyhow::anyhow!("nats-server ended: {status}\n{}", read(&log)))?;
    Ok((child, url))
}

fn read(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_default()
}

/// `DARKROOM_NATS_SERVER`, or the one `scripts/fetch-tools` has put into `.tools`, or the one in
/// `PATH`.
fn program() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os("DARKROOM_NATS_SERVER") {
        return Ok(named.into());
    }
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/nats-server");
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = env::split_paths(&path).map(|dir| dir.join("nats-server"));
    [fetched]
        .into_iter()
        .chain(installed)
        .find(|program| program.is_file())
        .context(
            "no nats-server: run `scripts/fetch-tools`, or set DARKROOM_NATS_SERVER to its path",
        )
}
