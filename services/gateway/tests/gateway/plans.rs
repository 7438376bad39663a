//! What a request would come to, before it is made.

use bytes::Bytes;
use domain::{Accepted, Code, Failure, GenerationId, Invalid, Request, Tenant};
use reqwest::StatusCode;
use serde_json::{Value, json};
use wire::{ask, v1};

use crate::desk::{Desk, accepted, body, job};

const RATIOS: [&str; 15] = [
    "1x1", "4x5", "3x4", "2x3", "10x16", "9x16", "1x2", "1x3", "5x4", "4x3", "3x2", "16x10",
    "16x9", "2x1", "3x1",
];
/// Some that only 4.0 has at the price of the others, by no ratio of their own.
const SIZES: [&str; 6] = [
    "2048x2048",
    "2880x1440",
    "2560x1440",
    "2496x1664",
    "1664x2496",
    "3328x1248",
];

async fn plan(desk: &Desk, request: &Value) -> anyhow::Result<Value> {
    let post = desk.post_to("/v1/generations?plan=true").json(request);
    body(post.send().await?, StatusCode::OK).await
}

/// How badly the cuts are served, in thousandths: what is lost, then what is enlarged.
fn badness(plan: &Value) -> (i64, i64) {
    let cuts = plan["forecast"].as_array().map_or(&[][..], Vec::as_slice);
    let mean = |figure: fn(&Value) -> f64| {
        let sum: f64 = cuts.iter().map(figure).sum();
        (1000.0 * sum / cuts.len().max(1) as f64).round() as i64
    };
    let enlarged = |cut: &Value| match cut["upscaled"].as_bool() {
        Some(true) => cut["scale"].as_f64().unwrap_or_default() - 1.0,
        _ => 0.0,
    };
    let lost = |cut: &Value| cut["cropLoss"].as_f64().unwrap_or_default();
    (mean(lost), mean(enlarged))
}

#[tokio::test]
async fn no_other_shape_of_a_model_serves_the_presets_better() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let wishes = RATIOS.map(|ratio| ("aspectRatio", ratio));
    let wishes = wishes
        .into_iter()
        .chain(SIZES.map(|size| ("resolution", size)));
    let wishes: Vec<_> = wishes.collect();
    for model in [
        "V_1",
        "V_2",
        "V_2A",
        "V_3",
        "ideogram-4",
        "ideogram-4-5",
        "z-image",
    ] {
        for presets in [
            json!(["og-image"]),
            json!(["twitter-header"]),
            json!(["og-image", "instagram", "twitter-header", "thumbnail"]),
            json!([{ "preset": "og-image", "width": 630, "height": 1200 }]),
        ] {
            let open = json!({ "prompt": "a kite", "model": model, "presets": presets });
            let chosen = plan(&desk, &open).await?;
            assert!(chosen["forecast"].is_array(), "{chosen}");
            for (field, value) in &wishes {
                let mut other = open.clone();
                other[*field] = json!(value);
                let post = desk.post_to("/v1/generations?plan=true").json(&other);
                let answer = post.send().await?;
                if answer.status() == StatusCode::UNPROCESSABLE_ENTITY {
                    continue;
                }
                let other = body(answer, StatusCode::OK).await?;
                // 4.5 may charge more for more pixels than a square has.
                let area = other["width"].as_u64().zip(other["height"].as_u64());
                let area = area.map_or(0, |(width, height)| width * height);
                let is_larger = model == "ideogram-4-5" && area > 1024 * 1024;
                let is_same = |field: &str| other[field] == chosen[field];
                let is_offered = is_same("route") && is_same("cost") && !is_larger;
                let is_worse = badness(&other) >= badness(&chosen);
                assert!(
                    is_worse || !is_offered,
                    "{model} {presets}: {value} beats {chosen}"
                );
            }
        }
    }
    desk.close().await
}

#[tokio::test]
async fn a_plan_tells_all_and_leaves_nothing_at_the_door() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let request = json!({ "prompt": "a kite", "customId": "kite-1",
        "presets": ["twitter-header", "og-image"], "model": "V_3" });

    let plan = plan(&desk, &request).await?;

    for (field, value) in [
        ("prompt", json!("a kite")),
        ("customId", json!("kite-1")),
        ("model", json!("V_3")),
        ("aspectRatio", json!("ASPECT_3_1")),
        ("shapedByPresets", json!(true)),
        ("route", json!("/v2/image/generate/ideogram-3")),
        ("width", json!(1536)),
        ("height", json!(512)),
        (
            "cost",
            json!({ "reservedUsdMicros": 60_000, "quotedBy": "price-list" }),
        ),
        (
            "warnings",
            json!([
                "og-image cuts away 37 % of a picture of 1536x512",
                "og-image enlarges what it takes 1.23 times",
            ]),
        ),
    ] {
        assert_eq!(plan[field], value, "{field}");
    }
    assert_eq!(
        plan["forecast"][0],
        json!({ "preset": "twitter-header", "width": 1500, "height": 500, "format": "jpeg",
            "cropLoss": 0.0, "upscaled": false, "scale": 0.9765625 })
    );
    assert_eq!(desk.at_the_door().await?, 0);
    assert!(plan["id"].is_null());
    desk.close().await
}

