//! The provider's own webhooks: believed by their signature, and answered when they are safe.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::GenerationId;
use jiff::Timestamp;
use reqwest::{RequestBuilder, StatusCode};
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use testkit::Receiver;

use crate::desk::{Desk, body};

const LIMIT: Duration = Duration::from_secs(10);
const NAME: &str = "x-ideogram-webhook-generation-id";

/// The provider, as far as its keys and its signature go.
struct Provider {
    server: Receiver,
    pair: Ed25519KeyPair,
}

impl Provider {
    async fn start(seed: u8) -> anyhow::Result<Self> {
        Ok(Self {
            server: Receiver::start().await?,
            pair: pair(seed)?,
        })
    }

    /// Answers the next question for keys.
    fn lists(&self, pairs: &[&Ed25519KeyPair]) {
        let keys: Vec<Value> = pairs
            .iter()
            .map(|pair| {
                let x = URL_SAFE_NO_PAD.encode(pair.public_key());
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": "1", "x": x })
            })
            .collect();
        self.server.script([axum::Json(json!({ "keys": keys }))]);
    }

    /// How often it was asked for its keys since the last time.
    async fn asked(&self) -> usize {
        let mut count = 0;
        while self.server.try_next().await.is_some() {
            count += 1;
        }
        count
    }
}

fn pair(seed: u8) -> anyhow::Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).map_err(|err| anyhow!("no key: {err}"))
}

async fn open(provider: &Provider) -> anyhow::Result<Desk> {
    let url = provider.server.url().as_str();
    Desk::open_with(&[("IDEOGRAM_BASE_URL", url)]).await
}

/// A webhook about what the provider calls `name`, signed by `pair` at `at`.
fn webhook(
    desk: &Desk,
    pair: &Ed25519KeyPair,
    attempt: &str,
    at: Timestamp,
    said: &str,
) -> RequestBuilder {
    let (at, hash) = (
        at.as_second(),
        hex::encode(digest(&SHA256, said.as_bytes())),
    );
    let signature = pair.sign(format!("one\nus\n{at}\n{hash}").as_bytes());
    desk.post_to(&format!("/webhooks/ideogram/{attempt}"))
        .header(NAME, "one")
        .header("x-ideogram-webhook-user-id", "us")
        .header("x-ideogram-webhook-timestamp", at.to_string())
        .header("x-ideogram-webhook-key-id", "1")
        .header("x-ideogram-webhook-signature", hex::encode(signature))
        .body(said.to_owned())
}

fn said() -> String {
    json!({ "generation_id": "one", "data": [] }).to_string()
}

#[tokio::test]
async fn a_signed_webhook_wakes_its_attempt() -> anyhow::Result<()> {
    let provider = Provider::start(1).await?;
    let desk = open(&provider).await?;
    let id = GenerationId::generate();
    provider.lists(&[&provider.pair]);

    let attempt = format!("{id}-0123abcd");
    let now = Timestamp::now();
    for _ in 0..2 {
        let answer = webhook(&desk, &provider.pair, &attempt, now, &said()).send();
        let answer = body(answer.await?, StatusCode::OK).await?;
        assert_eq!(answer, json!({ "received": true }));
    }

    let due = desk.due(id).await?.context("nothing is due")?;
    assert_eq!(
        (&due["id"], &due["token"], &due["providerId"]),
        (&json!(id.to_string()), &json!("0123abcd"), &json!("one"))
    );
    let asked = provider.server.next(LIMIT).await?;
    assert!(asked.uri.path().ends_with("/v1/.well-known/jwks.json"));
    assert_eq!(asked.header("api-key"), None);
    assert_eq!(provider.asked().await, 0);
    desk.close().await
}

#[tokio::test]
async fn what_the_provider_did_not_sign_is_refused_and_asks_for_keys_once() -> anyhow::Result<()> {
    let provider = Provider::start(1).await?;
    let desk = open(&provider).await?;
    let id = GenerationId::generate();
    let attempt = format!("{id}-0123abcd");
    let now = Timestamp::now();
    let late = now - Duration::from_mins(6);
    let (ours, other) = (&provider.pair, pair(2)?);
    provider.lists(&[ours]);

    for (request, status) in [
        (webhook(&desk, &other, &attempt, now, &said()), 401),
        (webhook(&desk, &other, &attempt, now, &said()), 401),
        (webhook(&desk, ours, &attempt, late, &said()), 401),
        (webhook(&desk, ours, &attempt, now, "{}"), 400),
        (webhook(&desk, ours, "gen_1-0123", now, &said()), 404),
        (desk.post_to(&format!("/webhooks/ideogram/{attempt}")), 401),
    ] {
        body(request.send().await?, StatusCode::from_u16(status)?).await?;
    }

    assert_eq!(desk.due(id).await?, None);
    assert_eq!(provider.asked().await, 1);
    desk.close().await
}

#[tokio::test]
async fn without_the_keys_it_is_to_be_sent_again() -> anyhow::Result<()> {
    let provider = Provider::start(1).await?;
    let desk = open(&provider).await?;
    let attempt = format!("{}-0123abcd", GenerationId::generate());
    provider.server.script([StatusCode::INTERNAL_SERVER_ERROR]);

    for _ in 0..2 {
        let request = webhook(&desk, &provider.pair, &attempt, Timestamp::now(), &said());
        body(request.send().await?, StatusCode::SERVICE_UNAVAILABLE).await?;
    }

    assert_eq!(provider.asked().await, 1);
    desk.close().await
}

#[tokio::test]
async fn without_the_broker_it_is_to_be_sent_again() -> anyhow::Result<()> {
    let provider = Provider::start(1).await?;
    let mut desk = open(&provider).await?;
    let attempt = format!("{}-0123abcd", GenerationId::generate());
    provider.lists(&[&provider.pair]);
    desk.lose_the_broker().await?;

    let request = webhook(&desk, &provider.pair, &attempt, Timestamp::now(), &said());
    let problem = body(request.send().await?, StatusCode::SERVICE_UNAVAILABLE).await?;

    assert_eq!(problem["retryable"], json!(true));
    Ok(())
}

#[tokio::test]
async fn callbacks_of_our_own_jobs_are_taken_and_change_nothing() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let post = |said: Value| {
        let post = desk.post_to("/webhooks/ideogram-callback");
        post.json(&said).send()
    };
    let event = "ideogram.generation.completed";

    let ours =
        json!({ "event": event, "jobId": GenerationId::generate().to_string(), "images": [] });
    let taken = body(post(ours).await?, StatusCode::OK).await?;
    assert_eq!(taken, json!({ "received": true }));

    for (said, status) in [
        (json!({ "event": event, "jobId": "job-7" }), 422),
        (json!({ "event": event }), 400),
        (json!([]), 400),
        (json!(7), 422),
    ] {
        body(post(said).await?, StatusCode::from_u16(status)?).await?;
    }
    desk.close().await
}
