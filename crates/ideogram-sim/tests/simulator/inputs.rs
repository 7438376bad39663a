//! What is refused, and in which shape.

use ideogram_sim::Config;
use serde_json::{Value, json};

use crate::harness::{Rig, V45, read};

#[tokio::test]
async fn schema_faults_are_problems_that_name_the_field() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let v3 = "/v2/image/generate/ideogram-3";
    for (path, body, field) in [
        (V45, json!({}), "prompt"),
        (V45, json!({ "prompt": 7 }), "prompt"),
        (V45, json!({ "prompt": "" }), "prompt"),
        (V45, json!({ "prompt": "x".repeat(10_001) }), "prompt"),
        (V45, json!({ "prompt": "x", "num_images": 0 }), "num_images"),
        (V45, json!({ "prompt": "x", "num_images": 9 }), "num_images"),
        (
            V45,
            json!({ "prompt": "x", "num_images": "2" }),
            "num_images",
        ),
        (V45, json!({ "prompt": "x", "seed": -1 }), "seed"),
        (
            V45,
            json!({ "prompt": "x", "seed": 2_147_483_648u32 }),
            "seed",
        ),
        (V45, json!({ "prompt": "x", "seed": 1e300 }), "seed"),
        (
            V45,
            json!({ "prompt": "x", "quality": "very_low" }),
            "quality",
        ),
        (V45, json!({ "prompt": "x", "async": "yes" }), "async"),
        (
            V45,
            json!({ "prompt": "x", "image_asset_identifiers": [] }),
            "image_asset_identifiers",
        ),
        (V45, json!({ "prompt": "x", "images": ["a.png"] }), "images"),
        (
            v3,
            json!({ "prompt": "x", "aspect_ratio": "ASPECT_1_1" }),
            "aspect_ratio",
        ),
        (
            v3,
            json!({ "prompt": "x", "rendering_speed": "flash" }),
            "rendering_speed",
        ),
        (
            v3,
            json!({ "prompt": "x", "style_codes": ["xyz"] }),
            "style_codes",
        ),
        (
            v3,
            json!({ "prompt": "x", "color_palette": { "name": "EMBER" } }),
            "name",
        ),
        (
            "/v1/ideogram-v3/generate",
            json!({ "prompt": "x", "aspect_ratio": "auto" }),
            "aspect_ratio",
        ),
        (
            "/v1/ideogram-v3/generate",
            json!({ "prompt": "x", "rendering_speed": "turbo" }),
            "rendering_speed",
        ),
        (
            "/v1/ideogram-v3/generate-transparent",
            json!({ "prompt": "x", "rendering_speed": "FLASH" }),
            "rendering_speed",
        ),
        (
            "/v2/image/generate/ideogram-4-custom-model",
            json!({ "prompt": "x" }),
            "custom_model_uri",
        ),
        (
            "/v2/image/generate/ideogram-3-custom-model",
            json!({ "prompt": "x", "custom_model_uri": "model/a" }),
            "custom_model_uri",
        ),
        (
            "/v2/image/generate/ideogram-4-custom-model",
            json!({
                "prompt": "x",
                "custom_model_uri": "model/a/version/1",
                "stacked_custom_models": [{ "custom_model_uri": "model/b/version/1", "weight": 0 }],
            }),
            "stacked_custom_models",
        ),
        (
            "/v2/image/generate/nano-banana-2",
            json!({ "prompt": "x", "resolution_tier": "1k" }),
            "resolution_tier",
        ),
        (
            "/v2/image/generate/z-image",
            json!({ "prompt": "x", "resolution": "large" }),
            "resolution",
        ),
        ("/v2/image/reframe/ideogram-3", json!({}), "resolution"),
        (
            "/v2/image/reframe/nano-banana-2",
            json!({ "aspect_ratio": "auto" }),
            "aspect_ratio",
        ),
        (
            "/v2/image/upscale/auto",
            json!({ "upscale_factor": "x3" }),
            "upscale_factor",
        ),
        (
            "/v2/image/upscale/topaz-standard-2",
            json!({ "denoise": 1.5 }),
            "denoise",
        ),
        ("/generate", json!({ "prompt": "x" }), "image_request"),
        (
            "/generate",
            json!({ "image_request": { "prompt": "x", "model": "V_9" } }),
            "model",
        ),
    ] {
        let answer = rig.post(path, body).await?;

        assert_eq!(
            (answer.status, &answer.json["status"]),
            (400, &json!(400)),
            "{path} {field}: {answer:?}"
        );
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert!(
            answer.text_at("/detail")?.contains(&format!("'{field}'")),
            "{field}: {answer:?}"
        );
    }
    assert!(rig.sim.bill().is_empty());
    Ok(())
}

