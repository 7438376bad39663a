//! A receipt says what is true: what was released, and what is paid already.

use anyhow::Context;
use bus::NewRequest;
use domain::{Billed, Code, Event, GenerationId, Lane, Tenant};
use ideogram_sim::FaultKind;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use wire::{ask, v1};

use crate::operator::of;
use crate::simulator::on_submit;
use crate::world::{PATIENCE, Setup, World, named};

const COST: i64 = 80_000;

async fn refusal(world: &World, subject: &str, tenant: &Tenant, id: GenerationId) -> String {
    let asked = world.command::<v1::Receipt>(subject, &of(tenant, id)).await;
    asked.err().map(|err| err.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn each_receipt_fits_where_the_generation_stands() -> anyhow::Result<()> {
    let setup = Setup::slow().env("DARKROOM_PROVIDER_LIMIT", "1");
    let world = World::start(setup).await?;
    let running = world.ask("running", json!({})).await?;
    world.until(running, "submitted").await?;
    let waiting = world.ask("waiting", json!({})).await?;
    world.until(waiting, "accepted").await?;

    let receipt = world.cancel(waiting).await?;
    assert_eq!(
        (receipt.status.as_str(), receipt.billed.as_str()),
        ("failed", "no")
    );
    let money = |receipt: &v1::Receipt| (receipt.released_usd_micros, receipt.committed_usd_micros);
    assert_eq!(money(&receipt), (COST, 0));
    let failed = world.failed(waiting).await?;
    assert_eq!(failed.failure.code, Code::Cancelled);
    assert_eq!(
        (failed.failure.billed, failed.cost.micros()),
        (Billed::No, 0)
    );

    let receipt = world.cancel(running).await?;
    assert_eq!(
        (receipt.status.as_str(), money(&receipt)),
        ("running", (0, COST))
    );
    world.finish_drawing(running).await?;
    let receipt = world.cancel(running).await?;
    assert_eq!(
        (receipt.billed.as_str(), money(&receipt)),
        ("yes", (0, COST))
    );
    let again = world.cancel(waiting).await?;
    assert_eq!((again.status.as_str(), money(&again)), ("failed", (0, 0)));

    let stranger: Tenant = "stranger".parse()?;
    for subject in [ask::CANCEL, ask::DISCARD] {
        for (tenant, id) in [
            (&stranger, running),
            (&Tenant::default(), GenerationId::generate()),
        ] {
            let reason = refusal(&world, subject, tenant, id).await;
            assert!(reason.contains("no such generation"), "{subject}: {reason}");
        }
    }
    assert_eq!(world.sim.bill().len(), 1);
    world.stop().await
}

/// Also of what the dispatcher has not heard of yet.
#[tokio::test]
async fn what_waits_can_be_cancelled_from_the_first_moment_on() -> anyhow::Result<()> {
    let setup = Setup::slow().env("DARKROOM_PROVIDER_LIMIT", "1");
    let world = World::start(setup).await?;
    let running = world.ask("running", json!({})).await?;
    world.until(running, "submitted").await?;
    for n in 0..60 {
        let id = world.ask(&format!("kite {n}"), json!({})).await?;
        world.until(id, "accepted").await?;
        let receipt = world.cancel(id).await?;
        assert_eq!(receipt.status, "failed", "{n}: {receipt:?}");
        assert_eq!(world.failed(id).await?.failure.code, Code::Cancelled);
    }
    let next = world.ask("next", json!({})).await?;
    world.finish_drawing(running).await?;
    world.finish_drawing(next).await?;
    assert_eq!(
        (world.sim.bill().len(), world.tally().await?["calling"]),
        (2, 2)
    );
    world.stop().await
}

/// While calls begin and end: a receipt that says released is never followed by a call.
#[tokio::test]
async fn a_receipt_is_true_whatever_happens_at_the_same_time() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let requests = (0..150).map(|n| (format!("kite {n}"), json!({})));
    let ids = world.ask_all(requests).await?;
    let mut released = 0;
    for id in ids.iter().rev() {
        world.until(*id, "accepted").await?;
        let receipt = match world.cancel(*id).await {
            Ok(receipt) => receipt,
            // It was called while we asked.
            Err(err) if err.to_string().contains("ask again") => continue,
            Err(err) => return Err(err),
        };
        if receipt.released_usd_micros > 0 {
            released += 1;
            assert_eq!(world.failed(*id).await?.failure.code, Code::Cancelled);
        } else {
            assert!(
                matches!(world.end(*id).await?, Event::Rendered(_)),
                "{receipt:?}"
            );
        }
    }
    assert_eq!(world.sim.bill().len(), 150 - released);
    world.stop().await
}

#[tokio::test]
async fn what_is_unknown_can_only_be_discarded() -> anyhow::Result<()> {
    let world = World::start(Setup::slow()).await?;
    world
        .sim
        .fault(on_submit(FaultKind::ResetAfterAccept).times(1))?;
    let id = world.ask("kite", json!({})).await?;
    world.until(id, "unknown").await?;
    let receipt = world.cancel(id).await?;
    assert_eq!(
        (receipt.status.as_str(), receipt.billed.as_str()),
        ("unknown", "unknown")
    );
    assert_eq!(world.track(id).await?, "accepted calling unknown");

    let running = world.ask("running", json!({})).await?;
    world.until(running, "submitted").await?;
    let reason = refusal(&world, ask::DISCARD, &Tenant::default(), running).await;
    assert!(reason.contains("unknown"), "{reason}");

    let receipt = world.discard(id).await?;
    assert_eq!(
        (receipt.status.as_str(), receipt.billed.as_str()),
        ("failed", "unknown")
    );
    let failed = world.failed(id).await?;
    assert_eq!(failed.failure.code, Code::Discarded);
    assert_eq!(failed.failure.billed, Billed::Unknown);
    world.stop().await
}

/// A host that takes its time.
struct SlowHost(TcpListener);

impl SlowHost {
    async fn start() -> anyhow::Result<Self> {
        Ok(Self(TcpListener::bind("127.0.0.1:0").await?))
    }

    fn picture(&self) -> anyhow::Result<String> {
        Ok(format!("http://{}/kite.png", self.0.local_addr()?))
    }

    /// Somebody has come for the picture, and waits.
    async fn guest(&self) -> anyhow::Result<TcpStream> {
        Ok(tokio::time::timeout(PATIENCE, self.0.accept()).await??.0)
    }
}

/// Gives the picture at last.
async fn serve(mut guest: TcpStream) -> anyhow::Result<()> {
    let picture = testkit::png(64, 64)?;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        picture.len()
    );
    guest.write_all(head.as_bytes()).await?;
    guest.write_all(&picture).await?;
    Ok(guest.shutdown().await?)
}

