//! Two generators, of which one at a time may spend money.

use std::time::Duration;

use anyhow::ensure;
use e2e::{Audit, Customer, GENERATORS, Options, PATIENCE, Pipeline};
use rustix::process::Signal;
use testkit::wait_until;

const JOBS: usize = 12;
/// Long enough for something to happen while the provider is at work.
const AT_WORK: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_slept_through_its_lease_buys_nothing_twice() -> anyhow::Result<()> {
    let mut pipeline = Pipeline::start(busy()).await?;
    let mut customer = Customer::of(&pipeline);
    let sleeper = pipeline.processes()?.dispatcher().await?;
    customer.ask(JOBS).await?;
    wait_until(PATIENCE, "the first calls", async || {
        pipeline.provider.bill().len() >= 2
    })
    .await?;

    pipeline.processes()?.signal(sleeper, Signal::STOP)?;
    let other = GENERATORS.into_iter().find(|name| *name != sleeper);
    pipeline
        .processes()?
        .dispatches(other.unwrap_or_default())
        .await?;
    pipeline.processes()?.signal(sleeper, Signal::CONT)?;

    let audit = Audit::of(&pipeline, &customer).await?;
    audit.passed()?;
    ensure!((audit.ready, audit.calls) == (JOBS, JOBS), "{audit}");
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generators_that_are_rolled_over_leave_nothing_in_doubt() -> anyhow::Result<()> {
    let mut pipeline = Pipeline::start(busy()).await?;
    let mut customer = Customer::of(&pipeline);

    for _ in 0..2 {
        for name in GENERATORS {
            customer.ask(JOBS / 4).await?;
            let processes = pipeline.processes()?;
            processes.terminate(name).await?;
            processes.start_again(name).await?;
        }
    }

    let audit = Audit::of(&pipeline, &customer).await?;
    audit.passed()?;
    ensure!((audit.ready, audit.calls) == (JOBS, JOBS), "{audit}");
    ensure!(audit.doubted == 0, "{audit}");
    pipeline.stop().await
}

/// With fewer places than there are requests, so that some wait.
fn busy() -> Options {
    Options::processes()
        .with_standby()
        .latency(AT_WORK)
        .env("DARKROOM_PROVIDER_LIMIT", "3")
}