#[tokio::test]
async fn faults_of_meaning_are_errors() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let legacy = |fields: Value| json!({ "image_request": fields });
    for (path, body) in [
        (V45, json!({ "prompt": "x", "size": "1000x1000" })),
        (
            V45,
            json!({ "prompt": "x", "webhook_url": "https://127.0.0.1/hook" }),
        ),
        (
            V45,
            json!({ "prompt": "x", "webhook_url": "http://example.com/hook" }),
        ),
        (
            "/v2/image/generate/ideogram-3",
            json!({ "prompt": "x", "resolution": "1024x1024", "aspect_ratio": "1x1" }),
        ),
        (
            "/v2/image/generate/ideogram-3",
            json!({ "prompt": "x", "style_codes": ["00112233"], "style_type": "design" }),
        ),
        (
            "/generate",
            legacy(json!({ "prompt": "x", "model": "V_3", "resolution": "RESOLUTION_1024_1024" })),
        ),
        (
            "/generate",
            legacy(json!({ "prompt": "x", "model": "V_2A", "negative_prompt": "y" })),
        ),
        (
            "/generate",
            legacy(json!({ "prompt": "x", "model": "V_1", "style_type": "ANIME" })),
        ),
    ] {
        let answer = rig.post(path, body).await?;

        assert_eq!(
            (answer.status, answer.json["error"].is_string()),
            (400, true),
            "{path}: {answer:?}"
        );
    }
    assert!(rig.sim.bill().is_empty());
    Ok(())
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_unknown_paths_are_not() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;

    let typo = rig
        .post(
            V45,
            json!({ "prompt": "x", "sede": 7, "aspect_ratio": "nonsense" }),
        )
        .await?;
    let model = rig
        .post("/v2/image/generate/ideogram-5", json!({ "prompt": "x" }))
        .await?;
    let method = rig.get(V45).await?;

    assert_eq!(typo.status, 200);
    assert_eq!(
        (model.status, &model.json["title"]),
        (404, &json!("Not Found"))
    );
    assert_eq!(method.status, 405);
    Ok(())
}

#[tokio::test]
async fn keys_are_checked_before_the_body() -> anyhow::Result<()> {
    let rig = Rig::start(Config {
        api_keys: vec!["right".to_owned()],
        ..Config::default()
    })
    .await?;
    let url = format!("{}{V45}", rig.sim.api_url());

    for key in ["", "wrong"] {
        let answer = read(rig.http.post(&url).header("Api-Key", key).body("not json")).await?;
        assert_eq!(
            (answer.status, answer.json["message"].is_string()),
            (401, true),
            "{answer:?}"
        );
    }
    let right = read(
        rig.http
            .post(&url)
            .header("Api-Key", "right")
            .json(&json!({ "prompt": "x" })),
    )
    .await?;
    assert_eq!(right.status, 200);
    assert_eq!(rig.poll("AAAAAAAAAAAAAAAAAAAAAA").await?.status, 401);
    assert_eq!(
        rig.get("/v1/.well-known/jwks.json").await?.status,
        200,
        "public"
    );
    Ok(())
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let send = |content_type: &'static str, body: String| {
        let url = format!("{}{V45}", rig.sim.api_url());
        read(
            rig.http
                .post(url)
                .header("Api-Key", "k")
                .header("content-type", content_type)
                .body(body),
        )
    };

    assert_eq!(send("application/json", "{".to_owned()).await?.status, 400);
    assert_eq!(send("application/json", "[]".to_owned()).await?.status, 400);
    assert_eq!(
        send("application/json", " ".repeat((1 << 20) + 1))
            .await?
            .status,
        413
    );
    assert_eq!(send("text/plain", "{}".to_owned()).await?.status, 415);
    assert_eq!(
        send("multipart/form-data; boundary=b", "--b".to_owned())
            .await?
            .status,
        400
    );
    assert_eq!(rig.poll("short").await?.status, 400);
    assert_eq!(rig.poll("AAAAAAAAAAAAAAAAAAAAAA").await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn every_answer_says_that_it_is_simulated() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;

    for answer in [
        rig.post(V45, json!({ "prompt": "x" })).await?,
        rig.get("/nowhere").await?,
        rig.get("/v2/account/usage").await?,
    ] {
        assert_eq!(answer.headers["x-darkroom-simulator"], "1");
        assert!(answer.headers.contains_key("x-request-id"));
    }
    Ok(())
}
