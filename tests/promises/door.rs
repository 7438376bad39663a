//! Which door of the provider is used.

use e2e::{Options, Pipeline};
use serde_json::json;

use crate::customer::{hears_until, looks};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_systems_own_route_serves_the_whole_way() -> anyhow::Result<()> {
    let options = Options::default().env("IDEOGRAM_API", "legacy");
    let pipeline = Pipeline::start(options).await?;
    let request = json!({
        "prompt": "a red kite", "model": "V_2_TURBO", "style": "DESIGN", "aspectRatio": "ASPECT_16_9",
        "presets": ["thumbnail"], "callbackUrl": pipeline.customer.url(),
    });
    let asked = pipeline.desk.post(&request).await?;

    let heard = hears_until(&pipeline, "ideogram.generation.ready").await?;
    assert_eq!(heard.len(), 3);
    let ready = pipeline
        .desk
        .ready(asked["id"].as_str().unwrap_or_default())
        .await?;
    looks(&pipeline, &ready["images"][0]["url"]).await?;
    looks(&pipeline, &ready["images"][0]["derivatives"][0]["url"]).await?;
    assert_eq!(ready["simulated"], true);
    assert_eq!(ready["cost"]["settledUsdMicros"], 50_000);
    let bill = pipeline.provider.bill();
    assert_eq!(bill.len(), 1);
    assert_eq!(bill[0].route, "/generate");
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_second_version_can_say_goes_by_it() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let asked = pipeline
        .desk
        .post(&json!({"prompt": "a red kite", "presets": []}))
        .await?;

    pipeline
        .desk
        .ready(asked["id"].as_str().unwrap_or_default())
        .await?;
    assert_eq!(
        pipeline.provider.bill()[0].route,
        "/v2/image/generate/ideogram-2"
    );
    pipeline.stop().await
}
