//! Between drawing and storing: other links for those that died, and no buying while nobody stores.

use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use bus::Error;
use domain::{Event, Hold};
use futures::{StreamExt, stream};
use ideogram_sim::{Config, FaultKind};
use serde_json::json;
use wire::{ask, v1};

use crate::simulator::{on_poll, quick, status};
use crate::world::{PATIENCE, Setup, World};

impl World {
    async fn links(&self, id: &str, provider_id: &str) -> Result<v1::Links, Error> {
        let question = v1::LinksQuery {
            id: id.to_owned(),
            provider_id: provider_id.to_owned(),
        };
        let answer = self.bus.ask(ask::LINKS, ask::write(&question)).await?;
        ask::read(&answer).map_err(|err| Error::Read {
            what: "the answer".to_owned(),
            source: err.into(),
        })
    }

    /// The status by which it is refused.
    async fn refusal(&self, id: &str, provider_id: &str) -> anyhow::Result<(u16, String)> {
        match self.links(id, provider_id).await {
            Err(Error::Refused { status, reason, .. }) => Ok((status, reason)),
            other => anyhow::bail!("not refused: {other:?}"),
        }
    }
}

#[tokio::test]
async fn links_are_given_anew_at_no_cost_and_take_no_place() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let id = world.ask("kites", json!({ "numImages": 2 })).await?;
    let rendered = world.rendered(id).await?;
    let name = rendered.provider_id.clone().unwrap_or_default();
    let before = (world.sim.bill(), world.tally().await?);

    let links = world.links(&id.to_string(), &name).await?;
    let given: Vec<_> = links
        .images
        .iter()
        .map(|image| image.link.clone())
        .collect();
    let first: Vec<_> = rendered
        .images
        .iter()
        .map(|image| image.link.as_ref().map(ToString::to_string))
        .collect();
    assert_eq!(given, first, "the simulator signs the same link twice");
    assert_eq!(links.expires_at, rendered.expires_at.to_string());

    assert_eq!((world.sim.bill(), world.tally().await?), before);
    let status = world.status().await?;
    assert_eq!((status.in_progress, status.unknown), (0, 0));
    world.stop().await
}

#[tokio::test]
async fn a_name_that_is_none_or_unknown_is_refused_in_words() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let id = world.ask("kite", json!({})).await?;
    let rendered = world.rendered(id).await?;
    let name = rendered.provider_id.unwrap_or_default();

    let (status_code, reason) = world.refusal("kite", &name).await?;
    assert_eq!(status_code, 400);
    assert!(reason.starts_with("id: "), "{reason}");
    let (status_code, reason) = world.refusal(&id.to_string(), "").await?;
    assert_eq!(status_code, 400);
    assert!(reason.starts_with("providerId: "), "{reason}");
    let (status_code, _) = world.refusal(&id.to_string(), "../account").await?;
    assert_eq!(status_code, 404);

    // One such answer is not believed, several are.
    world.sim.fault(on_poll(status(404)).times(2))?;
    assert_eq!(world.links(&id.to_string(), &name).await?.images.len(), 1);
    world.sim.fault(on_poll(status(404)))?;
    let (status_code, reason) = world.refusal(&id.to_string(), &name).await?;
    assert_eq!(status_code, 404);
    assert!(reason.contains("does not know it"), "{reason}");
    world.stop().await
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_asked_again_later_and_few_wait_for_it()
-> anyhow::Result<()> {
    let tune = |config: &mut generator::Config| {
        config.provider.poll_timeout = Duration::from_secs(20);
    };
    let world = World::start(Setup::default().tune(tune)).await?;
    let id = world.ask("kite", json!({})).await?;
    let name = world.rendered(id).await?.provider_id.unwrap_or_default();
    world.sim.fault(on_poll(FaultKind::HangBeforeAccept))?;

    let id = id.to_string();
    let asked = (0..20).map(|_| world.refusal(&id, &name));
    let answers: Vec<_> = stream::iter(asked).buffer_unordered(20).collect().await;
    let mut reasons = Vec::new();
    for answer in answers {
        let (status_code, reason) = answer?;
        assert_eq!(status_code, 503, "{reason}");
        reasons.push(reason);
    }
    let slow = reasons.iter().filter(|reason| reason.contains("in time"));
    let busy = reasons.iter().filter(|reason| reason.contains("too many"));
    assert_eq!((slow.count(), busy.count()), (8, 12));
    world.sim.heal();
    assert_eq!(world.links(&id, &name).await?.images.len(), 1);
    world.stop().await
}

/// Links live nine seconds here, so that three of them are all the time there is.
#[tokio::test]
async fn what_nobody_fetches_stops_buying_until_somebody_does() -> anyhow::Result<()> {
    let world = World::start(Setup::default().sim(Config {
        link_lifetime: Duration::from_secs(9),
        ..quick()
    }))
    .await?;
    let first = world.ask("first", json!({})).await?;
    world.rendered(first).await?;
    let told = world.until_told("provider.parked.*", 1).await?;
    assert!(matches!(&told[0], Event::ProviderParked(event) if event.hold == Hold::Store));
    let second = world.ask("second", json!({})).await?;
    testkit::wait_until(PATIENCE, "it to wait", async || {
        let status = world.status().await;
        status.is_ok_and(|status| status.lanes.iter().any(|lane| lane.waiting == 1))
    })
    .await?;
    assert_eq!(world.sim.bill().len(), 1);

    // An uploader, as far as the bus can tell.
    let events = world.jetstream.get_stream("EVENTS").await?;
    let upload = events.get_consumer::<pull::Config>("upload").await;
    let upload = upload.map_err(|err| anyhow::anyhow!("{err}"))?;
    let mut messages = upload.fetch().max_messages(1).messages().await?;
    let message = messages.next().await;
    let message = message.ok_or_else(|| anyhow::anyhow!("nothing to fetch"))?;
    let message = message.map_err(|err| anyhow::anyhow!("{err}"))?;
    message
        .ack()
        .await
        .map_err(|err| anyhow::anyhow!("{err}"))?;
    world.rendered(second).await?;
    assert_eq!(world.sim.bill().len(), 2);
    world.stop().await
}

#[tokio::test]
async fn a_successor_sees_at_once_that_nobody_fetches() -> anyhow::Result<()> {
    let mut world = World::start(Setup::default().sim(Config {
        link_lifetime: Duration::from_secs(9),
        ..quick()
    }))
    .await?;
    let first = world.ask("first", json!({})).await?;
    world.rendered(first).await?;
    world.until_told("provider.parked.*", 1).await?;
    world.oldest()?.kill();
    let second = world.ask("second", json!({})).await?;
    world.join()?;
    testkit::wait_until(PATIENCE, "it to wait", async || {
        let status = world.status().await;
        status.is_ok_and(|status| {
            let held = status.hold == Some(Hold::Store.to_string());
            held && status.lanes.iter().any(|lane| lane.waiting == 1)
        })
    })
    .await?;
    assert_eq!(world.track(second).await?, "accepted");
    assert_eq!(world.sim.bill().len(), 1);
    world.stop().await
}
