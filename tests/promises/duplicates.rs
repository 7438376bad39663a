//! A request that is sent twice is bought once, and one that asks for the same as another as often
//! as its sender says.

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::{Options, PATIENCE, Pipeline};
use futures::future::try_join_all;
use ideogram_sim::FaultKind;
use serde_json::{Value, json};
use testkit::wait_until;

use crate::customer::looks;

/// One picture by the default model, in millionths of a dollar.
const PRICE: i64 = 80_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_a_name_is_bought_once_however_often_it_is_sent() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let request = json!({"prompt": "a red kite", "customId": "poster-7", "presets": []});

    for _ in 0..5 {
        let body = request.to_string();
        pipeline
            .broker
            .publish("generation.requested", body)
            .await?;
    }
    let posts = (0..5).map(|_| pipeline.desk.send(&request));
    let mut ids = BTreeSet::new();
    for response in try_join_all(posts).await? {
        assert!(response.status().is_success(), "{}", response.status());
        let answer: Value = serde_json::from_str(&response.text().await?)?;
        ids.insert(answer["id"].to_string());
    }
    assert_eq!(ids.len(), 1);
    let id = ids.iter().next().map_or("", |id| id.trim_matches('"'));
    pipeline.desk.ready(id).await?;

    // Behind all of them at the door.
    let last = pipeline
        .desk
        .post(&json!({"prompt": "the last", "presets": []}))
        .await?;
    pipeline
        .desk
        .ready(last["id"].as_str().unwrap_or_default())
        .await?;
    let bill = pipeline.provider.bill();
    assert_eq!(
        bill.iter()
            .filter(|charge| charge.prompt == "a red kite")
            .count(),
        1
    );
    let ends = pipeline.broker.ends().await?;
    assert_eq!(ends.iter().filter(|(_, end)| end == id).count(), 1);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_cannot_be_used_for_something_else() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let mut news = pipeline.broker.subscribe("generation.failed").await?;
    let first = json!({"prompt": "a red kite", "customId": "poster-7", "presets": []});
    let asked = pipeline.desk.post(&first).await?;
    pipeline
        .desk
        .ready(asked["id"].as_str().unwrap_or_default())
        .await?;

    let other = json!({"prompt": "a blue kite", "customId": "poster-7", "presets": []});
    let body = other.to_string();
    pipeline
        .broker
        .publish("generation.requested", body)
        .await?;
    let refused = news.next().await?.body;
    assert_eq!(refused["error"]["code"], "conflict");
    assert_eq!(refused["customId"], "poster-7");
    assert_ne!(refused["id"], asked["id"]);
    assert_eq!(pipeline.desk.send(&other).await?.status(), 409);
    assert_eq!(pipeline.provider.bill().len(), 1);
    pipeline.stop().await
}

/// Of the same picture, in cuts of one's own, to which its shape is not left.
fn kite(policy: &str, preset: &str) -> Value {
    json!({
        "prompt": "a red kite", "aspectRatio": "1x1", "onDuplicate": policy, "presets": [preset],
    })
}

