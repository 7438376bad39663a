//! A generator that dies in the middle of a call: the provider has taken it, and nobody has heard
//! the answer.

use anyhow::ensure;
use e2e::{Audit, Customer, Options, PATIENCE, Pipeline};
use ideogram_sim::{Fault, FaultKind};
use testkit::wait_until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_bought_is_found_again_once_it_is_announced() -> anyhow::Result<()> {
    let audit = dies_in_the_call(Options::processes()).await?;
    ensure!((audit.ready, audit.doubted) == (3, 1), "{audit}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_announces_stays_unknown_and_is_not_bought_again() -> anyhow::Result<()> {
    let audit = dies_in_the_call(Options::processes().unannounced()).await?;
    ensure!((audit.ready, audit.bought) == (2, 1), "{audit}");
    Ok(())
}

async fn dies_in_the_call(options: Options) -> anyhow::Result<Audit> {
    let mut pipeline = Pipeline::start(options).await?;
    let mut customer = Customer::of(&pipeline);
    let silence = Fault::from(FaultKind::HangAfterAccept).times(1);
    pipeline.provider.set_fault(silence)?;

    customer.ask(1).await?;
    wait_until(PATIENCE, "the call", async || {
        !pipeline.provider.bill().is_empty()
    })
    .await?;
    pipeline.processes()?.start_again("generator").await?;
    customer.ask(2).await?;

    let audit = Audit::of(&pipeline, &customer).await?;
    audit.passed()?;
    pipeline.stop().await?;
    Ok(audit)
}
