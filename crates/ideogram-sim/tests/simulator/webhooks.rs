//! Webhooks as a receiver sees them.

use std::time::Duration;

use anyhow::Context;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ideogram_sim::{Config, Fault, FaultKind, Webhooks};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::harness::{HOUR, Rig, V45, until};

type Delivery = (HeaderMap, Bytes);

/// Receives webhooks; refuses the first `refusals`.
struct Receiver {
    url: String,
    deliveries: mpsc::Receiver<Delivery>,
    server: tokio::task::JoinHandle<()>,
}

impl Receiver {
    async fn start(refusals: u32) -> anyhow::Result<Self> {
        let (sender, deliveries) = mpsc::channel(16);
        let left = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(refusals));
        let receive = |State((sender, left)): State<(
            mpsc::Sender<Delivery>,
            std::sync::Arc<std::sync::atomic::AtomicU32>,
        )>,
                       headers: HeaderMap,
                       body: Bytes| async move {
            let order = std::sync::atomic::Ordering::SeqCst;
            let refuse = left
                .fetch_update(order, order, |left| left.checked_sub(1))
                .is_ok();
            sender.send((headers, body)).await.ok();
            if refuse {
                StatusCode::BAD_GATEWAY
            } else {
                StatusCode::OK
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let router = Router::new()
            .route("/hook", post(receive))
            .with_state((sender, left));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.ok();
        });
        Ok(Self {
            url,
            deliveries,
            server,
        })
    }

    async fn next(&mut self) -> anyhow::Result<Delivery> {
        let next = tokio::time::timeout(Duration::from_secs(20), self.deliveries.recv());
        next.await
            .context("no webhook came")?
            .context("the receiver stopped")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn config() -> Config {
    let webhooks = Webhooks {
        first_pause: Duration::from_millis(5),
        ..Webhooks::default()
    };
    Config {
        allow_loopback_webhooks: true,
        webhooks,
        ..Config::default()
    }
}

/// Verifies as the provider's page on webhooks says, with nothing but the published keys.
fn verify(jwks: &Value, (headers, body): &Delivery) -> anyhow::Result<()> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .with_context(|| format!("no {name}"))
    };
    let kid = header("x-ideogram-webhook-key-id")?;
    let keys = jwks["keys"].as_array().context("no keys")?;
    let key = keys
        .iter()
        .find(|key| key["kid"] == kid)
        .context("unknown key")?;
    let public = URL_SAFE_NO_PAD.decode(key["x"].as_str().context("no x")?)?;
    let digest = hex::encode(ring::digest::digest(&ring::digest::SHA256, body));
    let message = [
        header("x-ideogram-webhook-generation-id")?,
        header("x-ideogram-webhook-user-id")?,
        header("x-ideogram-webhook-timestamp")?,
        &digest,
    ]
    .join("\n");
    let hex = header("x-ideogram-webhook-signature")?;
    let digits: Vec<u32> = hex
        .chars()
        .map(|c| c.to_digit(16))
        .collect::<Option<_>>()
        .context("not hex")?;
    let signature: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + *digit as u8))
        .collect();
    UnparsedPublicKey::new(&ED25519, public)
        .verify(message.as_bytes(), &signature)
        .ok()
        .context("bad signature")
}

