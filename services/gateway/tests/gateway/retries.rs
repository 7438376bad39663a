//! Trying again, once, and knowing what it costs.

use domain::{Billed, Code, GenerationId, Job, Request, Unknown, Usd};
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::LOCATION;
use serde_json::{Value, json};

use crate::desk::{Desk, accepted, body, failed, job};

#[tokio::test]
async fn what_failed_is_asked_for_again_and_once() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let plain = job(GenerationId::generate(), "a fox")?;
    let job = Job {
        custom_id: Some("mine".to_owned()),
        callback: true,
        request: Request {
            seed: Some(7),
            campaign: Some("summer".to_owned()),
            ..plain.request.clone()
        },
        ..plain
    };
    let first = domain::Accepted {
        callback_url: Some("https://receiver.example/done".parse()?),
        ..accepted(&job)
    };
    let ledger = desk.bus.ledger();
    let last = ledger.append(first, 0).await?;
    ledger
        .append(failed(&job, Code::ProviderFailed, Billed::No), last)
        .await?;

    let path = format!("/v1/generations/{}/retry", job.id);
    let response = desk.post_to(&path).send().await?;
    let location = response.headers()[LOCATION].to_str()?.to_owned();
    let again = body(response, StatusCode::ACCEPTED).await?;

    let id = again["id"].as_str().unwrap_or_default();
    assert_eq!(location, format!("/v1/generations/{id}"));
    assert_ne!(id, job.id.to_string());
    for (field, value) in [
        ("retryOf", json!(job.id.to_string())),
        ("prompt", json!("a fox")),
        ("seed", json!(7)),
        ("campaign", json!("summer")),
        ("customId", Value::Null),
    ] {
        assert_eq!(again[field], value, "{field}");
    }
    let waiting = ledger.at_the_door(id.parse()?).await?;
    let sent = waiting.map(|request| {
        wire::parse_request(request.content_type.as_deref(), &request.body)
            .map(|draft| draft.callback_url)
    });
    assert_eq!(
        sent.transpose()?.flatten().as_deref(),
        Some("https://receiver.example/done")
    );

    let twice = desk.post_to(&path).send().await?;
    assert_eq!(twice.headers()["idempotency-replayed"], "true");
    assert_eq!(body(twice, StatusCode::ACCEPTED).await?["id"], again["id"]);
    assert_eq!(desk.at_the_door().await?, 1);
    desk.close().await
}

#[tokio::test]
async fn what_may_be_paid_twice_is_agreed_to_first() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let ledger = desk.bus.ledger();
    let unknown = job(GenerationId::generate(), "a fox")?;
    let last = ledger.append(accepted(&unknown), 0).await?;
    let event = Unknown {
        id: unknown.id,
        attempt: 1,
        reason: "the answer was lost".to_owned(),
        reserved: Usd::from_micros(80_000),
        at: Timestamp::now(),
    };
    ledger.append(event, last).await?;
    let discarded = job(GenerationId::generate(), "a hare")?;
    let last = ledger.append(accepted(&discarded), 0).await?;
    ledger
        .append(failed(&discarded, Code::Discarded, Billed::Unknown), last)
        .await?;

    for job in [unknown, discarded] {
        let path = format!("/v1/generations/{}/retry", job.id);
        for consent in [json!({}), json!({ "acceptDoubleBilling": false })] {
            let answer = desk.post_to(&path).json(&consent).send().await?;
            let problem = body(answer, StatusCode::CONFLICT).await?;
            let detail = problem["detail"].as_str().unwrap_or_default();
            assert!(
                detail.contains("$0.08") && detail.contains("acceptDoubleBilling"),
                "{detail}"
            );
            assert_eq!(problem["billed"], json!("unknown"));
        }
        let agreed = desk
            .post_to(&path)
            .json(&json!({ "acceptDoubleBilling": true }));
        body(agreed.send().await?, StatusCode::ACCEPTED).await?;
    }
    assert_eq!(desk.at_the_door().await?, 2);
    desk.close().await
}

#[tokio::test]
async fn what_is_under_way_is_not_asked_for_again() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let job = job(GenerationId::generate(), "a fox")?;
    desk.bus.ledger().append(accepted(&job), 0).await?;

    let path = format!("/v1/generations/{}/retry", job.id);
    let problem = body(desk.post_to(&path).send().await?, StatusCode::CONFLICT).await?;

    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("accepted"), "{detail}");
    assert_eq!(desk.at_the_door().await?, 0);
    desk.close().await
}
