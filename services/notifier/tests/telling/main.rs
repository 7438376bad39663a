//! Who asked is told: signed, in order, and again until it was heard.

mod operator;
mod world;

use axum::http::StatusCode;
use domain::{Completed, Derivative, Event, GenerationId, ImageState, Operation, Unknown, Usd};
use jiff::Timestamp;
use serde_json::json;
use testkit::Received;

use crate::world::{PATIENCE, World, completed, failed, image_ready, job, picture, ready};

/// As a customer would, with the reference implementation.
pub(crate) async fn verified(
    world: &World,
    received: &Received,
) -> anyhow::Result<serde_json::Value> {
    let webhook = standardwebhooks::Webhook::new(&world.secret().await?)?;
    webhook.verify(&received.body, &received.headers)?;
    assert_eq!(received.header("content-type"), Some("application/json"));
    received.json()
}

#[tokio::test]
async fn a_whole_generation_is_told_in_order_and_signed() -> anyhow::Result<()> {
    let world = World::start().await?;
    let job = world.accept().await?;
    let derivative = Derivative {
        preset: "og-image".to_owned(),
        key: "derived/a/0-b/og-image-1.jpg".to_owned(),
        url: "http://pictures.example/assets/derived/a/0-b/og-image-1.jpg".to_owned(),
        width: 1200,
        height: 630,
        format: "jpeg".to_owned(),
        bytes: 9,
        sha256: String::new(),
        crop_loss: 0.25,
        upscaled: false,
        review: Vec::new(),
    };
    let image = domain::Image {
        derivatives: vec![derivative],
        ..picture(&job, ImageState::Ready)
    };
    // The last event first: without order it would be told first.
    for event in [
        ready(&job, &image),
        image_ready(&job, &image),
        completed(&job),
    ] {
        world.happens(event).await?;
    }

    let first = world.customer.next(PATIENCE).await?;
    let body = verified(&world, &first).await?;
    assert_eq!(
        first.header("webhook-id"),
        Some(completed(&job).id().as_str())
    );
    let expected = json!({
        "event": "ideogram.generation.completed", "timestamp": body["timestamp"],
        "jobId": job.id.to_string(), "customId": "poster-7", "operation": "generate",
        "prompt": "a red kite",
        "model": "V_2", "campaign": "spring", "metadata": {"sku": "K-7"}, "simulated": true,
        "images": ["http://pictures.example/assets/generated/a/0-b.png"],
        "resolution": "1312x736", "seed": 7, "texts": [], "duplicateOf": null,
        "requested": 4, "delivered": 1, "withheld": 1, "billed": 2,
    });
    assert_eq!(body, expected);

    let body = verified(&world, &world.customer.next(PATIENCE).await?).await?;
    assert_eq!(body["event"], "ideogram.image.ready");
    assert_eq!(body["image"]["id"], image.id.to_string());
    assert_eq!(body["image"]["derivatives"][0]["cropLoss"], 0.25);

    let body = verified(&world, &world.customer.next(PATIENCE).await?).await?;
    assert_eq!(body["event"], "ideogram.generation.ready");
    assert_eq!(body["images"], expected["images"]);
    assert_eq!(body["derivatives"][0]["imageId"], image.id.to_string());
    assert_eq!(body["derivatives"][0]["width"], 1200);
    world.stop().await
}

#[tokio::test]
async fn what_was_bought_before_says_so_and_words_are_told() -> anyhow::Result<()> {
    let world = World::start().await?;
    let first = GenerationId::generate();
    let mut job = job(true);
    job.request.operation = Operation::Describe;
    job.duplicate_of = Some(first);
    let callback_url = Some(world.customer.url().clone());
    world.accept_as(&job, callback_url).await?;
    let reused = Completed {
        job,
        images: Vec::new(),
        texts: vec!["a red kite".to_owned()],
        cost: Usd::ZERO,
        at: Timestamp::now(),
    };
    world.happens(reused).await?;

    let body = verified(&world, &world.customer.next(PATIENCE).await?).await?;
    assert_eq!(body["duplicateOf"], first.to_string());
    assert_eq!(body["operation"], "describe");
    assert_eq!(body["texts"], json!(["a red kite"]));
    assert_eq!(
        (&body["requested"], &body["delivered"], &body["billed"]),
        (&json!(0), &json!(0), &json!(0))
    );
    world.stop().await
}