#[tokio::test]
async fn a_webhook_is_signed_and_survives_a_key_rotation() -> anyhow::Result<()> {
    let rig = Rig::start(config()).await?;
    let mut receiver = Receiver::start(0).await?;
    let order = json!({ "prompt": "a kite", "webhook_url": receiver.url });

    let first = rig.post(V45, order.clone()).await?;
    let old = receiver.next().await?;
    let kid = rig.sim.rotate_webhook_key()?;
    rig.post(V45, order).await?;
    let new = receiver.next().await?;

    assert!(first.json.get("data").is_none(), "a webhook implies async");
    let jwks = rig.get("/v1/.well-known/jwks.json").await?.json;
    verify(&jwks, &old)?;
    verify(&jwks, &new)?;
    assert_eq!(new.0["x-ideogram-webhook-key-id"], kid);
    assert_ne!(old.0["x-ideogram-webhook-key-id"], kid);
    let forged = (old.0.clone(), Bytes::from_static(b"{}"));
    assert!(verify(&jwks, &forged).is_err());
    let body: Value = serde_json::from_slice(&old.1)?;
    assert_eq!(body["generation_id"], first.json["generation_id"]);
    let url = body["data"][0]["url"].as_str().context("no url")?;
    assert_eq!(rig.download(url).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn a_refused_webhook_is_tried_again_and_a_dropped_one_never_sent() -> anyhow::Result<()> {
    let rig = Rig::start(config()).await?;
    let mut receiver = Receiver::start(2).await?;
    rig.post(
        V45,
        json!({ "prompt": "a kite", "webhook_url": receiver.url }),
    )
    .await?;

    for _ in 0..3 {
        receiver.next().await?;
    }
    until("it counts as delivered", || {
        rig.sim.state().webhooks_delivered == 1
    })
    .await?;

    let webhooks = Webhooks {
        attempts: 2,
        ..config().webhooks
    };
    let rig = Rig::start(Config {
        webhooks,
        ..config()
    })
    .await?;
    let mut receiver = Receiver::start(9).await?;
    rig.post(
        V45,
        json!({ "prompt": "a kite", "webhook_url": receiver.url }),
    )
    .await?;
    receiver.next().await?;
    receiver.next().await?;
    until("it is given up", || rig.sim.state().webhooks_failed == 1).await
}

#[tokio::test]
async fn failures_are_posted_only_on_request_and_duplicates_can_be_had() -> anyhow::Result<()> {
    let webhooks = Webhooks {
        on_failure: true,
        duplicate_percent: 100,
        ..config().webhooks
    };
    let rig = Rig::start(Config {
        webhooks,
        ..config()
    })
    .await?;
    let mut receiver = Receiver::start(0).await?;

    rig.post(
        V45,
        json!({ "prompt": "a [fail] kite", "webhook_url": receiver.url }),
    )
    .await?;
    let (one, two) = (receiver.next().await?, receiver.next().await?);

    assert_eq!(one.1, two.1);
    assert_eq!(serde_json::from_slice::<Value>(&one.1)?["data"], json!([]));
    Ok(())
}

#[tokio::test]
async fn one_delivery_can_be_dropped_doubled_or_delayed() -> anyhow::Result<()> {
    let rig = Rig::start(config()).await?;
    let mut receiver = Receiver::start(0).await?;
    let order = |fault: Option<FaultKind>| {
        let set = fault.map(|kind| rig.sim.set_fault(Fault::from(kind).times(1)));
        let body = json!({ "prompt": "a kite", "webhook_url": receiver.url });
        let call = rig.post(V45, body);
        async move {
            set.transpose()?;
            call.await?.text_at("/generation_id")
        }
    };

    order(Some(FaultKind::WebhookDropped)).await?;
    let delayed = order(Some(FaultKind::WebhookDelayed { seconds: 3_600 })).await?;
    let doubled = order(Some(FaultKind::WebhookDuplicated)).await?;
    let usual = order(None).await?;
    let mut soon = Vec::new();
    for _ in 0..3 {
        soon.push(generation(&receiver.next().await?)?);
    }
    rig.sim.advance_clock(HOUR);
    let late = generation(&receiver.next().await?)?;

    soon.sort_unstable();
    let mut expected = [doubled.clone(), doubled, usual];
    expected.sort_unstable();
    assert_eq!(soon, expected);
    assert_eq!(late, delayed);
    until("the dropped one is missing", || {
        rig.sim.state().webhooks_delivered == 4
    })
    .await
}

fn generation((headers, _): &Delivery) -> anyhow::Result<String> {
    let id = headers.get("x-ideogram-webhook-generation-id");
    Ok(id.context("no id")?.to_str()?.to_owned())
}
