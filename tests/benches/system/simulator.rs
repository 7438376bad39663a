//! The provider: it answers at once, refuses nothing, and is not counted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use runtime::child::{Child, Log};
use testkit::{free_port, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

/// `darkroom sim`, on ports of its own.
pub(crate) struct Simulator {
    process: Child,
    port: u16,
}

impl Simulator {
    /// `picture` is `tiny` or `full`; `folder` takes its log.
    pub(crate) async fn start(picture: &str, folder: &Path) -> anyhow::Result<Self> {
        let [port, images, admin] = [free_port()?, free_port()?, free_port()?];
        let envs = [
            ("DARKROOM_SIM_LISTEN", local(port)),
            ("DARKROOM_SIM_IMAGES_LISTEN", local(images)),
            ("DARKROOM_SIM_ADMIN_LISTEN", local(admin)),
            ("DARKROOM_SIM_LATENCY_MIN", "0s".to_owned()),
            ("DARKROOM_SIM_LATENCY_MAX", "0s".to_owned()),
            ("DARKROOM_SIM_LIMIT", "1000".to_owned()),
            ("DARKROOM_SIM_POLL_LIMIT", "1000000".to_owned()),
            ("DARKROOM_SIM_PICTURE", picture.to_owned()),
            ("DARKROOM_SIM_PICTURE_POOL", "8".to_owned()),
        ];
        let log = Log::File(folder.join("simulator.log"));
        let process = Child::spawn(binary()?, ["sim"], envs, log).await?;
        wait_until(PATIENCE, "the simulator", async || answers(port).await).await?;
        Ok(Self { process, port })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", local(self.port))
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.process.terminate(PATIENCE).await?;
        Ok(())
    }
}

/// The optimised program, which `make bench-…` builds.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
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

pub(crate) fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// Whether somebody listens there.
pub(crate) async fn answers(port: u16) -> bool {
    tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .is_ok()
}
