//! Calls of which nobody knows whether they were billed, and how they are found out about.

use std::time::Duration;

use domain::{Announced, Billed, Calling, Code, Event, GenerationId, Submitted};
use ideogram_sim::FaultKind;
use jiff::Timestamp;
use serde_json::json;

use crate::simulator::{on_poll, on_submit, status};
use crate::world::{PATIENCE, Setup, World};

pub(crate) const QUARANTINE: Duration = Duration::from_secs(2);

pub(crate) fn impatient() -> Setup {
    let tune = |config: &mut generator::Config| config.pauses.quarantine = QUARANTINE;
    Setup::default().tune(tune)
}

pub(crate) async fn calling(world: &World, id: GenerationId) -> anyhow::Result<Calling> {
    match world.until(id, "calling").await? {
        Event::Calling(calling) => Ok(calling),
        other => anyhow::bail!("{other:?}"),
    }
}

/// As the gateway does when the provider's webhook has come.
pub(crate) async fn announce(
    world: &World,
    id: GenerationId,
    token: &str,
    provider_id: &str,
) -> anyhow::Result<()> {
    let announced = Announced {
        id,
        token: token.to_owned(),
        provider_id: provider_id.to_owned(),
        at: Timestamp::now(),
    };
    Ok(world.bus.announce_attempt(announced).await?)
}

/// A call whose answer is lost, though the provider has it.
pub(crate) async fn lost(world: &World, prompt: &str) -> anyhow::Result<(GenerationId, String)> {
    world
        .sim
        .fault(on_submit(FaultKind::ResetAfterAccept).times(1))?;
    let id = world.ask(prompt, json!({})).await?;
    world.until(id, "unknown").await?;
    let mut bill = world.sim.bill().into_iter();
    let charge = bill.rfind(|charge| charge.prompt == prompt);
    Ok((id, charge.map(|charge| charge.id).unwrap_or_default()))
}

#[tokio::test]
async fn the_provider_names_what_was_lost_and_only_by_the_attempts_own_token() -> anyhow::Result<()>
{
    let world = World::start(Setup::default()).await?;
    let (id, provider_id) = lost(&world, "kite").await?;
    let token = calling(&world, id).await?.token;
    announce(&world, id, "1-deadbeef", &provider_id).await?;
    announce(&world, GenerationId::generate(), &token, &provider_id).await?;
    // A name that the provider does not know.
    let (other, _) = lost(&world, "other").await?;
    announce(
        &world,
        other,
        &calling(&world, other).await?.token,
        "nobody",
    )
    .await?;
    testkit::wait_until(PATIENCE, "the news to be heard", async || {
        matches!(world.messages("WORK").await, Ok(0))
    })
    .await?;
    world.status().await?;
    assert_eq!(world.track(id).await?, "accepted calling unknown");

    announce(&world, id, &token, &provider_id).await?;
    world.until(id, "rendered").await?;
    let rendered = world.rendered(id).await?;
    assert_eq!(rendered.provider_id, Some(provider_id));
    assert_eq!(
        world.track(id).await?,
        "accepted calling unknown submitted rendered"
    );
    let calls = (world.sim.bill().len(), world.count(id, "calling").await?);
    assert_eq!(calls, (2, 1));
    assert_eq!(world.track(other).await?, "accepted calling unknown");
    assert_eq!(world.status().await?.unknown, 1);
    world.stop().await
}

/// The provider is quicker than our patience with its answer.
#[tokio::test]
async fn a_webhook_that_comes_before_the_doubt_is_remembered() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    world
        .sim
        .fault(on_submit(FaultKind::HangAfterAccept).times(1))?;
    let id = world.ask("kite", json!({})).await?;
    testkit::wait_until(PATIENCE, "the charge", async || world.sim.bill().len() == 1).await?;
    let token = calling(&world, id).await?.token;
    announce(&world, id, &token, &world.sim.bill()[0].id).await?;
    world.until(id, "rendered").await?;
    assert_eq!(
        world.track(id).await?,
        "accepted calling unknown submitted rendered"
    );
    assert_eq!(world.sim.bill().len(), 1);
    world.stop().await
}

#[tokio::test]
async fn a_webhook_finds_its_attempt_after_a_takeover() -> anyhow::Result<()> {
    let mut world = World::start(Setup::default()).await?;
    let (id, provider_id) = lost(&world, "kite").await?;
    let token = calling(&world, id).await?.token;
    world.oldest()?.kill();
    announce(&world, id, &token, &provider_id).await?;
    world.join()?;
    world.until(id, "rendered").await?;
    assert_eq!(world.sim.bill().len(), 1);
    world.stop().await
}

