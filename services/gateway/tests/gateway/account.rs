//! The provider account, which the generator answers for.

use std::sync::{Mutex, PoisonError};

use bus::Refusal;
use reqwest::StatusCode;
use serde_json::json;
use wire::{ask, v1};

use crate::desk::{Desk, body};

fn status(hold: Option<&str>) -> v1::AccountStatus {
    v1::AccountStatus {
        account: "0011aabb".to_owned(),
        hold: hold.map(str::to_owned),
        limit: 10,
        ..Default::default()
    }
}

#[tokio::test]
async fn the_account_is_looked_at_paused_and_resumed() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let reasons = Mutex::new(Vec::new());
    let generator = |name: &'static str, question: bytes::Bytes| {
        let asked: v1::AccountCommand =
            ask::read(&question).map_err(|err| Refusal::bad(err.to_string()))?;
        let mut reasons = reasons.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.push((name, asked.reason));
        Ok(ask::write(&status((name == "pause").then_some("paused"))))
    };

    let user = async {
        let looked = body(desk.get("/v1/account").send().await?, StatusCode::OK).await?;
        assert_eq!(
            (&looked["account"], &looked["hold"], &looked["limit"]),
            (&json!("0011aabb"), &json!(null), &json!(10))
        );
        let pause = desk.post_to("/v1/account/pause");
        let pause = pause.json(&json!({ "reason": "new prices" }));
        let paused = body(pause.send().await?, StatusCode::OK).await?;
        assert_eq!(paused["hold"], json!("paused"));
        let resume = desk.post_to("/v1/account/resume").send().await?;
        body(resume, StatusCode::OK).await
    };
    let endpoints = ["status", "pause", "resume"];
    let resumed = desk
        .answered("generator", &endpoints, generator, user)
        .await?;

    assert_eq!(resumed["hold"], json!(null));
    let expected = [("status", ""), ("pause", "new prices"), ("resume", "")];
    let expected = expected.map(|(name, reason)| (name, reason.to_owned()));
    assert_eq!(
        *reasons.lock().unwrap_or_else(PoisonError::into_inner),
        expected
    );
    desk.close().await
}

#[tokio::test]
async fn a_pause_needs_a_reason_and_somebody_who_pauses() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let pause = |reason: serde_json::Value| desk.post_to("/v1/account/pause").json(&reason).send();

    for (said, status, field) in [
        (json!({}), 422, json!("reason")),
        (json!({ "reason": " " }), 422, json!("reason")),
        (json!({ "reason": "x".repeat(513) }), 422, json!("reason")),
        (json!({ "reason": 7 }), 422, json!(null)),
        (json!({ "why": "new prices" }), 422, json!(null)),
        (json!({ "reason": "new prices" }), 503, json!(null)),
    ] {
        let answer = pause(said.clone()).await?;
        let problem = body(answer, StatusCode::from_u16(status)?).await?;
        assert_eq!(problem["field"], field, "{said}");
    }
    desk.close().await
}
