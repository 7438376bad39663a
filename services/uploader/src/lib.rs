//! Makes pictures ours before their links die: `rendered` → `completed` or `failed`,
//! and `image.recovered` for each picture of a generation that delivers none.
//!
//! Every picture was paid for. As long as a link may live, nothing but the picture in our store, or
//! the provider's word that the link is dead, ends the trying.
#![warn(missing_docs)]

mod config;
mod end;
mod fetch;
mod keep;
mod metrics;

use anyhow::Context as _;
use bus::{Bus, Stage, Worker};
use domain::Rendered;
use runtime::Life;

pub use config::Config;

use crate::keep::Keep;

/// Runs the service until it is told to stop.
///
/// # Errors
///
/// The bus cannot be joined, or the store cannot be written to.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    config.store.check_writable().await?;
    let bus = Bus::open(&config.bus, &life).await?;
    let handler = Keep::new(&config, bus.ledger())?;
    Worker::<Rendered, _>::new(bus.clone(), Stage::Upload, config.policy, handler)
        .run(life.shutdown)
        .await
        .context("uploader stopped")?;
    bus.close().await;
    Ok(())
}