#[tokio::test]
async fn who_would_rather_pay_twice_is_called_once_more() -> anyhow::Result<()> {
    let mut world = World::start(impatient()).await?;
    world
        .sim
        .fault(on_submit(FaultKind::ResetAfterAccept).times(2))?;
    let id = world.ask("kite", json!({ "onUnknown": "retry" })).await?;
    let Event::Parked(parked) = world.until(id, "parked").await? else {
        anyhow::bail!("not parked")
    };
    assert!(parked.in_doubt && parked.failures == 0, "{parked:?}");
    world.until_times(id, "unknown", 2).await?;
    let calls = world.told(&format!("generation.calling.{id}")).await?;
    let attempts: Vec<(u32, Timestamp)> = calls
        .into_iter()
        .filter_map(|entry| match entry.event {
            Event::Calling(calling) => Some((calling.attempt, calling.at)),
            _ => None,
        })
        .collect();
    let [(1, first), (2, second)] = attempts[..] else {
        anyhow::bail!("{attempts:?}")
    };
    assert!(second.duration_since(first).as_secs_f64() >= QUARANTINE.as_secs_f64());

    // Once more is enough, also for whoever takes over.
    world.oldest()?.kill();
    world.join()?;
    let other = world.ask("other", json!({})).await?;
    world.rendered(other).await?;
    looked_at(&world, id).await?;
    assert_eq!(
        (world.sim.bill().len(), world.count(id, "calling").await?),
        (3, 2)
    );
    assert_eq!(world.status().await?.unknown_usd_micros, 80_000);
    world.stop().await
}

/// Until it was looked at after its quarantine, which happens within ten seconds.
async fn looked_at(world: &World, id: GenerationId) -> anyhow::Result<()> {
    let asked = std::time::Instant::now();
    testkit::wait_until(PATIENCE, "a look", async || {
        asked.elapsed() > Duration::from_secs(13)
    })
    .await?;
    anyhow::ensure!(matches!(world.end(id).await?, Event::Unknown(_)));
    Ok(())
}

#[tokio::test]
async fn a_review_waits_for_people_and_its_place_does_not() -> anyhow::Result<()> {
    let setup = impatient().env("DARKROOM_PROVIDER_LIMIT", "1");
    let world = World::start(setup).await?;
    let (id, _) = lost(&world, "kite").await?;
    let words = json!({ "onUnknown": "review" });
    let started = std::time::Instant::now();
    for n in 0..3 {
        let next = world.ask(&format!("next {n}"), words.clone()).await?;
        world.rendered(next).await?;
    }
    let waited = started.elapsed();
    assert!(waited < QUARANTINE * 2, "{waited:?}: kept longer than once");
    looked_at(&world, id).await?;
    assert_eq!(world.track(id).await?, "accepted calling unknown");
    world.stop().await
}

#[tokio::test]
async fn what_was_given_up_is_kept_when_it_turns_up() -> anyhow::Result<()> {
    let mut world = World::start(Setup::default()).await?;
    let (id, provider_id) = lost(&world, "kite").await?;
    let token = calling(&world, id).await?.token;
    world.discard(id).await?;
    let failed = world.failed(id).await?;
    assert_eq!(
        (failed.failure.code, failed.failure.billed),
        (Code::Discarded, Billed::Unknown)
    );
    world.oldest()?.kill();
    world.join()?;
    world.status().await?;

    announce(&world, id, &token, &provider_id).await?;
    let Event::Rendered(rendered) = world.until(id, "rendered").await? else {
        anyhow::bail!("not rendered")
    };
    assert_eq!(rendered.provider_id, Some(provider_id));
    assert_eq!(
        world.track(id).await?,
        "accepted calling unknown failed submitted rendered"
    );
    assert_eq!(world.sim.bill().len(), 1);
    world.stop().await
}

#[tokio::test]
async fn words_are_never_asked_for_twice() -> anyhow::Result<()> {
    let setup = impatient().env("DARKROOM_SOURCE_ALLOW", "127.0.0.0/8");
    let world = World::start(setup).await?;
    let drawn = world.ask("kite", json!({})).await?;
    let drawn = world.rendered(drawn).await?;
    let source = drawn.images[0].link.as_ref().map(ToString::to_string);
    let lost = ideogram_sim::Fault::from(FaultKind::ResetAfterAccept);
    world.sim.fault(lost.on("describe").times(1))?;
    let request = json!({
        "operation": "describe", "onUnknown": "retry", "sourceImages": [source],
        "customId": "words",
    });
    world
        .publish("generation.requested", None, request.to_string())
        .await?;
    let id = crate::world::named("words");
    world.until(id, "unknown").await?;
    looked_at(&world, id).await?;
    assert_eq!(world.count(id, "calling").await?, 1);
    assert_eq!(world.count(id, "parked").await?, 0);
    world.stop().await
}