#[tokio::test]
async fn bad_news_say_why_and_what_it_cost() -> anyhow::Result<()> {
    let world = World::start().await?;
    let filtered = world.accept().await?;
    world.happens(failed(&filtered)).await?;
    let body = verified(&world, &world.customer.next(PATIENCE).await?).await?;
    assert_eq!(body["event"], "ideogram.generation.failed");
    let error = json!({
        "code": "content_filtered", "message": "the prompt was refused", "phase": "generation",
        "billed": "no", "retryable": false,
    });
    assert_eq!(body["error"], error);
    assert_eq!(
        (
            &body["operation"],
            &body["requested"],
            &body["delivered"],
            &body["billed"]
        ),
        (&json!("generate"), &json!(4), &json!(0), &json!(0))
    );

    let lost = world.accept().await?;
    let reason = "the answer was lost".to_owned();
    let at = Timestamp::now();
    world
        .happens(Unknown {
            id: lost.id,
            attempt: 1,
            reason,
            reserved: Usd::ZERO,
            at,
        })
        .await?;
    let body = verified(&world, &world.customer.next(PATIENCE).await?).await?;
    assert_eq!(body["event"], "ideogram.generation.unknown");
    assert_eq!(
        (
            &body["error"]["code"],
            &body["error"]["billed"],
            &body["billed"]
        ),
        (&json!("outcome_unknown"), &json!("unknown"), &json!(null))
    );
    world.stop().await
}

#[tokio::test]
async fn a_receiver_that_stumbles_hears_the_same_again() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.customer.script([StatusCode::INTERNAL_SERVER_ERROR]);
    let job = world.accept().await?;
    let completed = completed(&job);
    world.happens(completed.clone()).await?;

    let first = world.customer.next(PATIENCE).await?;
    // Later news wait for their time too, and must not take the place of the earlier ones.
    let image = picture(&job, ImageState::Ready);
    world.happens(ready(&job, &image)).await?;
    let mut again = world.customer.next(PATIENCE).await?;
    if again.header("webhook-id") != first.header("webhook-id") {
        again = world.customer.next(PATIENCE).await?;
    }
    assert_eq!(again.header("webhook-id"), first.header("webhook-id"));
    assert_eq!(again.body, first.body);
    verified(&world, &again).await?;
    match world.outcome(&completed).await? {
        Event::NotificationDelivered(told) => assert_eq!((told.status, told.attempts), (200, 2)),
        other => anyhow::bail!("not delivered: {other:?}"),
    }
    world.stop().await
}

#[tokio::test]
async fn the_tenth_refusal_is_the_last() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.customer.script([StatusCode::BAD_GATEWAY]);
    let completed = completed(&world.accept().await?);
    world.try_for_the(10, &completed).await?;

    let failed = world.failure(&completed).await?;
    assert_eq!(
        (failed.attempts, failed.reason.as_str()),
        (10, "it answered 502")
    );
    world.quiet().await?;
    world.stop().await
}

#[tokio::test]
async fn a_receiver_that_wants_no_more_is_left_alone() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.customer.script([StatusCode::GONE]);
    let job = world.accept().await?;
    let completed = completed(&job);
    world.happens(completed.clone()).await?;

    let failed = world.failure(&completed).await?;
    assert_eq!((failed.attempts, failed.id), (1, job.id));
    assert!(failed.reason.contains("410"), "{}", failed.reason);
    world.stop().await
}

#[tokio::test]
async fn a_private_address_is_never_asked_unless_it_is_allowed() -> anyhow::Result<()> {
    let world = World::start_with("").await?;
    let job = world.accept().await?;
    let completed = completed(&job);
    world.happens(completed.clone()).await?;

    let failed = world.failure(&completed).await?;
    assert!(
        failed.reason.contains("target refused"),
        "{}",
        failed.reason
    );
    assert!(world.customer.try_next().await.is_none());
    world.stop().await
}

#[tokio::test]
async fn nobody_is_told_who_did_not_ask_and_nobody_twice() -> anyhow::Result<()> {
    let world = World::start().await?;
    let silent = job(false);
    world.accept_as(&silent, None).await?;
    world.happens(completed(&silent)).await?;
    let refused = failed(&job(true));
    world.happens(refused).await?;
    let asked = world.accept().await?;
    world.happens(completed(&asked)).await?;
    let told = world.customer.next(PATIENCE).await?;
    assert_eq!(told.json()?["jobId"], asked.id.to_string());

    // The same fact again, stored a second time under another message id.
    world.outcome(&completed(&asked)).await?;
    world.repeat(&completed(&asked)).await?;
    world.quiet().await?;
    assert!(world.customer.try_next().await.is_none());
    world.stop().await
}
