//! `Prefer: wait`

use std::time::Duration;

use domain::{GenerationId, Job, Tenant};
use reqwest::StatusCode;
use serde_json::json;
use testkit::wait_until;

use crate::desk::{Desk, accepted, body, completed, job, kite, ready};

const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_wait_ends_when_its_time_is_over() -> anyhow::Result<()> {
    let desk = Desk::open().await?;

    let response = desk.post(&kite()).header("Prefer", "wait=1").send().await?;

    assert_eq!(response.headers()["preference-applied"], "wait=1");
    let made = body(response, StatusCode::ACCEPTED).await?;
    assert_eq!(made["status"], json!("accepted"));
    desk.close().await
}

#[tokio::test]
async fn a_wait_ends_when_all_is_ready() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let id = GenerationId::of_key(&Tenant::default(), "kite");
    let request = json!({ "prompt": "a red kite over dunes", "customId": "kite" });
    let asked = tokio::spawn(desk.post(&request).header("Prefer", "wait=50").send());
    wait_until(LIMIT, "the request at the door", async || {
        matches!(desk.bus.ledger().at_the_door(id).await, Ok(Some(_)))
    })
    .await?;

    // The gateway may still compare it with what was asked for.
    let job = Job {
        custom_id: Some("kite".to_owned()),
        ..job(id, "a red kite over dunes")?
    };
    let ledger = desk.bus.ledger();
    let last = ledger.append(accepted(&job), 0).await?;
    let last = ledger.append(completed(&job), last).await?;
    ledger.append(ready(&job), last).await?;

    let done = body(asked.await??, StatusCode::OK).await?;
    assert_eq!(done["status"], json!("ready"));
    assert_eq!(done["simulated"], json!(true));
    assert_eq!(
        done["cost"],
        json!({ "reservedUsdMicros": 80_000, "settledUsdMicros": 80_000, "savedUsdMicros": 0 })
    );
    let url = format!("{}/assets/generated/{id}/0-0123456789ab.png", desk.url);
    assert_eq!(done["images"][0]["url"], json!(url));
    assert!(
        done["completedAt"].is_string() && done["readyAt"].is_string(),
        "{done}"
    );

    let path = format!("/v1/generations/{id}");
    let read = desk.get(&path).header("Prefer", "wait=50").send().await?;
    assert_eq!(body(read, StatusCode::OK).await?["status"], json!("ready"));
    desk.close().await
}

#[tokio::test]
async fn a_wait_ends_with_the_process() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let id = GenerationId::of_key(&Tenant::default(), "kite");
    let request = json!({ "prompt": "a red kite over dunes", "customId": "kite" });
    let asked = tokio::spawn(desk.post(&request).header("Prefer", "wait=50").send());
    wait_until(LIMIT, "the request at the door", async || {
        matches!(desk.bus.ledger().at_the_door(id).await, Ok(Some(_)))
    })
    .await?;

    desk.begin_to_close();

    let response = tokio::time::timeout(LIMIT, asked).await???;
    assert_eq!(
        body(response, StatusCode::ACCEPTED).await?["id"],
        json!(id.to_string())
    );
    desk.close().await
}