#[tokio::test]
async fn a_request_is_answered_with_the_same_shape_and_forecast() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    for request in [
        json!({ "prompt": "a kite", "presets": ["og-image"] }),
        // A square, as ever: nobody named a preset.
        json!({ "prompt": "a kite" }),
        json!({ "prompt": "a kite", "presets": ["og-image"], "aspectRatio": "1x1" }),
    ] {
        let plan = plan(&desk, &request).await?;
        let made = body(desk.post(&request).send().await?, StatusCode::ACCEPTED).await?;
        let path = format!(
            "/v1/generations/{}",
            made["id"].as_str().unwrap_or_default()
        );
        let found = body(desk.get(&path).send().await?, StatusCode::OK).await?;

        let is_open = request["presets"].is_array() && request["aspectRatio"].is_null();
        let shape = if is_open { "ASPECT_2_1" } else { "ASPECT_1_1" };
        for answer in [&made, &found] {
            assert_eq!(answer["aspectRatio"], shape, "{request}");
            assert_eq!(answer["forecast"], plan["forecast"], "{request}");
            assert_eq!(answer["warnings"], plan["warnings"], "{request}");
        }
        assert_eq!(made["warnings"] == json!([]), is_open, "{made}");
    }
    desk.close().await
}

#[tokio::test]
async fn what_is_not_known_beforehand_is_null() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let source = json!(["https://a.test/kite.png"]);
    for (fields, forecast) in [
        (
            json!({ "model": "auto", "presets": ["og-image"] }),
            Value::Null,
        ),
        (
            json!({ "operation": "remix", "sourceImages": source, "presets": ["og-image"] }),
            Value::Null,
        ),
        (json!({ "model": "auto", "presets": [] }), json!([])),
    ] {
        let mut request = fields.clone();
        request["prompt"] = json!("a kite");
        let plan = plan(&desk, &request).await?;
        assert_eq!(
            (&plan["forecast"], &plan["warnings"]),
            (&forecast, &json!([])),
            "{fields}"
        );
        assert_eq!(plan["width"], Value::Null);
        assert_eq!(plan["shapedByPresets"], false);
    }
    desk.close().await
}

#[tokio::test]
async fn a_plan_of_nonsense_is_refused_like_the_request() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let kite = json!({ "prompt": "a kite" });
    for (path, request, field) in [
        ("?plan=perhaps", kite.clone(), "plan"),
        ("?plam=true", kite.clone(), "plam"),
        ("?plan=true", json!({ "prompt": " " }), "prompt"),
        (
            "?plan=true",
            json!({ "prompt": "p", "callbackUrl": "ftp://a.test" }),
            "callbackUrl",
        ),
        (
            "?plan=true",
            json!({ "prompt": "p", "presets": [{ "preset": "og-image", "width": 0 }] }),
            "presets[0].width",
        ),
    ] {
        let post = desk
            .post_to(&format!("/v1/generations{path}"))
            .json(&request);
        let problem = body(post.send().await?, StatusCode::UNPROCESSABLE_ENTITY).await?;
        assert_eq!(problem["field"], field, "{problem}");
        assert_eq!(problem["billed"], "no");
    }
    assert_eq!(desk.at_the_door().await?, 0);
    desk.close().await
}

#[tokio::test]
async fn the_generator_has_the_last_word_on_the_price() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let answer = |_: &'static str, question: Bytes| {
        let request: v1::GenerationRequest = ask::read(&question).unwrap_or_default();
        let invalid = Invalid::unsupported("numImages", "draws at most 2 at once");
        let refused = request.num_images == Some(3);
        Ok(ask::write(&v1::Quote {
            usd_micros: (!refused).then_some(77_000),
            quoted_by: (!refused).then(|| "provider".to_owned()),
            simulated: true,
            refusal: refused.then(|| (&Failure::at_admission(&invalid)).into()),
        }))
    };
    let asking = async {
        let quoted = plan(
            &desk,
            &json!({ "prompt": "a kite", "presets": ["og-image"] }),
        )
        .await?;
        assert_eq!(
            quoted["cost"],
            json!({ "reservedUsdMicros": 77_000, "quotedBy": "provider" })
        );
        assert_eq!(quoted["simulated"], true);
        let post = desk.post_to("/v1/generations?plan=true");
        let refused = post
            .json(&json!({ "prompt": "a kite", "numImages": 3 }))
            .send()
            .await?;
        let problem = body(refused, StatusCode::UNPROCESSABLE_ENTITY).await?;
        assert_eq!(problem["code"], Code::Unsupported.as_str());
        Ok(())
    };
    desk.answered("admission", &["quote"], answer, asking)
        .await?;
    desk.close().await
}

/// Whoever asks again by the same name gets what there is, also where the presets were others then.
#[tokio::test]
async fn a_shape_that_was_left_open_makes_no_other_request() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let named = json!({ "prompt": "a kite", "customId": "kite-1", "presets": ["og-image"] });
    let mut known = job(GenerationId::of_key(&Tenant::default(), "kite-1"), "a kite")?;
    known.custom_id = Some("kite-1".to_owned());
    known.request = Request {
        presets: vec!["og-image".into()],
        ..known.request
    };
    let known: Accepted = accepted(&known);
    desk.bus.ledger().append(known, 0).await?;

    let again = body(desk.post(&named).send().await?, StatusCode::ACCEPTED).await?;
    assert_eq!(again["aspectRatio"], "ASPECT_1_1");
    let mut said = named.clone();
    said["aspectRatio"] = json!("2x1");
    body(desk.post(&said).send().await?, StatusCode::CONFLICT).await?;
    desk.close().await
}
