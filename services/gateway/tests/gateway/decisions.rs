//! Cancelling and discarding, which the generator decides.

use bus::Refusal;
use domain::{GenerationId, Job};
use reqwest::StatusCode;
use serde_json::json;
use wire::{ask, v1};

use crate::desk::{Desk, accepted, body, job};

const ACME: &str = "dk_acme0123456789abcdef";
const OURS: &str = "dk_ours0123456789abcdef";

#[tokio::test]
async fn a_decision_is_answered_with_its_receipt() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let job = job(GenerationId::generate(), "a fox")?;
    desk.bus.ledger().append(accepted(&job), 0).await?;
    let asked = job.id.to_string();
    let generator = |name: &'static str, question: bytes::Bytes| {
        let command: v1::GenerationCommand =
            ask::read(&question).map_err(|err| Refusal::bad(err.to_string()))?;
        if (command.tenant.as_str(), &command.id) != ("default", &asked) {
            return Err(Refusal::bad("another one was asked for"));
        }
        Ok(ask::write(&v1::Receipt {
            id: command.id,
            status: "failed".to_owned(),
            billed: "no".to_owned(),
            released_usd_micros: 80_000,
            committed_usd_micros: 0,
            message: format!("{name}: not bought"),
        }))
    };

    let user = async {
        for verb in ["cancel", "discard"] {
            let path = format!("/v1/generations/{}/{verb}", job.id);
            let receipt = body(desk.post_to(&path).send().await?, StatusCode::OK).await?;
            assert_eq!(receipt["releasedUsdMicros"], json!(80_000));
            assert_eq!(receipt["message"], json!(format!("{verb}: not bought")));
        }
        Ok(())
    };
    desk.answered("generator", &["cancel", "discard"], generator, user)
        .await?;
    desk.close().await
}

#[tokio::test]
async fn what_makes_no_sense_is_a_conflict_and_nobody_there_is_503() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let job = job(GenerationId::generate(), "a fox")?;
    desk.bus.ledger().append(accepted(&job), 0).await?;
    let path = format!("/v1/generations/{}/discard", job.id);
    let refuse = |_: &'static str, _: bytes::Bytes| {
        Err(Refusal {
            status: 409,
            reason: "it is not unknown".to_owned(),
        })
    };

    let alone = desk.post_to(&path).send().await?;
    body(alone, StatusCode::SERVICE_UNAVAILABLE).await?;
    let user = async { Ok(desk.post_to(&path).send().await?) };
    let refused = desk
        .answered("generator", &["discard"], refuse, user)
        .await?;

    let problem = body(refused, StatusCode::CONFLICT).await?;
    assert_eq!(problem["detail"], json!("it is not unknown"));
    desk.close().await
}

#[tokio::test]
async fn nobody_decides_about_anothers() -> anyhow::Result<()> {
    let keys = format!("{ACME}@acme,{OURS}");
    let desk = Desk::open_with(&[("DARKROOM_API_KEYS", &keys)]).await?;
    let theirs = Job {
        tenant: "acme".parse()?,
        ..job(GenerationId::generate(), "a fox")?
    };
    desk.bus.ledger().append(accepted(&theirs), 0).await?;

    // Only the generator knows what people have published themselves, until it is let in.
    let unknown = |_: &'static str, _: bytes::Bytes| {
        Err(Refusal {
            status: 404,
            reason: "there is no such generation".to_owned(),
        })
    };
    let user = async {
        for verb in ["cancel", "discard", "retry"] {
            let path = format!("/v1/generations/{}/{verb}", theirs.id);
            let answer = desk.post_to(&path).bearer_auth(OURS).send().await?;
            body(answer, StatusCode::NOT_FOUND).await?;
        }
        Ok(())
    };
    desk.answered("generator", &["cancel"], unknown, user)
        .await?;
    desk.close().await
}

#[tokio::test]
async fn what_the_generator_alone_knows_can_be_cancelled() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let id = GenerationId::generate();
    let generator = |_: &'static str, _: bytes::Bytes| {
        Ok(ask::write(&v1::Receipt {
            id: id.to_string(),
            status: "failed".to_owned(),
            ..v1::Receipt::default()
        }))
    };
    let path = format!("/v1/generations/{id}/cancel");
    let user = async { Ok(desk.post_to(&path).send().await?) };

    let receipt = desk
        .answered("generator", &["cancel"], generator, user)
        .await?;

    assert_eq!(
        body(receipt, StatusCode::OK).await?["status"],
        json!("failed")
    );
    desk.close().await
}
