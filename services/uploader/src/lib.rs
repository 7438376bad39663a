//! Makes pictures ours before their links die: `rendered` → `completed` or `failed`,
//! and `image.recovered` for each picture of a generation that delivers none; and removes them again:
//! `asset.expired` → `asset.deleted`.
//!
//! Every picture was paid for. As long as a link may live, nothing but the picture in our store, or
//! the provider's word that the link is dead, ends the trying; then the provider is asked for another
//! one. What could not be stored is not bought: see [`Config::min_free`] and [`Config::look`].
#![warn(missing_docs)]

mod backlog;
mod condition;
mod config;
mod delete;
mod end;
mod fetch;
mod gate;
mod guard;
mod keep;
mod metrics;
mod places;
mod renew;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::Context as _;
use bus::{Bus, Policy, Stage, Worker};
use domain::{AssetExpired, Rendered};
use runtime::Life;

pub use config::Config;

use crate::condition::Condition;
use crate::delete::Delete;
use crate::guard::Guard;
use crate::keep::Keep;

/// Attempts at removing a picture from a store that does not let us: two days of them.
const REMOVALS: u32 = 56;

/// Runs the service until it is told to stop.
///
/// # Errors
///
/// The bus cannot be joined, or the store cannot be written to.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    config.store.check_writable().await?;
    let bus = Bus::open(&config.bus, &life).await?;
    let condition = Arc::new(Condition::default());
    let handler = Keep::new(&config, bus.clone(), Arc::clone(&condition))?;
    let guard = Guard::new(&config, bus.clone(), condition);
    let remover = Delete::new(bus.clone(), config.store.clone(), config.policy.pause);
    let patient = Policy {
        attempts: REMOVALS,
        ..config.policy.clone()
    };
    let worker = Worker::<Rendered, _>::new(bus.clone(), Stage::Upload, config.policy, handler);
    let removing = Worker::<AssetExpired, _>::new(bus.clone(), Stage::Delete, patient, remover);
    let end = life.shutdown.child_token();
    let working = async {
        let removed = Box::pin(removing.run(life.shutdown.clone()));
        let worked = tokio::try_join!(Box::pin(worker.run(life.shutdown)), removed);
        end.cancel();
        worked
    };
    let (worked, ()) = tokio::join!(Box::pin(working), Box::pin(guard.run(end.clone())));
    worked.context("uploader stopped")?;
    bus.close().await;
    Ok(())
}
