//! Buys pictures: `generation.requested` → `accepted` → `calling` → `submitted` → `rendered`.
//!
//! Every replica admits; one at a time calls the provider, because its limit is the account's and
//! is counted there. An `accepted` without a successor is the waiting line.

mod admit;
mod attempt;
mod books;
mod ceiling;
mod config;
mod dispatch;
mod gate;
mod line;
mod metrics;
mod prices;
mod quotes;
mod reconcile;
mod sources;

pub use config::{Config, GRACE, Pauses};

use std::sync::Arc;

use anyhow::Context;
use bus::{Bus, Stage, Worker};
use runtime::Life;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::admit::Admit;
use crate::attempt::{Buyer, Durations, Pace};
use crate::prices::Prices;
use crate::sources::Sources;

/// Runs the service until its life ends.
///
/// # Errors
///
/// What keeps it from working at all: no broker, no streams, a configuration that cannot serve.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    let client = ideogram::Client::new(config.provider.clone()).context("invalid configuration")?;
    let egress = egress::Client::new(config.sources.clone()).context("invalid configuration")?;
    let bus = Bus::open(&config.bus, &life).await?;
    let config = Arc::new(config);
    let sources = Sources::new(config.store.clone(), egress, bus.ledger());

    let admit = Admit {
        bus: bus.clone(),
        config: Arc::clone(&config),
        sources: sources.clone(),
        prices: Prices::new(client.clone()),
    };
    let quoting = Box::pin(quotes::answer(&bus, admit.clone(), life.shutdown.clone()));
    let admission = Worker::new(bus.clone(), Stage::Admit, config.admit_policy(), admit);

    let (pace, durations) = (Pace::new(config.polls_per_second), Durations::default());
    let dispatch = async |lease: bus::Lease| {
        let buyer = Buyer {
            client: client.clone(),
            ledger: bus.ledger(),
            config: Arc::clone(&config),
            sources: sources.clone(),
            pace: pace.clone(),
            durations: durations.clone(),
            lease: lease.clone(),
        };
        let end = lease.lost.clone();
        let (desk, verdicts) = mpsc::channel(VERDICTS);
        let (account, ours) = (client.clone(), Arc::clone(&config));
        let proving = reconcile::reconcile(bus.clone(), account, ours, desk, end);
        // On the heap: an unoptimized build copies futures through every frame of a poll.
        let dispatching = Box::pin(dispatch::dispatch(&bus, &config, buyer, lease, verdicts));
        let (dispatched, ()) = tokio::join!(dispatching, Box::pin(proving));
        dispatched
    };
    let dispatching = bus.while_leader(&config.account, config.lease, &life.shutdown, dispatch);

    let admitting = Box::pin(admission.run(life.shutdown.clone()));
    let doors = together(admitting, quoting, &life.shutdown);
    let result = together(doors, Box::pin(dispatching), &life.shutdown).await;
    bus.close().await;
    result.context("generator stopped")
}

/// What the bill says on its way to the desk.
const VERDICTS: usize = 64;

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
