//! Signed webhooks: one POST for each generation, after its last image.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde_json::json;
use url::Url;

use crate::clock::later;
use crate::fault::FaultKind;
use crate::job::{Job, JobStatus};
use crate::shape::bare_items;
use crate::world::World;

/// The client that posts webhooks: no proxy, no redirect, no private address unless allowed.
pub(crate) fn client(allow_loopback: bool, timeout: Duration) -> anyhow::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("Ideogram-Webhook (darkroom simulator)")
        .timeout(timeout);
    let builder = if allow_loopback {
        builder
    } else {
        builder.dns_resolver(PublicOnly)
    };
    builder.build().context("cannot build the webhook client")
}

/// Starts the delivery of a job's webhook, if it asked for one.
pub(crate) fn send_when_done(world: &Arc<World>, job: &Arc<Job>) {
    let Some(url) = job.order.webhook_url.clone() else {
        return;
    };
    let settings = world.config.webhooks;
    let fault = world
        .faults
        .take(&job.order.route, |fault| fault.kind.is_of_webhook());
    let lot = |salt: &[u8]| crate::keys::digest(&[salt, job.id.to_string().as_bytes()])[0] % 100;
    if fault == Some(FaultKind::WebhookDropped) || lot(b"drop") < settings.drop_percent {
        return;
    }
    let twice = fault == Some(FaultKind::WebhookDuplicated)
        || lot(b"duplicate") < settings.duplicate_percent;
    let delay = match fault {
        Some(FaultKind::WebhookDelayed { seconds }) => {
            settings.delay + Duration::from_secs(seconds.into())
        }
        _ => settings.delay,
    };
    for _ in 0..=u8::from(twice) {
        let (owner, job, url) = (Arc::clone(world), Arc::clone(job), url.clone());
        world.spawn(async move { deliver(&owner, &job, url, delay).await });
    }
}

/// Goes on with a job that was not done when the simulator last stopped.
pub(crate) fn send_if_pending(world: &Arc<World>, job: &Arc<Job>) {
    if job.status(world.clock.now()) == JobStatus::Pending {
        send_when_done(world, job);
    }
}

async fn deliver(world: &World, job: &Job, url: Url, delay: Duration) {
    let settings = world.config.webhooks;
    world.clock.sleep_until(later(job.ends, delay)).await;
    if job.status(world.clock.now()) == JobStatus::Failed && !settings.on_failure {
        return;
    }
    let body = body(world, job);
    let mut pause = settings.first_pause;
    for attempt in 1..=settings.attempts.max(1) {
        match post(world, job, url.clone(), &body).await {
            Ok(()) => {
                world.desk().totals.webhooks_delivered += 1;
                return;
            }
            Err(err) => tracing::debug!(error = &*err, attempt, "webhook attempt failed"),
        }
        if attempt < settings.attempts {
            world
                .clock
                .sleep_until(later(world.clock.now(), pause))
                .await;
            pause = pause.saturating_mul(2);
        }
    }
    world.desk().totals.webhooks_failed += 1;
}

fn body(world: &World, job: &Job) -> String {
    let data = match job.status(world.clock.now()) {
        JobStatus::Completed => bare_items(world, job),
        JobStatus::Pending | JobStatus::Failed => Vec::new(),
    };
    json!({ "generation_id": job.id.to_string(), "created": job.created.to_string(), "data": data })
        .to_string()
}

/// One attempt, signed with the time of the attempt.
async fn post(
    world: &World,
    job: &Job,
    url: Url,
    body: &str,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (id, user) = (job.id.to_string(), world.keys.user_id());
    let timestamp = world.clock.now().as_second().to_string();
    let digest = hex::encode(ring::digest::digest(&ring::digest::SHA256, body.as_bytes()));
    let (kid, signature) = world
        .keys
        .sign(format!("{id}\n{user}\n{timestamp}\n{digest}").as_bytes());
    let response = world
        .http
        .post(url)
        .header("content-type", "application/json")
        .header("x-ideogram-webhook-generation-id", id)
        .header("x-ideogram-webhook-user-id", user)
        .header("x-ideogram-webhook-timestamp", timestamp)
        .header("x-ideogram-webhook-key-id", kid)
        .header("x-ideogram-webhook-signature", signature)
        .header("x-darkroom-simulator", "1")
        .body(body.to_owned())
        .send()
        .await?;
    if response.status().is_success() {
        Ok(())
    } else {
        Err(format!("answered {}", response.status()).into())
    }
}

/// Resolves names to public addresses only, at the moment of the connection.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| !is_private(address.ip()))
                .collect();
            if found.is_empty() {
                return Err("the host has no public address".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is not reachable for strangers.
pub(crate) fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_broadcast()
                || a == 0
                || (a == 100 && (64..128).contains(&b))
                || (a, b, c) == (192, 0, 0)
                || (a == 198 && matches!(b, 18 | 19))
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
        }
    }
}
