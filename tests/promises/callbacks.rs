//! What a customer hears, and when.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use e2e::{Options, Pipeline};
use serde_json::{Value, json};

use crate::customer::{hears, hears_until, looks};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_hears_of_pictures_that_are_ours_by_then() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let asked = pipeline
        .desk
        .post(&json!({
            "prompt": "a red kite over dunes", "customId": "poster-7", "campaign": "autumn",
            "metadata": {"page": "7"}, "presets": ["thumbnail"],
            "callbackUrl": pipeline.customer.url(),
        }))
        .await?;

    let (callback, completed) = hears(&pipeline).await?;
    // The provider's pictures are gone for everybody who has only its links.
    assert_eq!(looks(&pipeline, &completed["images"][0]).await?, (64, 64));
    assert_eq!(callback.header("content-type"), Some("application/json"));
    assert_eq!(completed["event"], "ideogram.generation.completed");
    assert_eq!(completed["jobId"], asked["id"]);
    assert_eq!(completed["customId"], "poster-7");
    assert_eq!(completed["prompt"], "a red kite over dunes");
    assert_eq!(completed["model"], "V_2");
    assert_eq!(completed["campaign"], "autumn");
    assert_eq!(completed["metadata"]["page"], "7");
    assert_eq!(completed["resolution"], "64x64");
    assert!(completed["seed"].is_i64());

    let (second, image) = hears(&pipeline).await?;
    assert_eq!(image["event"], "ideogram.image.ready");
    let cut = &image["image"]["derivatives"][0];
    assert_eq!(cut["preset"], "thumbnail");
    looks(&pipeline, &cut["url"]).await?;

    let (third, ready) = hears(&pipeline).await?;
    assert_eq!(ready["event"], "ideogram.generation.ready");
    assert_eq!(ready["derivatives"][0]["preset"], "thumbnail");
    for body in [&completed, &image, &ready] {
        assert_eq!(body["simulated"], true);
        assert_eq!(body["jobId"], asked["id"]);
    }
    let ids = [&callback, &second, &third].map(|callback| callback.header("webhook-id"));
    assert_eq!(BTreeSet::from(ids).len(), 3);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_down_is_told_again_under_the_same_id() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    pipeline
        .customer
        .script([StatusCode::INTERNAL_SERVER_ERROR]);
    let request =
        json!({"prompt": "a boat", "presets": [], "callbackUrl": pipeline.customer.url()});
    pipeline.desk.post(&request).await?;

    let (first, refused) = hears(&pipeline).await?;
    let heard = hears_until(&pipeline, "ideogram.generation.completed").await?;
    let (again, repeated) = heard.last().map_or((&first, &Value::Null), |(a, b)| (a, b));
    assert_eq!(refused["event"], "ideogram.generation.completed");
    assert_eq!(&refused, repeated);
    assert_eq!(first.body, again.body);
    assert!(first.header("webhook-id").is_some());
    assert_eq!(first.header("webhook-id"), again.header("webhook-id"));
    // As many as there are news, and no more: the copy of the others is none of a retry.
    let ids = heard
        .iter()
        .filter_map(|(callback, _)| callback.header("webhook-id"));
    assert_eq!(ids.clone().collect::<BTreeSet<_>>().len(), ids.count());
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filtered_prompt_is_told_to_the_customer_too() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let request = json!({
        "prompt": "something [unsafe]", "customId": "no-7", "callbackUrl": pipeline.customer.url(),
    });
    let asked = pipeline.desk.post(&request).await?;

    let (_, failed) = hears(&pipeline).await?;
    assert_eq!(failed["event"], "ideogram.generation.failed");
    assert_eq!(failed["jobId"], asked["id"]);
    assert_eq!(failed["customId"], "no-7");
    assert_eq!(failed["simulated"], true);
    assert_eq!(failed["error"]["code"], "content_filtered");
    assert_eq!(failed["error"]["billed"], "no");
    assert_eq!(failed["error"]["retryable"], false);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_hears_of_a_request_that_was_refused_at_the_door() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let request = json!({
        "prompt": "a boat", "numImages": 9, "customId": "nine", "callbackUrl": pipeline.customer.url(),
    });
    pipeline
        .broker
        .publish("generation.requested", request.to_string())
        .await?;

    let (_, failed) = hears(&pipeline).await?;
    assert_eq!(failed["event"], "ideogram.generation.failed");
    assert_eq!(failed["customId"], "nine");
    assert_eq!(failed["error"]["code"], "invalid_field");
    assert_eq!(failed["error"]["phase"], "admission");
    assert_eq!(failed["error"]["billed"], "no");
    pipeline.stop().await
}
