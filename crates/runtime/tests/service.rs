//! A service's whole process, seen from outside: this test binary runs itself as the service.

use std::{
    net::SocketAddr,
    process::{ExitCode, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStderr, Command},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Not a test: the service, told by `SERVICE_TEST` how to behave.
#[test]
#[ignore = "started by the other tests"]
fn service() {
    let Some(behaviour) = std::env::var_os("SERVICE_TEST") else {
        return;
    };
    let painter = async |env: runtime::Env, life: runtime::Life| {
        let nats = life.health.component("nats");
        tracing::info!("running");
        match behaviour.to_str() {
            Some("misconfigured") => drop(env.required::<u64>("DARKROOM_COLOURS")?),
            Some("stubborn") => std::future::pending().await,
            _ => {
                nats.ready();
                tracing::info!("ready");
                life.shutdown.cancelled().await;
                // The test looks at the ports of a draining process, then lets it go.
                std::future::pending::<()>().await;
            }
        }
        Ok(())
    };
    let code = match behaviour.to_str() {
        Some("impatient") => runtime::patient_main("painter", Duration::from_millis(40), painter),
        _ => runtime::service_main("painter", painter),
    };
    std::process::exit(i32::from(code != ExitCode::SUCCESS));
}

struct Service {
    process: Child,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Service {
    fn start(behaviour: &str, envs: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--exact", "service", "--ignored", "--nocapture"])
            .env("SERVICE_TEST", behaviour)
            .env("DARKROOM_OPS_LISTEN", "127.0.0.1:0")
            .env("DARKROOM_LOG_FORMAT", "text")
            .envs(envs.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stderr = process.stderr.take().context("no stderr")?;
        let stderr = BufReader::new(stderr).lines();
        Ok(Self { process, stderr })
    }

    /// The first line that holds `text`.
    async fn says(&mut self, text: &str) -> anyhow::Result<String> {
        loop {
            let line = timeout(PATIENCE, self.stderr.next_line()).await??;
            let line = line.with_context(|| format!("ended without saying `{text}`"))?;
            if line.contains(text) {
                return Ok(line);
            }
        }
    }

    async fn ops(&mut self) -> anyhow::Result<SocketAddr> {
        let line = self.says("operations port open").await?;
        let (_, addr) = line.split_once("addr=").context("no address")?;
        Ok(addr.trim().parse()?)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self
            .process
            .id()
            .and_then(|pid| Pid::from_raw(pid.cast_signed()));
        Ok(kill_process(pid.context("ended already")?, signal)?)
    }

    async fn code(&mut self) -> anyhow::Result<Option<i32>> {
        Ok(timeout(PATIENCE, self.process.wait()).await??.code())
    }
}

async fn get(addr: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(addr).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: ops\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut response)).await??;
    Ok(response)
}

#[tokio::test]
async fn a_failure_is_one_clear_line_and_code_1() -> anyhow::Result<()> {
    let mut service = Service::start("misconfigured", &[])?;
    let line = service.says("darkroom painter: ").await?;
    assert!(
        line.starts_with("darkroom painter: DARKROOM_COLOURS: not set"),
        "{line}"
    );
    assert_eq!(service.code().await?, Some(1));
    Ok(())
}

#[tokio::test]
async fn a_bad_variable_of_our_own_is_named() -> anyhow::Result<()> {
    let bad = [
        ("DARKROOM_GRACE", "long", "such as 250ms"),
        ("DARKROOM_LOG", "bus=loud", "expected such as `info`"),
        ("DARKROOM_LOG_FORMAT", "xml", "expected text or json"),
        ("DARKROOM_OPS_LISTEN", "9090", "such as 127.0.0.1:8080"),
        (
            "DARKROOM_CONFIG",
            "/nowhere.toml",
            "cannot read `/nowhere.toml`: No such file",
        ),
        ("TOKIO_WORKER_THREADS", "0", "number"),
    ];
    for (name, value, expected) in bad {
        let mut service = Service::start("ready", &[(name, value)])?;
        let line = service.says("darkroom painter: ").await?;
        let start = format!("darkroom painter: invalid configuration: {name}: ");
        assert!(
            line.starts_with(&start) && line.contains(expected),
            "{line}"
        );
        assert_eq!(service.code().await?, Some(1));
    }
    Ok(())
}

#[tokio::test]
async fn probes_tell_starting_ready_and_draining_apart() -> anyhow::Result<()> {
    let mut starting = Service::start("stubborn", &[])?;
    let addr = starting.ops().await?;
    starting.says("running").await?;
    let answer = get(addr, "/readyz").await?;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.ends_with("nats: starting\n"),
        "{answer}"
    );
    assert!(get(addr, "/livez").await?.starts_with("HTTP/1.1 200"));

    let mut ready = Service::start("ready", &[])?;
    let addr = ready.ops().await?;
    ready.says("ready").await?;
    assert!(get(addr, "/readyz").await?.starts_with("HTTP/1.1 200"));
    assert!(
        get(addr, "/metrics")
            .await?
            .contains("text/plain; version=0.0.4")
    );

    ready.signal(Signal::TERM)?;
    ready.says("shutting down").await?;
    let answer = get(addr, "/readyz").await?;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.ends_with("draining\n"),
        "{answer}"
    );
    assert!(get(addr, "/livez").await?.starts_with("HTTP/1.1 200"));
    Ok(())
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() -> anyhow::Result<()> {
    let mut service = Service::start("ready", &[])?;
    service.says("ready").await?;
    service.signal(Signal::INT)?;
    service.says("shutting down").await?;
    service.signal(Signal::INT)?;
    assert_eq!(service.code().await?, Some(130));
    Ok(())
}

#[tokio::test]
async fn the_grace_ends() -> anyhow::Result<()> {
    for (behaviour, said, grace) in [
        ("ready", Some("50ms"), "50ms"),
        ("impatient", None, "40ms"),
        ("impatient", Some("50ms"), "50ms"),
    ] {
        let envs: Vec<_> = said
            .map(|said| ("DARKROOM_GRACE", said))
            .into_iter()
            .collect();
        let mut service = Service::start(behaviour, &envs)?;
        service.says("ready").await?;
        service.signal(Signal::TERM)?;
        let line = service.says("darkroom painter: ").await?;
        let busy = format!("still busy {grace} after the signal");
        assert!(line.contains(&busy), "{line}");
        assert_eq!(service.code().await?, Some(1));
    }
    Ok(())
}
