//! Stopping and breaking in the middle of work.

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::{Options, PATIENCE, Pipeline};
use serde_json::json;
use testkit::wait_until;

const JOBS: usize = 6;
/// Long enough for something to happen while the provider is at work.
const AT_WORK: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_is_stopped_goes_on_where_it_was() -> anyhow::Result<()> {
    let mut pipeline = Pipeline::start(busy()).await?;
    let ids = ask(&pipeline).await?;
    some_are_bought(&pipeline).await?;

    pipeline.stop_services().await?;
    assert!(
        pipeline.broker.ends().await?.len() < JOBS,
        "stopped too late to matter"
    );
    pipeline.start_services().await?;

    each_is_bought_once(&pipeline, &ids).await?;
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_loses_its_power_loses_nothing_else() -> anyhow::Result<()> {
    let mut pipeline = Pipeline::start(busy()).await?;
    let ids = ask(&pipeline).await?;
    some_are_bought(&pipeline).await?;

    pipeline.nats.kill().await?;
    pipeline.nats.restart().await?;

    each_is_bought_once(&pipeline, &ids).await?;
    pipeline.stop().await
}

/// With fewer places than there are jobs, so that some wait.
fn busy() -> Options {
    Options::default()
        .latency(AT_WORK)
        .env("DARKROOM_PROVIDER_LIMIT", "3")
}

async fn ask(pipeline: &Pipeline) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    for n in 0..JOBS {
        let request = json!({"prompt": format!("kite {n}"), "presets": ["thumbnail"]});
        let asked = pipeline.desk.post(&request).await?;
        ids.push(asked["id"].as_str().unwrap_or_default().to_owned());
    }
    Ok(ids)
}

async fn some_are_bought(pipeline: &Pipeline) -> anyhow::Result<()> {
    wait_until(PATIENCE, "the first calls", async || {
        pipeline.provider.bill().len() >= 2
    })
    .await
}

async fn each_is_bought_once(pipeline: &Pipeline, ids: &[String]) -> anyhow::Result<()> {
    for id in ids {
        pipeline.desk.ready(id).await?;
    }
    let bill = pipeline.provider.bill();
    let prompts: BTreeSet<&str> = bill.iter().map(|charge| charge.prompt.as_str()).collect();
    assert_eq!((bill.len(), prompts.len()), (JOBS, JOBS));
    let ends = pipeline.broker.ends().await?;
    let ended: BTreeSet<&str> = ends.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!((ends.len(), ended.len()), (JOBS, JOBS));
    Ok(())
}
