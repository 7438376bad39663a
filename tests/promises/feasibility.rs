//! What the cuts will lose is told before anything is bought, and the shape is the one that serves
//! them best, by whichever door a request comes.

use anyhow::Context as _;
use e2e::{Options, Pipeline};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn plan(pipeline: &Pipeline, request: &Value) -> anyhow::Result<Value> {
    let post = pipeline
        .desk
        .request(Method::POST, "/v1/generations?plan=true");
    let answer = post.body(request.to_string()).send().await?;
    let (status, text) = (answer.status(), answer.text().await?);
    anyhow::ensure!(status == StatusCode::OK, "{status}: {text}");
    Ok(serde_json::from_str(&text)?)
}

/// Figures of pixels that are compared as they are, and of shares that may differ in the fourth digit.
fn is_as_told(cut: &Value, forecast: &Value) -> bool {
    let exact = ["preset", "width", "height", "format", "upscaled"];
    let share = |value: &Value| value["cropLoss"].as_f64().unwrap_or(f64::NAN);
    exact.iter().all(|field| cut[*field] == forecast[*field])
        && (share(cut) - share(forecast)).abs() < 1e-3
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cuts_are_as_they_were_forecast() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default().full_pictures()).await?;
    let tall = json!({ "preset": "instagram", "height": 1350, "format": "png" });
    for fields in [
        json!({ "presets": ["og-image", "twitter-header", "thumbnail"] }),
        json!({ "model": "ideogram-4-5", "presets": [tall] }),
        json!({ "model": "V_3", "aspectRatio": "9x16", "presets": ["og-image", "thumbnail"] }),
    ] {
        let mut request = fields.clone();
        request["prompt"] = json!(format!("a kite {fields}"));
        let planned = plan(&pipeline, &request).await?;
        assert_eq!(planned["cost"]["quotedBy"], "provider");

        let asked = pipeline.desk.post(&request).await?;
        assert_eq!(asked["forecast"], planned["forecast"]);
        assert_eq!(asked["warnings"], planned["warnings"]);
        let ready = pipeline
            .desk
            .ready(asked["id"].as_str().unwrap_or_default())
            .await?;
        let image = &ready["images"][0];
        assert_eq!(
            (&image["width"], &image["height"]),
            (&planned["width"], &planned["height"])
        );
        assert_eq!(
            ready["cost"]["settledUsdMicros"],
            planned["cost"]["reservedUsdMicros"]
        );
        assert_eq!(ready["forecast"], planned["forecast"]);
        let cuts = image["derivatives"].as_array().context("no cuts")?;
        let told = planned["forecast"].as_array().context("no forecast")?;
        assert_eq!(cuts.len(), told.len());
        for (cut, forecast) in cuts.iter().zip(told) {
            assert!(is_as_told(cut, forecast), "{cut} is not {forecast}");
        }
    }
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_doors_choose_one_shape() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let mut news = pipeline.broker.subscribe("generation.completed").await?;
    for (model, presets, shape) in [
        ("V_2", json!(["og-image"]), "ASPECT_2_1"),
        ("V_3", json!(["twitter-header"]), "ASPECT_3_1"),
        ("ideogram-4", json!(["og-image", "instagram"]), "2048x2048"),
        ("V_2", json!(["thumbnail"]), "ASPECT_1_1"),
    ] {
        let request = json!({ "prompt": "a kite", "model": model, "presets": presets });
        let planned = plan(&pipeline, &request).await?;
        let asked = pipeline.desk.post(&request).await?;
        let by_http = news.next().await?.body;
        pipeline
            .broker
            .publish("generation.requested", request.to_string())
            .await?;
        let by_nats = news.next().await?.body;

        assert_ne!(by_http["job"]["id"], by_nats["job"]["id"]);
        let field = if planned["resolution"].is_string() {
            "resolution"
        } else {
            "aspectRatio"
        };
        assert_eq!(planned[field], shape, "{planned}");
        for job in [&asked, &by_http["job"], &by_nats["job"]] {
            assert_eq!(job[field], planned[field], "{job}");
        }
        // The same wish, since what is asked for is compared with its shape.
        assert_eq!(by_nats["job"]["duplicateOf"], by_http["job"]["id"]);
    }
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_spends_nothing_and_tells_nobody() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    for request in [
        json!({ "prompt": "a kite", "presets": ["og-image"], "callbackUrl": pipeline.customer.url() }),
        json!({ "prompt": "a kite", "model": "V_3", "customModel": "model/kites/version/1" }),
        json!({ "prompt": "a kite", "model": "nano-banana-2", "aspectRatio": "16x9" }),
    ] {
        let planned = plan(&pipeline, &request).await?;
        assert_eq!(planned["cost"]["quotedBy"], "provider", "{planned}");
        assert!(
            planned["cost"]["reservedUsdMicros"].as_i64() > Some(0),
            "{planned}"
        );
        assert_eq!(planned["simulated"], true);
    }
    assert!(pipeline.provider.bill().is_empty());
    assert_eq!(
        pipeline.broker.subjects("EVENTS").await?,
        Vec::<String>::new()
    );
    assert_eq!(
        pipeline.broker.subjects("INTAKE").await?,
        Vec::<String>::new()
    );
    pipeline.stop().await
}
