//! The way of an image by NATS, for clients that know nothing of us.

use async_nats::jetstream::consumer::{Consumer, pull};
use e2e::{Options, PATIENCE, Pipeline, Stored};
use futures::StreamExt as _;
use serde_json::json;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_prompt_is_heard_of_at_once_and_for_certain() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let broker = &pipeline.broker;
    let mut news = broker.subscribe("generation.completed").await?;
    let durable = broker.durable("somebody", "generation.completed.*").await?;

    let request = r#"{"prompt":"a red kite over dunes"}"#;
    broker.publish("generation.requested", request).await?;

    let heard = news.next().await?;
    let kept = next(&durable).await?;
    for event in [&heard, &kept] {
        assert_eq!(event.header("ce-type"), "generation.completed");
        assert_eq!(event.header("Content-Type"), "application/json");
        assert_eq!(event.body["job"]["prompt"], "a red kite over dunes");
        assert_eq!(event.body["job"]["simulated"], true);
        assert!(event.body["images"][0]["url"].is_string());
    }
    assert_eq!(heard.header("ce-id"), kept.header("ce-id"));
    assert_eq!(kept.about(), kept.header("ce-subject"));
    pipeline.desk.ready(kept.about()).await?;
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_may_be_protobuf() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let mut news = pipeline.broker.subscribe("generation.completed").await?;

    // Field 1 of GenerationRequest, the prompt; field 3, the model.
    let body = message(&[(1, "a red kite"), (3, "V_2_TURBO")]);
    let headers = [("Content-Type", "application/protobuf")];
    pipeline
        .broker
        .publish_as("generation.requested", &headers, body)
        .await?;

    let event = news.next().await?;
    assert_eq!(event.body["job"]["prompt"], "a red kite");
    assert_eq!(event.body["job"]["model"], "V_2_TURBO");
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_may_be_protobuf() -> anyhow::Result<()> {
    let options = Options::default().env("DARKROOM_EVENT_ENCODING", "protobuf");
    let pipeline = Pipeline::start(options).await?;
    let mut news = pipeline.broker.subscribe("generation.ready").await?;

    let request = r#"{"prompt":"a red kite","presets":["thumbnail"]}"#;
    pipeline
        .broker
        .publish("generation.requested", request)
        .await?;

    let event = news.next().await?;
    assert_eq!(event.header("Content-Type"), "application/protobuf");
    let ready = pipeline.desk.ready(event.header("ce-subject")).await?;
    assert_eq!(ready["images"][0]["derivatives"][0]["preset"], "thumbnail");
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_names_of_the_first_system_still_work() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let mut news = pipeline.broker.subscribe("generation.completed").await?;
    let plain = json!({
        "prompt": "a red kite", "style": "DESIGN", "aspectRatio": "ASPECT_16_9",
        "model": "V_2_TURBO", "callbackUrl": pipeline.customer.url(),
    });
    let wrapped = json!({
        "image_request": {
            "prompt": "a red kite", "style_type": "DESIGN", "aspect_ratio": "ASPECT_16_9",
            "model": "V_2_TURBO", "magic_prompt_option": "AUTO",
        },
        "callbackUrl": pipeline.customer.url(),
    });

    for request in [plain, wrapped] {
        pipeline
            .broker
            .publish("generation.requested", request.to_string())
            .await?;
        let job = news.next().await?.body["job"].take();
        assert_eq!(job["styleType"], "DESIGN");
        assert_eq!(job["aspectRatio"], "ASPECT_16_9");
        assert_eq!(job["model"], "V_2_TURBO");
        assert_eq!(job["callback"], true);
        pipeline.customer.next(PATIENCE).await?;
    }
    pipeline.stop().await
}

async fn next(consumer: &Consumer<pull::Config>) -> anyhow::Result<Stored> {
    let mut messages = consumer.messages().await?;
    let message = timeout(PATIENCE, messages.next()).await?;
    let message = message.ok_or_else(|| anyhow::anyhow!("the consumer is gone"))??;
    let acked = message.ack().await;
    acked.map_err(|err| anyhow::anyhow!("not acknowledged: {err}"))?;
    Ok(message.message.clone().into())
}

/// Protobuf by hand: texts of less than 128 bytes in fields below 16.
fn message(fields: &[(u8, &str)]) -> Vec<u8> {
    let field = |(number, text): &(u8, &str)| {
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        [&[number << 3 | 2, length], text.as_bytes()].concat()
    };
    fields.iter().flat_map(field).collect()
}
