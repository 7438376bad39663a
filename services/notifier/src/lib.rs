//! Tells those who asked: signed callbacks, at least once, under one identity however often they are
//! sent, until the receiver has taken them or three days have passed. And tells the operator of what
//! concerns the whole.
//!
//! Callback URLs may hold secrets of their own: of them only hosts are ever logged.
#![warn(missing_docs)]

mod body;
mod config;
mod metrics;
mod notify;
mod operator;
mod order;
mod outcome;
mod receiver;
mod secrets;

use anyhow::Context as _;
use bus::{Bus, Stage, Worker};
use runtime::Life;

pub use config::Config;

use crate::notify::Notify;

/// Runs the service until it is told to stop.
///
/// # Errors
///
/// The bus cannot be joined, HTTPS cannot be set up, or the operator may not be told where they said.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    let client = egress::Client::new(config.receivers)?;
    if let Some(url) = &config.operator {
        client.check(url).context("DARKROOM_OPERATOR_WEBHOOK")?;
    }
    let bus = Bus::open(&config.bus, &life).await?;
    let handler = Notify::new(bus.clone(), client, config.operator);
    Worker::<domain::Event, _>::new(bus.clone(), Stage::Notify, config.policy, handler)
        .run(life.shutdown)
        .await
        .context("notifier stopped")?;
    bus.close().await;
    Ok(())
}
