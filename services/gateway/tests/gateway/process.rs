//! The program itself: how it refuses to start, and how it ends.

use std::time::Duration;

use tempfile::TempDir;
use testkit::{NatsServer, Process};
use tokio::net::TcpListener;

const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway");

fn storage(dir: &TempDir) -> (&'static str, String) {
    (
        "DARKROOM_STORAGE_URL",
        format!("file://{}", dir.path().display()),
    )
}

#[tokio::test]
async fn what_cannot_work_is_refused_with_the_variable_to_change() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let taken = TcpListener::bind("127.0.0.1:0").await?;
    let taken = taken.local_addr()?.to_string();

    for (name, value, hint) in [
        ("DARKROOM_LISTEN", "0.0.0.0:0", "DARKROOM_API_KEYS"),
        ("DARKROOM_LISTEN", taken.as_str(), taken.as_str()),
        ("DARKROOM_API_KEYS", "dk_tooshort", "dk_"),
        ("IDEOGRAM_API", "v9", "legacy"),
    ] {
        let envs = [storage(&dir), (name, value.to_owned())];
        let started = Process::start(PROGRAM, [""; 0], envs).await;
        let said = started.err().map(|err| format!("{err:#}"));
        let said = said.unwrap_or_default();
        assert!(said.contains(name) && said.contains(hint), "{name}: {said}");
        assert!(!said.contains("dk_tooshort"), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn it_ends_well_when_it_is_asked_to() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let nats = NatsServer::start().await?;
    let bus = bus::Bus::connect(&bus::Config::plain(nats.url(), "test")).await?;
    bus::provision(&bus, 1).await?;
    let envs = [
        storage(&dir),
        ("DARKROOM_NATS_URL", nats.url().to_owned()),
        ("DARKROOM_LISTEN", "127.0.0.1:0".to_owned()),
    ];

    let mut gateway = Process::start(PROGRAM, [""; 0], envs).await?;
    let status = gateway.terminate(Duration::from_secs(20)).await?;

    assert!(status.success(), "{status}: {}", gateway.log());
    Ok(())
}
