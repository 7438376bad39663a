//! How generations come to nothing, and what that costs.

use e2e::{Options, Pipeline};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_provider_refuses_or_fails_at_is_not_billed() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let mut news = pipeline.broker.subscribe("generation.failed").await?;
    for (prompt, code, retryable) in [
        ("something [unsafe]", "content_filtered", false),
        ("something [fail]", "provider_failed", true),
    ] {
        let asked = pipeline.desk.post(&json!({"prompt": prompt})).await?;
        let id = asked["id"].as_str().unwrap_or_default();

        let event = news.about(id).await?;
        assert_eq!(event.body["job"]["simulated"], true);
        let generation = pipeline.desk.end(id).await?;
        assert_eq!(generation["status"], "failed");
        for error in [&event.body["error"], &generation["error"]] {
            assert_eq!(error["code"], code);
            assert_eq!(error["phase"], "generation");
            assert_eq!(error["billed"], "no");
            assert_eq!(error["retryable"], retryable);
        }
    }
    assert_eq!(pipeline.provider.state().billed_usd_micros, 0);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withheld_picture_was_paid_and_the_others_are_kept() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let request = json!({"prompt": "two [withheld]", "numImages": 2, "presets": ["thumbnail"]});
    let asked = pipeline.desk.post(&request).await?;

    let ready = pipeline
        .desk
        .ready(asked["id"].as_str().unwrap_or_default())
        .await?;
    assert_eq!(ready["images"][0]["state"], "withheld");
    assert!(ready["images"][0]["url"].is_null());
    assert_eq!(ready["images"][1]["state"], "ready");
    assert_eq!(ready["images"][1]["derivatives"][0]["preset"], "thumbnail");
    assert_eq!(ready["cost"]["settledUsdMicros"], 160_000);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_pictures_are_withheld_the_failure_says_that_it_was_billed() -> anyhow::Result<()>
{
    let pipeline = Pipeline::start(Options::default()).await?;
    let asked = pipeline
        .desk
        .post(&json!({"prompt": "one [withheld]"}))
        .await?;

    let failed = pipeline
        .desk
        .end(asked["id"].as_str().unwrap_or_default())
        .await?;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"]["code"], "all_withheld");
    assert_eq!(failed["error"]["billed"], "yes");
    assert_eq!(failed["cost"]["settledUsdMicros"], 80_000);
    assert_eq!(pipeline.provider.state().billed_usd_micros, 80_000);
    pipeline.stop().await
}