/// While its picture is fetched: what came over the gateway has its name in the subject, and what
/// people publish themselves has it in the body.
#[tokio::test]
async fn what_still_stands_at_the_door_can_be_cancelled_and_is_never_let_in() -> anyhow::Result<()>
{
    let setup = Setup::default().env("DARKROOM_SOURCE_ALLOW", "127.0.0.0/8");
    let world = World::start(setup).await?;
    let host = SlowHost::start().await?;
    let request = json!({
        "prompt": "a kite", "operation": "remix", "sourceImages": [host.picture()?],
        "callbackUrl": "https://a.test/hook",
    });
    let gateways = GenerationId::generate();
    world
        .bus
        .request(NewRequest {
            id: gateways,
            tenant: Tenant::default(),
            api_key: None,
            lane: Lane::Standard,
            content_type: "application/json",
            body: request.to_string().into(),
        })
        .await?;
    let first = host.guest().await?;
    let own = world.ask("poster", request).await?;
    assert_eq!(own, named("poster"));
    let second = host.guest().await?;

    let stranger: Tenant = "stranger".parse()?;
    for id in [gateways, own] {
        let reason = refusal(&world, ask::CANCEL, &stranger, id).await;
        assert!(reason.contains("no such generation"), "{reason}");
        assert_eq!(world.track(id).await?, "");
        let receipt = world.cancel(id).await?;
        assert_eq!(
            (receipt.status.as_str(), receipt.billed.as_str()),
            ("failed", "no")
        );
        let failed = world.failed(id).await?;
        assert_eq!(failed.failure.code, Code::Cancelled);
        let key = format!("callback.{id}");
        let callback = world.bus.setting("endpoints", &key).await?;
        assert!(callback.context("nobody would hear of it")?.len() > 1);
        assert_eq!(world.cancel(id).await?.status, "failed", "the second time");
    }

    serve(first).await?;
    serve(second).await?;
    testkit::wait_until(PATIENCE, "an empty door", async || {
        matches!(world.messages("INTAKE").await, Ok(0))
    })
    .await?;
    for id in [gateways, own] {
        assert_eq!(world.track(id).await?, "failed");
    }
    let tally = world.tally().await?;
    assert_eq!(tally.values().sum::<usize>(), 2, "{tally:?}");
    assert!(world.sim.bill().is_empty());

    let nobodys = GenerationId::generate();
    let reason = refusal(&world, ask::CANCEL, &Tenant::default(), nobodys).await;
    assert!(reason.contains("no such generation"), "{reason}");
    assert_eq!(world.track(nobodys).await?, "");
    world.stop().await
}
