//! Requests are accepted once and found at once.

use futures::future::try_join_all;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use serde_json::{Value, json};
use wire::v1;

use crate::desk::{Desk, accepted, body, job, kite};

#[tokio::test]
async fn a_request_is_found_by_the_location_it_was_given() -> anyhow::Result<()> {
    let desk = Desk::open().await?;

    let response = desk.post(&kite()).send().await?;
    let location = response.headers()[LOCATION].to_str()?.to_owned();
    let made = body(response, StatusCode::ACCEPTED).await?;

    assert_eq!(
        location,
        format!(
            "/v1/generations/{}",
            made["id"].as_str().unwrap_or_default()
        )
    );
    for (field, value) in [
        ("status", json!("accepted")),
        ("prompt", json!("a red kite over dunes")),
        ("model", json!("V_2")),
        ("aspectRatio", json!("ASPECT_1_1")),
        ("provider", json!("ideogram")),
        ("simulated", Value::Null),
        (
            "cost",
            json!({ "reservedUsdMicros": 80_000, "settledUsdMicros": null, "savedUsdMicros": 0 }),
        ),
        ("images", json!([])),
        ("error", Value::Null),
    ] {
        assert_eq!(made[field], value, "{field}");
    }

    let mut found = body(desk.get(&location).send().await?, StatusCode::OK).await?;
    // The door's own clock; the rest is the same.
    found["createdAt"] = made["createdAt"].clone();
    assert_eq!(found, made);
    desk.close().await
}

#[tokio::test]
async fn what_the_generator_has_admitted_is_found_in_the_ledger() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let job = job(domain::GenerationId::generate(), "a fox")?;
    desk.bus.ledger().append(accepted(&job), 0).await?;

    let path = format!("/v1/generations/{}", job.id);
    let found = body(desk.get(&path).send().await?, StatusCode::OK).await?;

    assert_eq!(
        (&found["prompt"], &found["simulated"]),
        (&json!("a fox"), &json!(true))
    );
    desk.close().await
}

#[tokio::test]
async fn protobuf_is_as_good_as_json() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let prompt = Some("a fox".to_owned());
    let request = v1::GenerationRequest {
        prompt,
        ..Default::default()
    };

    let url = format!("{}/v1/generations", desk.url);
    let post = desk
        .http
        .post(url)
        .header(CONTENT_TYPE, "application/protobuf");
    let made = body(
        post.body(wire::ask::write(&request)).send().await?,
        StatusCode::ACCEPTED,
    )
    .await?;

    let path = format!(
        "/v1/generations/{}",
        made["id"].as_str().unwrap_or_default()
    );
    let found = body(desk.get(&path).send().await?, StatusCode::OK).await?;
    assert_eq!(found["prompt"], json!("a fox"));
    desk.close().await
}

#[tokio::test]
async fn asking_twice_by_one_name_is_asking_once() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let named =
        json!({ "prompt": "a fox", "customId": "fox-1", "callbackUrl": "https://a.test/1" });

    let first = body(desk.post(&named).send().await?, StatusCode::ACCEPTED).await?;
    let again = desk.post(&named).send().await?;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    let again = body(again, StatusCode::ACCEPTED).await?;
    assert_eq!(
        (&first["id"], &first["customId"]),
        (&again["id"], &json!("fox-1"))
    );

    for (field, value) in [("prompt", "a hare"), ("callbackUrl", "https://a.test/2")] {
        let mut other = named.clone();
        other[field] = json!(value);
        let problem = body(desk.post(&other).send().await?, StatusCode::CONFLICT).await?;
        assert_eq!(problem["code"], json!("conflict"), "{field}");
    }
    assert_eq!(desk.at_the_door().await?, 1);
    desk.close().await
}

#[tokio::test]
async fn a_storm_of_one_idempotency_key_is_one_request() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let storm = (0..20).map(|_| async {
        let request = desk.post(&kite()).header("Idempotency-Key", "once");
        body(request.send().await?, StatusCode::ACCEPTED).await
    });

    let answers = try_join_all(storm).await?;

    assert!(
        answers
            .iter()
            .all(|answer| answer["id"] == answers[0]["id"])
    );
    assert_eq!(desk.at_the_door().await?, 1);

    let other = desk
        .post(&json!({ "prompt": "a hare" }))
        .header("Idempotency-Key", "once");
    body(other.send().await?, StatusCode::CONFLICT).await?;
    let bad = desk.post(&kite()).header("Idempotency-Key", "");
    let problem = body(bad.send().await?, StatusCode::UNPROCESSABLE_ENTITY).await?;
    assert_eq!(problem["field"], json!("Idempotency-Key"));
    desk.close().await
}
