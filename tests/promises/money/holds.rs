//! An account that cannot serve: work waits, and everybody who needs to know is told why.

use e2e::{Options, PATIENCE, Pipeline};
use ideogram_sim::FaultKind;
use serde_json::{Value, json};
use testkit::{Receiver, wait_for};

use super::PRICE;
use crate::customer::{hears, hears_until};

const JOBS: usize = 12;

/// Takes the half minute after which an account without money is tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_without_money_holds_work_up_and_goes_on_by_itself() -> anyhow::Result<()> {
    let operator = Receiver::start().await?;
    let options = Options::default().env("DARKROOM_OPERATOR_WEBHOOK", operator.url().as_str());
    let pipeline = Pipeline::start(options).await?;
    pipeline.provider.set_fault(FaultKind::Status {
        status: 402,
        reject_reason: None,
        after_accept: false,
    })?;
    let mut ids = Vec::new();
    for n in 0..JOBS {
        let mut request = json!({"prompt": format!("kite {n}"), "presets": []});
        if n == 0 {
            request["callbackUrl"] = pipeline.customer.url().as_str().into();
        }
        let asked = pipeline.desk.post(&request).await?;
        ids.push(asked["id"].as_str().unwrap_or_default().to_owned());
    }

    let parked = operator.next(PATIENCE).await?.json()?;
    assert_eq!(parked["event"], "darkroom.provider.parked", "{parked}");
    assert_eq!(parked["hold"], "out_of_funds");
    let jobs = parked["jobs"].as_i64().unwrap_or_default();
    assert!(jobs > 0, "{parked}");
    assert_eq!(parked["reservedUsdMicros"], jobs * PRICE);
    let held = wait_for(PATIENCE, "all to wait", async || {
        let status = pipeline.desk.get("/v1/account").await.ok()?;
        let lanes = status["lanes"].as_array()?.iter();
        let waiting: u64 = lanes.filter_map(|lane| lane["waiting"].as_u64()).sum();
        (waiting == JOBS as u64).then_some(status)
    });
    let held = held.await?;
    assert_eq!(held["hold"], "out_of_funds");
    assert_eq!(held["message"], parked["message"]);
    assert_eq!(held["inProgress"], 0);
    for id in &ids {
        let path = format!("/v1/generations/{id}");
        // Who dispatches knows it a moment before the history does.
        let told = wait_for(PATIENCE, "it to be told as waiting", async || {
            let generation = pipeline.desk.get(&path).await.ok()?;
            let waits = matches!(generation["status"].as_str()?, "accepted" | "parked");
            (waits && generation["billed"] == 0).then_some(())
        });
        told.await?;
    }
    assert_eq!(pipeline.provider.bill(), []);
    assert!(pipeline.customer.try_next().await.is_none());

    pipeline.provider.clear_faults();
    let resumed = operator.next(PATIENCE).await?.json()?;
    assert_eq!(resumed["event"], "darkroom.provider.resumed", "{resumed}");
    assert_eq!(resumed["hold"], "out_of_funds");
    for id in &ids {
        pipeline.desk.ready(id).await?;
    }
    assert_eq!(pipeline.provider.bill().len(), JOBS);
    let (_, first) = hears(&pipeline).await?;
    assert_eq!(first["event"], "ideogram.generation.completed");
    assert_eq!(first["jobId"], ids[0].as_str());
    hears_until(&pipeline, "ideogram.generation.ready").await?;
    let status = pipeline.desk.get("/v1/account").await?;
    assert_eq!(status["hold"], Value::Null);
    // Once each, however many calls were refused.
    assert!(operator.try_next().await.is_none());
    pipeline.stop().await
}
