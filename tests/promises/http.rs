//! The way of an image by HTTP.

use e2e::{Options, PATIENCE, Pipeline};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::wait_for;

use crate::customer::looks;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_becomes_a_picture_in_every_size_asked_for() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default().full_pictures()).await?;
    let asked = pipeline
        .desk
        .post(&json!({
            "prompt": "a red kite over dunes",
            "presets": ["og-image", "instagram", "twitter-header"],
        }))
        .await?;
    assert_eq!(asked["prompt"], "a red kite over dunes");
    assert_eq!(asked["simulated"], true);
    let id = asked["id"].as_str().unwrap_or_default();

    // Before anybody had time to look at it.
    let at_once = pipeline.desk.get(&format!("/v1/generations/{id}")).await?;
    assert_eq!(at_once["id"], id);
    assert_eq!(at_once["prompt"], "a red kite over dunes");

    let ready = pipeline.desk.ready(id).await?;
    assert_eq!(ready["simulated"], true);
    assert_eq!(ready["cost"]["settledUsdMicros"], 80_000);
    let image = &ready["images"][0];
    // The shape of which the three lose least.
    assert_eq!(looks(&pipeline, &image["url"]).await?, (1408, 704));
    let sizes = [
        ("og-image", (1200, 630)),
        ("instagram", (1080, 1080)),
        ("twitter-header", (1500, 500)),
    ];
    for (preset, size) in sizes {
        let cuts = image["derivatives"].as_array();
        let cut = cuts.and_then(|cuts| cuts.iter().find(|cut| cut["preset"] == preset));
        let url = cut.map_or(&Value::Null, |cut| &cut["url"]);
        assert_eq!(looks(&pipeline, url).await?, size, "{preset}");
    }
    assert_eq!(pipeline.provider.bill().len(), 1);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_prefers_to_wait_gets_the_end_at_once() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let request = pipeline.desk.request(Method::POST, "/v1/generations");
    let request = request
        .header("prefer", "wait=30")
        .body(json!({"prompt": "a boat", "presets": ["thumbnail"]}).to_string());

    let response = request.send().await?;
    assert_eq!(response.status(), StatusCode::OK);
    let generation: Value = serde_json::from_str(&response.text().await?)?;
    assert_eq!(generation["status"], "ready");
    assert_eq!(
        generation["images"][0]["derivatives"][0]["preset"],
        "thumbnail"
    );
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_is_found_by_a_word_of_its_prompt() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let mut ids = Vec::new();
    for prompt in ["a lighthouse at dusk", "a harbour at dawn"] {
        let request = json!({"prompt": prompt, "presets": []});
        ids.push(pipeline.desk.post(&request).await?["id"].clone());
    }

    let path = "/v1/generations?q=lighthouse&status=ready";
    let found = wait_for(PATIENCE, "history to know it", async || {
        let page = pipeline.desk.get(path).await.ok()?;
        let items = page["items"].as_array()?.clone();
        (!items.is_empty()).then_some(items)
    });
    let found = found.await?;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["id"], ids[0]);
    assert_eq!(found[0]["simulated"], true);
    pipeline.stop().await
}
