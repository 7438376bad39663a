//! Everything on one machine, in one process tree: a supervised nats-server as the only child, the
//! simulator and the six services in this process.

mod banner;
mod folder;
mod heap;
mod key;
mod nats;
mod plan;
mod ports;
mod services;

use anyhow::Context;
use bus::Bus;
use ideogram_sim::Simulator;
use runtime::{Component, Env, Life};
use tracing::info;

use crate::sim;
use folder::Folder;
pub(crate) use heap::with_a_small_heap;
use nats::Nats;
use plan::Plan;

/// Runs everything until the process is told to stop, then stops it in the order in which work
/// flows: services, provider, broker.
pub(crate) async fn run(env: Env, life: Life) -> anyhow::Result<()> {
    let starting = life.health.component("up");
    let plan = Plan::read(&env)?;
    let _folder = Folder::open(&plan.data_dir, plan.provider())?;
    ports::check(&plan)?;
    key::check(&env, &plan).await?;

    let nats = Nats::start(&plan, &life).await?;
    let result = with_broker(&env, &plan, &life, starting).await;
    life.shutdown.cancel();
    if let Some(nats) = nats {
        nats.stop().await;
    }
    result
}

async fn with_broker(
    env: &Env,
    plan: &Plan,
    life: &Life,
    starting: Component,
) -> anyhow::Result<()> {
    let env = plan.complete(env);
    let bus = Bus::connect(&bus::Config::from_env(&env, "up")?).await?;
    bus::provision(&bus, 1).await?;

    let simulator = match plan.simulated {
        true => {
            let config = sim::config(&env, Some(&plan.data_dir))?;
            Some(
                Simulator::start(config)
                    .await
                    .context("cannot start the simulator")?,
            )
        }
        false => None,
    };
    let served = services::run(&env, plan, life, &starting, &bus).await;
    bus.close().await;
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    info!("stopped");
    served
}