/// The picture of `again` opens, has the bytes of that of `first`, and was cut once more.
async fn is_handed_out(pipeline: &Pipeline, first: &Value, again: &Value) -> anyhow::Result<()> {
    assert_eq!(again["duplicateOf"], first["id"]);
    assert_eq!(again["cost"]["settledUsdMicros"], 0);
    assert_eq!(again["cost"]["savedUsdMicros"], PRICE);
    let (known, image) = (&first["images"][0], &again["images"][0]);
    assert_ne!(known["id"], image["id"]);
    assert_eq!(known["sha256"], image["sha256"]);
    let bytes = pipeline.desk.download(&image["url"]).await?;
    assert!(bytes == pipeline.desk.download(&known["url"]).await?);
    let cuts = image["derivatives"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    assert_eq!(cuts.len(), 1, "{again}");
    assert_eq!(cuts[0]["preset"], again["presets"][0]);
    looks(pipeline, &cuts[0]["url"]).await?;
    Ok(())
}

/// Waits until history knows what `generation` cost.
async fn is_recorded(pipeline: &Pipeline, generation: &Value) -> anyhow::Result<()> {
    wait_until(PATIENCE, "history to know it", async || {
        let page = pipeline.desk.get("/v1/generations").await;
        let page = page.unwrap_or_default();
        let mut items = page["items"].as_array().into_iter().flatten();
        items
            .any(|item| item["id"] == generation["id"] && item["cost"]["settledUsdMicros"].is_i64())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_that_was_made_before_is_handed_out_again() -> anyhow::Result<()> {
    let mut pipeline = Pipeline::start(Options::default()).await?;
    let first = pipeline.desk.made(&kite("warn", "thumbnail")).await?;
    assert_eq!(first["duplicateOf"], Value::Null);
    assert_eq!(first["cost"]["savedUsdMicros"], 0);

    let mut latest = first;
    for preset in ["instagram", "thumbnail"] {
        let again = pipeline.desk.made(&kite("reuse", preset)).await?;
        is_handed_out(&pipeline, &latest, &again).await?;
        // From now on only history knows who asked before, and it names the last who did.
        is_recorded(&pipeline, &again).await?;
        pipeline.stop_services().await?;
        pipeline.start_services().await?;
        latest = again;
    }
    assert_eq!(pipeline.provider.bill().len(), 1);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_asked_for_at_once_is_bought_once_for_all() -> anyhow::Result<()> {
    let options = Options::default().latency(Duration::from_secs(1));
    let pipeline = Pipeline::start(options).await?;
    let presets = ["thumbnail", "instagram", "og-image", "twitter-header"];
    let asked = presets.map(async |preset| pipeline.desk.made(&kite("reuse", preset)).await);
    let made = try_join_all(asked).await?;

    let (first, others): (Vec<_>, Vec<_>) = made
        .iter()
        .partition(|generation| generation["duplicateOf"].is_null());
    assert_eq!(first.len(), 1);
    for other in others {
        is_handed_out(&pipeline, first[0], other).await?;
    }
    assert_eq!(first[0]["cost"]["settledUsdMicros"], PRICE);
    assert_eq!(pipeline.provider.bill().len(), 1);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_want_it_twice_is_told_which_was_the_first() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let first = pipeline.desk.made(&kite("reject", "thumbnail")).await?;

    let refused = pipeline.desk.outcome(&kite("reject", "thumbnail")).await?;
    assert_eq!(refused["status"], "failed");
    assert_eq!(refused["error"]["code"], "duplicate");
    assert_eq!(refused["error"]["billed"], "no");
    let message = refused["error"]["message"].as_str().unwrap_or_default();
    let name = first["id"].as_str().unwrap_or_default();
    assert!(message.contains(name), "{message}");
    assert_eq!(refused["duplicateOf"], first["id"]);
    assert_eq!(refused["cost"]["savedUsdMicros"], PRICE);
    assert_eq!(pipeline.provider.bill().len(), 1);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_default_the_same_is_bought_again_and_called_so() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let request = json!({"prompt": "a red kite", "presets": []});
    let first = pipeline.desk.made(&request).await?;

    let again = pipeline.desk.made(&request).await?;
    assert_eq!(again["onDuplicate"], "warn");
    assert_eq!(again["duplicateOf"], first["id"]);
    assert_eq!(again["cost"]["settledUsdMicros"], PRICE);
    assert_eq!(again["cost"]["savedUsdMicros"], 0);
    // Another seed is another picture.
    let seeded = json!({"prompt": "a red kite", "presets": [], "seed": 7});
    let seeded = pipeline.desk.made(&seeded).await?;
    assert_eq!(seeded["duplicateOf"], Value::Null);
    assert_eq!(pipeline.provider.bill().len(), 3);
    pipeline.stop().await
}

/// The dispatcher that takes over has no part in it any more, and there is nothing to hand out yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_paid_for_and_not_stored_yet_is_waited_for_after_a_restart() -> anyhow::Result<()> {
    let mut pipeline = Pipeline::start(Options::default()).await?;
    let away = FaultKind::DownloadStatus { status: 503 };
    pipeline.provider.set_fault(away)?;
    let first = pipeline.desk.post(&kite("reuse", "thumbnail")).await?;
    is_recorded(&pipeline, &first).await?;

    pipeline.stop_services().await?;
    pipeline.start_services().await?;
    let second = pipeline.desk.post(&kite("reuse", "instagram")).await?;
    let second = second["id"].as_str().unwrap_or_default();
    // Behind the second at the door and at the dispatcher.
    let last = json!({"prompt": "a boat", "presets": []});
    let last = pipeline.desk.post(&last).await?;
    wait_until(PATIENCE, "the call for the last", async || {
        let bill = pipeline.provider.bill();
        bill.iter().any(|charge| charge.prompt == "a boat")
    })
    .await?;
    pipeline.provider.clear_faults();

    let first = first["id"].as_str().unwrap_or_default();
    let first = pipeline.desk.ready(first).await?;
    let second = pipeline.desk.ready(second).await?;
    is_handed_out(&pipeline, &first, &second).await?;
    let last = last["id"].as_str().unwrap_or_default();
    pipeline.desk.ready(last).await?;
    assert_eq!(pipeline.provider.bill().len(), 2);
    pipeline.stop().await
}
