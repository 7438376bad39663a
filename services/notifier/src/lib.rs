//! Tells those who asked: signed callbacks, at least once, under one identity however often they are
//! sent, until the receiver has taken them or three days have passed.
//!
//! Callback URLs may hold secrets of their own: of them only hosts are ever logged.
#![warn(missing_docs)]

mod body;
mod config;
mod metrics;
mod notify;
mod order;
mod outcome;
mod receiver;
mod secrets;

use anyhow::Context as _;
use bus::{Bus, Stage, Worker};
use domain::Event;
use runtime::Life;

pub use config::Config;

use crate::notify::Notify;

/// Runs the service until it is told to stop.
///
/// # Errors
///
/// The bus cannot be joined, or HTTPS cannot be set up.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    let client = egress::Client::new(config.receivers)?;
    let bus = Bus::open(&config.bus, &life).await?;
    let handler = Notify::new(bus.clone(), client);
    Worker::<Event, _>::new(bus.clone(), Stage::Notify, config.policy, handler)
        .run(life.shutdown)
        .await
        .context("notifier stopped")?;
    bus.close().await;
    Ok(())
}