/// The provider may be at work on it, whatever people think of it.
#[tokio::test]
async fn what_is_discarded_keeps_its_place_until_the_provider_must_be_done() -> anyhow::Result<()> {
    let tune = |config: &mut generator::Config| config.pauses.quarantine = 3 * QUARANTINE;
    let setup = Setup::default().tune(tune);
    let mut world = World::start(setup.env("DARKROOM_PROVIDER_LIMIT", "1")).await?;
    let (id, _) = lost(&world, "kite").await?;
    let Event::Unknown(unknown) = world.until(id, "unknown").await? else {
        anyhow::bail!("not in doubt")
    };
    world.discard(id).await?;
    assert_eq!(world.status().await?.in_progress, 1);
    world.oldest()?.kill();
    world.join()?;
    let next = world.ask("next", json!({})).await?;
    world.rendered(next).await?;
    let waited = calling(&world, next).await?.at.duration_since(unknown.at);
    assert!(
        waited.as_secs_f64() >= 3.0 * QUARANTINE.as_secs_f64(),
        "{waited}"
    );
    assert_eq!(world.status().await?.in_progress, 0);
    world.stop().await
}

/// The clock of who wrote `unknown` may be wrong by any amount, so it is not compared with ours.
#[tokio::test]
async fn who_takes_over_a_doubt_keeps_its_place_by_his_own_clock() -> anyhow::Result<()> {
    let mut world = World::start(impatient().env("DARKROOM_PROVIDER_LIMIT", "1")).await?;
    let (_, _) = lost(&world, "kite").await?;
    world.oldest()?.kill();
    tokio::time::sleep(2 * QUARANTINE).await;
    let taken_over = Timestamp::now();
    world.join()?;
    let next = world.ask("next", json!({})).await?;
    world.rendered(next).await?;
    let waited = calling(&world, next).await?.at.duration_since(taken_over);
    assert!(waited.as_secs_f64() >= QUARANTINE.as_secs_f64(), "{waited}");
    world.stop().await
}

/// Polls of what was given up fail like all others: that is no reason to throw pictures away.
#[tokio::test]
async fn what_was_given_up_is_asked_for_until_the_provider_answers() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let (id, provider_id) = lost(&world, "kite").await?;
    let token = calling(&world, id).await?.token;
    world.discard(id).await?;
    world.sim.fault(on_poll(status(503)).times(1))?;
    announce(&world, id, &token, &provider_id).await?;
    world.until(id, "rendered").await?;

    let (other, provider_id) = lost(&world, "other").await?;
    let token = calling(&world, other).await?.token;
    world.sim.fault(on_poll(status(404)).times(3))?;
    announce(&world, other, &token, &provider_id).await?;
    world.until(other, "rendered").await?;
    world.stop().await
}

/// Whoever took it up had written that the provider has it, and died.
#[tokio::test]
async fn what_was_given_up_is_kept_also_if_its_finder_dies() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let (id, provider_id) = lost(&world, "kite").await?;
    let token = calling(&world, id).await?.token;
    world.discard(id).await?;
    let last = world
        .entries(id)
        .await?
        .pop()
        .map_or(0, |last| last.sequence);
    let submitted = Submitted {
        id,
        attempt: 1,
        provider_id: provider_id.clone(),
        at: Timestamp::now(),
    };
    world.bus.ledger().append(submitted, last).await?;
    announce(&world, id, &token, &provider_id).await?;
    world.until(id, "rendered").await?;
    assert_eq!(world.count(id, "failed").await?, 1);
    world.stop().await
}

#[tokio::test]
async fn what_comes_to_nothing_late_is_no_second_end() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let (id, provider_id) = lost(&world, "[fail] kite").await?;
    let token = calling(&world, id).await?.token;
    world.discard(id).await?;
    announce(&world, id, &token, &provider_id).await?;
    testkit::wait_until(PATIENCE, "the news to be heard", async || {
        matches!(world.messages("WORK").await, Ok(0))
    })
    .await?;
    let other = world.ask("other", json!({})).await?;
    world.rendered(other).await?;
    assert_eq!(
        world.track(id).await?,
        "accepted calling unknown failed submitted"
    );
    assert_eq!(world.count(id, "failed").await?, 1);
    world.stop().await
}
