//! All or nothing keeps what was paid for.

use e2e::{Options, PATIENCE, Pipeline, Stored};
use serde_json::json;
use testkit::wait_for;

use super::PRICE;
use crate::customer::{hears, looks};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wants_all_or_nothing_is_told_of_a_failure_and_loses_nothing() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let request = json!({
        "prompt": "three kites [withheld]", "numImages": 3, "onWithheld": "fail",
        "presets": ["thumbnail"], "callbackUrl": pipeline.customer.url(),
    });

    let failed = pipeline.desk.outcome(&request).await?;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"]["code"], "withheld");
    assert_eq!(failed["error"]["billed"], "yes");
    assert_eq!(failed["cost"]["settledUsdMicros"], 3 * PRICE);
    assert_eq!(failed["requested"], 3);
    assert_eq!(failed["delivered"], 0);
    assert_eq!(failed["billed"], 3);
    let (_, told) = hears(&pipeline).await?;
    assert_eq!(told["event"], "ideogram.generation.failed");
    assert_eq!(told["error"]["code"], "withheld");

    let recovered = wait_for(PATIENCE, "what was kept", async || {
        let events = pipeline.broker.events().await.ok()?.into_iter();
        let is_kept = |event: &Stored| event.subject.starts_with("image.recovered.");
        let kept: Vec<Stored> = events.filter(is_kept).collect();
        (kept.len() == 2).then_some(kept)
    });
    for event in recovered.await? {
        assert_eq!(event.body["job"]["id"], failed["id"]);
        let image = &event.body["image"];
        assert_eq!(event.about(), image["id"].as_str().unwrap_or_default());
        assert_eq!(looks(&pipeline, &image["url"]).await?, (64, 64));
    }
    let listed = wait_for(PATIENCE, "history to know them", async || {
        let path = format!("/v1/generations/{}", failed["id"].as_str()?);
        let generation = pipeline.desk.get(&path).await.ok()?;
        let images = generation["images"].as_array()?.clone();
        let kept = images.iter().filter(|image| image["url"].is_string());
        (kept.count() == 2).then_some(images)
    });
    listed.await?;
    pipeline.stop().await
}
