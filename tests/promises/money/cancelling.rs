//! What was cancelled, and what that means in money.

use std::time::Duration;

use e2e::{Options, PATIENCE, Pipeline};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{wait_for, wait_until};

use super::PRICE;
use crate::customer::hears;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_account_is_paused_what_waits_can_be_taken_back() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let desk = &pipeline.desk;
    let paused = account(&pipeline, "pause", "the invoice is disputed").await?;
    assert_eq!(paused["hold"], "paused");

    let callback = pipeline.customer.url();
    let request = |prompt| json!({"prompt": prompt, "presets": [], "callbackUrl": callback});
    let regretted = desk.post(&request("a regretted kite")).await?;
    let wanted = desk.post(&request("a wanted kite")).await?;
    let status = wait_for(PATIENCE, "both to wait", async || {
        let status = desk.get("/v1/account").await.ok()?;
        let lane = status["lanes"].as_array()?.iter();
        let standard = lane.clone().find(|lane| lane["lane"] == "standard")?;
        (standard["waiting"] == 2).then(|| standard.clone())
    });
    assert_eq!(status.await?["reservedUsdMicros"], 2 * PRICE);

    let receipt = cancel(&pipeline, &regretted).await?;
    assert_eq!(receipt["id"], regretted["id"]);
    assert_eq!(receipt["status"], "failed");
    assert_eq!(receipt["billed"], "no");
    assert_eq!(receipt["releasedUsdMicros"], PRICE);
    assert_eq!(receipt["committedUsdMicros"], 0);
    let (_, told) = hears(&pipeline).await?;
    assert_eq!(told["jobId"], regretted["id"]);
    assert_eq!(told["error"]["code"], "cancelled");
    let id = regretted["id"].as_str().unwrap_or_default();
    let failed = desk.end(id).await?;
    assert_eq!(failed["error"]["code"], "cancelled");
    assert_eq!(failed["error"]["billed"], "no");
    assert_eq!(failed["cost"]["settledUsdMicros"], 0);
    let again = cancel(&pipeline, &regretted).await?;
    assert_eq!(again["releasedUsdMicros"], 0);
    assert_eq!(pipeline.provider.bill(), []);

    let resumed = account(&pipeline, "resume", "").await?;
    assert_eq!(resumed["hold"], Value::Null);
    desk.ready(wanted["id"].as_str().unwrap_or_default())
        .await?;
    let bill = pipeline.provider.bill();
    assert_eq!(bill.len(), 1);
    assert_eq!(bill[0].prompt, "a wanted kite");
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_paid_already_is_kept_although_it_was_cancelled() -> anyhow::Result<()> {
    let options = Options::default().latency(Duration::from_secs(2));
    let pipeline = Pipeline::start(options).await?;
    let request = json!({"prompt": "a red kite", "presets": []});
    let asked = pipeline.desk.post(&request).await?;
    wait_until(PATIENCE, "the call", async || {
        !pipeline.provider.bill().is_empty()
    })
    .await?;

    let receipt = cancel(&pipeline, &asked).await?;
    assert_eq!(receipt["status"], "running", "{receipt}");
    assert_eq!(receipt["releasedUsdMicros"], 0);
    assert_eq!(receipt["committedUsdMicros"], PRICE);
    let id = asked["id"].as_str().unwrap_or_default();
    let ready = pipeline.desk.ready(id).await?;
    pipeline.desk.download(&ready["images"][0]["url"]).await?;
    let receipt = cancel(&pipeline, &asked).await?;
    assert_eq!(receipt["billed"], "yes");
    assert_eq!(receipt["committedUsdMicros"], PRICE);
    pipeline.stop().await
}

async fn cancel(pipeline: &Pipeline, generation: &Value) -> anyhow::Result<Value> {
    let id = generation["id"].as_str().unwrap_or_default();
    let path = format!("/v1/generations/{id}/cancel");
    pipeline.desk.command(Method::POST, &path, &json!({})).await
}

async fn account(pipeline: &Pipeline, verb: &str, reason: &str) -> anyhow::Result<Value> {
    let path = format!("/v1/account/{verb}");
    let body = json!({"reason": reason});
    pipeline.desk.command(Method::POST, &path, &body).await
}
