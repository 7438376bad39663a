//! Bad input: refused by name, nothing queued, and the gateway goes on.

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, ORIGIN};
use serde_json::{Value, json};

use crate::desk::{Desk, body, kite};

#[tokio::test]
async fn every_bad_field_is_refused_by_its_name() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let long = "x".repeat(10_001);

    for (request, field, code) in [
        (json!({}), "prompt", "missing_field"),
        (json!({"prompt": "  "}), "prompt", "invalid_field"),
        (json!({"prompt": long}), "prompt", "invalid_field"),
        (json!({"prompt": 7}), "prompt", "invalid_field"),
        (
            json!({"prompt": "p", "stlye": "DESIGN"}),
            "stlye",
            "unknown_field",
        ),
        (
            json!({"prompt": "p", "model": "V_9"}),
            "model",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "aspectRatio": "wide"}),
            "aspectRatio",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "aspectRatio": "7x3"}),
            "aspectRatio",
            "unsupported",
        ),
        (
            json!({"prompt": "p", "numImages": 0}),
            "numImages",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "numImages": 9}),
            "numImages",
            "invalid_field",
        ),
        (json!({"prompt": "p", "seed": -1}), "seed", "invalid_field"),
        (
            json!({"prompt": "p", "seed": 2_147_483_648_u32}),
            "seed",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "presets": ["poster"]}),
            "presets",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "callbackUrl": "ftp://a.test/"}),
            "callbackUrl",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "quality": "high"}),
            "quality",
            "unsupported",
        ),
        (
            json!({"prompt": "p", "onUnknown": "hope"}),
            "onUnknown",
            "invalid_field",
        ),
        (
            json!({"prompt": "p", "operation": "upscale"}),
            "sourceImages",
            "missing_field",
        ),
    ] {
        let response = desk.post(&request).send().await?;
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let problem = body(response, StatusCode::UNPROCESSABLE_ENTITY).await?;
        assert_eq!(
            (&problem["field"], &problem["code"]),
            (&json!(field), &json!(code)),
            "{problem}"
        );
        assert_eq!(
            (&problem["billed"], &problem["status"]),
            (&json!("no"), &json!(422))
        );
        assert_eq!(problem["type"], json!(format!("/v1/errors#{code}")));
    }
    assert_eq!(desk.at_the_door().await?, 0);

    body(desk.post(&kite()).send().await?, StatusCode::ACCEPTED).await?;
    desk.close().await
}

#[tokio::test]
async fn a_bad_body_is_refused_by_its_kind() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let url = format!("{}/v1/generations", desk.url);
    let large = format!(r#"{{"prompt":"{}"}}"#, "x".repeat(2 << 20));

    for (content_type, sent, status, code) in [
        ("application/json", "{".to_owned(), 400, "invalid_body"),
        ("application/json", "[]".to_owned(), 400, "invalid_body"),
        (
            "application/protobuf",
            "\u{7f}\u{7f}".to_owned(),
            400,
            "invalid_body",
        ),
        ("application/json", large, 413, "body_too_large"),
        (
            "text/plain",
            kite().to_string(),
            415,
            "unsupported_media_type",
        ),
    ] {
        let request = desk
            .http
            .post(&url)
            .header(CONTENT_TYPE, content_type)
            .body(sent);
        let problem = body(request.send().await?, StatusCode::from_u16(status)?).await?;
        assert_eq!(problem["code"], json!(code), "{content_type}: {problem}");
        assert_eq!(problem["field"], Value::Null);
    }
    assert_eq!(desk.at_the_door().await?, 0);

    // What curl says with `-d` and no header of one's own.
    let form = "application/x-www-form-urlencoded";
    let request = desk
        .http
        .post(&url)
        .header(CONTENT_TYPE, form)
        .body(kite().to_string());
    body(request.send().await?, StatusCode::ACCEPTED).await?;
    desk.close().await
}

#[tokio::test]
async fn a_web_page_of_somebody_else_cannot_spend_money() -> anyhow::Result<()> {
    let desk = Desk::open().await?;

    let theirs = desk
        .post(&kite())
        .header(ORIGIN, "https://evil.example")
        .send()
        .await?;
    let ours = desk.post(&kite()).header(ORIGIN, &desk.url).send().await?;

    body(theirs, StatusCode::UNAUTHORIZED).await?;
    body(ours, StatusCode::ACCEPTED).await?;
    assert_eq!(desk.at_the_door().await?, 1);
    desk.close().await
}
