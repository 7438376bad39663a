//! Buys pictures: `generation.requested` → `accepted` → `calling` → `submitted` → `rendered`.
//!
//! Every replica admits; one at a time calls the provider, because its limit is the account's and
//! is counted here.

mod admit;
mod at_work;
mod attempt;
mod call;
mod config;
mod follow;
mod generate;
mod metrics;
mod outcome;
mod places;
mod polling;
mod position;

pub use config::{Config, Pauses};

use std::sync::Arc;

use anyhow::Context;
use bus::{Bus, Stage, Worker};
use runtime::Life;
use tokio_util::sync::CancellationToken;

use crate::admit::Admit;
use crate::at_work::AtWork;
use crate::generate::Generate;
use crate::places::Places;
use crate::polling::Pace;

/// Runs the service until its life ends.
///
/// # Errors
///
/// What keeps it from working at all: no broker, no streams, a configuration that cannot serve.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    let client = ideogram::Client::new(config.provider.clone()).context("invalid configuration")?;
    let bus = Bus::open(&config.bus, &life).await?;
    let config = Arc::new(config);

    let admit = Admit {
        bus: bus.clone(),
        config: Arc::clone(&config),
    };
    let admission = Worker::new(bus.clone(), Stage::Admit, config.admit_policy(), admit);

    let places = Places::new(config.limit, life.shutdown.clone());
    let pace = Pace::new(config.polls_per_second);
    let at_work = AtWork::default();
    let dispatch = |lease: bus::Lease| {
        let generate = Generate {
            client: client.clone(),
            ledger: bus.ledger(),
            config: Arc::clone(&config),
            places: places.clone(),
            pace: pace.clone(),
            at_work: at_work.clone(),
            fence: lease.fence,
            lost: lease.lost.clone(),
        };
        let policy = config.policy.clone();
        Worker::new(bus.clone(), Stage::Generate, policy, generate).run(lease.lost)
    };
    let dispatching = bus.while_leader(&config.account, config.lease, &life.shutdown, dispatch);

    let admitting = admission.run(life.shutdown.clone());
    let result = together(admitting, dispatching, &life.shutdown).await;
    bus.close().await;
    result.context("generator stopped")
}

/// Runs both; when one fails the other is asked to finish.
async fn together(
    one: impl Future<Output = Result<(), bus::Error>>,
    other: impl Future<Output = Result<(), bus::Error>>,
    shutdown: &CancellationToken,
) -> Result<(), bus::Error> {
    let stop = |result: Result<(), bus::Error>| {
        if result.is_err() {
            shutdown.cancel();
        }
        result
    };
    let (one, other) = tokio::join!(async { stop(one.await) }, async { stop(other.await) });
    one.and(other)
}
