//! Cuts stored pictures to the sizes that were asked for: `completed` → `image.ready` for each, or
//! `image.failed`, then `ready`; and cuts again what was cut before, when somebody orders more:
//! `recut` → `image.ready`.
//!
//! An original is never touched, and a cut is named after its original and its recipe: cutting twice
//! gives the same objects.
#![warn(missing_docs)]

mod config;
mod cut;
mod cutter;
mod derive;
mod metrics;
mod process;
mod recut;
mod trouble;

use anyhow::Context as _;
use bus::{Bus, Stage, Worker};
use runtime::Life;

pub use config::Config;

use crate::process::{Process, Work};

/// Runs the service until it is told to stop.
///
/// # Errors
///
/// The bus cannot be joined, or the store cannot be written to.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    config.store.check_writable().await?;
    let bus = Bus::open(&config.bus, &life).await?;
    let handler = Process::new(&config, &bus);
    Worker::<Work, _>::new(bus.clone(), Stage::Process, config.policy, handler)
        .run(life.shutdown)
        .await
        .context("post-processor stopped")?;
    bus.close().await;
    Ok(())
}
