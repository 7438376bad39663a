//! Pictures that are paid for are cut again for nothing.

use e2e::{Options, PATIENCE, Pipeline};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::wait_for;

use crate::customer::looks;

/// Asks for new cuts, and reads the answer.
async fn derive(
    pipeline: &Pipeline,
    query: &str,
    order: &Value,
    expected: StatusCode,
) -> anyhow::Result<Value> {
    let path = format!("/v1/derivations{query}");
    let request = pipeline.desk.request(Method::POST, &path);
    let request = request.header("content-type", "application/json");
    let response = request.body(order.to_string()).send().await?;
    let (status, body) = (response.status(), response.text().await?);
    anyhow::ensure!(status == expected, "{status}: {body}");
    Ok(serde_json::from_str(&body)?)
}

/// The plan, once it is about so many pictures: history follows what happens a little later.
async fn plan(pipeline: &Pipeline, order: &Value, images: u64) -> anyhow::Result<Value> {
    wait_for(PATIENCE, "history to know it", async || {
        let plan = derive(pipeline, "?plan=true", order, StatusCode::OK)
            .await
            .ok()?;
        (plan["images"] == images).then_some(plan)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_picture_is_cut_again_and_the_provider_bills_nothing() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default().full_pictures()).await?;
    let request = json!({ "prompt": "a red kite", "campaign": "summer", "presets": [] });
    let made = pipeline.desk.made(&request).await?;
    let id = made["id"].as_str().unwrap_or_default();
    let image = &made["images"][0];
    assert_eq!(
        (&image["derivatives"], &image["thumbhash"]),
        (&json!([]), &Value::Null)
    );
    let bill = pipeline.provider.bill();
    let mut news = pipeline.broker.subscribe("image.ready").await?;

    let mut order = json!({ "campaign": "summer",
        "presets": [{ "preset": "og-image", "format": "webp", "quality": 70 }] });
    let plan_before = plan(&pipeline, &order, 1).await?;
    assert_eq!(plan_before["providerBillUsdMicros"], 0);
    assert_eq!(plan_before["bytes"], image["bytes"]);
    order["plan"] = plan_before["planHash"].clone();
    let receipt = derive(&pipeline, "", &order, StatusCode::ACCEPTED).await?;

    let heard = news.next().await?.body;
    assert_eq!(heard["derivation"], receipt["id"]);
    assert_eq!(heard["image"]["id"], image["id"]);
    assert_eq!(heard["image"]["derivatives"][0]["format"], "webp");
    let path = format!("/v1/generations/{id}");
    let now = wait_for(PATIENCE, "history to know of the cut", async || {
        let now = pipeline.desk.get(&path).await.ok()?;
        let cuts = now["images"][0]["derivatives"].as_array()?.len();
        (cuts == 1).then_some(now)
    })
    .await?;
    let image = &now["images"][0];
    assert_eq!(
        looks(&pipeline, &image["derivatives"][0]["url"]).await?,
        (1200, 630)
    );
    assert_eq!(image["derivatives"][0]["review"], json!([]));
    assert!(
        image["thumbhash"].is_string() && image["perceptualHash"].is_string(),
        "{image}"
    );
    assert!(
        image["palette"]
            .as_array()
            .is_some_and(|palette| !palette.is_empty())
    );
    assert_eq!(
        (&now["status"], &now["cost"]),
        (&made["status"], &made["cost"])
    );
    assert_eq!(pipeline.provider.bill().len(), bill.len());

    // What is done is not ordered again, though the plan of it still stands.
    let left = plan(&pipeline, &order, 0).await?;
    assert_eq!((&left["cuts"], &left["alreadyCut"]), (&json!(0), &json!(1)));
    assert_eq!(left["planHash"], plan_before["planHash"]);
    let again = derive(&pipeline, "", &order, StatusCode::OK).await?;
    assert_eq!(
        (&again["id"], &again["images"]),
        (&receipt["id"], &json!(0))
    );
    let events = pipeline.broker.events().await?;
    let told = events
        .iter()
        .filter(|event| event.subject.starts_with("image.ready."));
    assert_eq!(told.count(), 2);
    pipeline.stop().await
}
