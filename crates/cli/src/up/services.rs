//! The six services, side by side, over one connection: when one fails, all stop.

use anyhow::Context;
use bus::Bus;
use runtime::{Component, Env, Life};
use tokio::task::JoinSet;
use tracing::{error, info};

use super::banner;
use super::plan::Plan;

type Outcome = (&'static str, anyhow::Result<()>);

/// Runs all services on `bus` until `life` ends or one of them fails.
///
/// # Errors
///
/// The first failure, with the service's name.
pub(crate) async fn run(
    env: &Env,
    plan: &Plan,
    life: &Life,
    starting: &Component,
    bus: &Bus,
) -> anyhow::Result<()> {
    let mut services: JoinSet<Outcome> = JoinSet::new();
    macro_rules! spawn {
        ($name:literal, $service:ident) => {
            let mut config = $service::Config::from_env(env).context($name)?;
            // One connection: what the services tell at the same moment is written down together.
            config.bus.shared = Some(bus.clone());
            let own = life.of($name);
            // Not ready from the start, and not only from the service's first word on.
            own.health.component("nats");
            // On the heap: a service is a future of many kilobytes, which an unoptimized build copies
            // through every frame of the poll, and a thread has two megabytes of stack.
            let service = Box::pin($service::run(config, own));
            services.spawn(async move { ($name, service.await) });
        };
    }
    // In reverse of the way of an image: whoever is to react is there first.
    spawn!("historian", historian);
    spawn!("notifier", notifier);
    spawn!("post-processor", post_processor);
    spawn!("uploader", uploader);
    spawn!("generator", generator);
    spawn!("gateway", gateway);

    starting.ready();

    let mut first = Ok(());
    tokio::select! {
        () = banner::when_ready(plan, life) => {}
        ended = services.join_next() => note(ended, life, &mut first),
    }
    while let Some(ended) = services.join_next().await {
        note(Some(ended), life, &mut first);
    }
    first
}

/// A service that ends before it is told to takes the others with it.
fn note(
    ended: Option<Result<Outcome, tokio::task::JoinError>>,
    life: &Life,
    first: &mut anyhow::Result<()>,
) {
    let (name, result) = match ended {
        None => return,
        Some(Ok(outcome)) => outcome,
        Some(Err(err)) => ("a service", Err(anyhow::Error::new(err))),
    };
    match result {
        Ok(()) => info!(service = name, "stopped"),
        Err(err) => {
            error!(service = name, error = format!("{err:#}"), "failed");
            if first.is_ok() {
                *first = Err(err.context(name));
            }
        }
    }
    life.shutdown.cancel();
}
