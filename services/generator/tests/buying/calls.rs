//! Every way in which a paid call can go wrong.

use std::time::Duration;

use domain::{Billed, Code, Event};
use ideogram_sim::FaultKind;
use jiff::Timestamp;
use serde_json::json;

use crate::simulator::{on_submit, status};
use crate::world::{Setup, World};

#[tokio::test]
async fn no_connection_is_tried_three_times_and_then_fails_unbilled() -> anyhow::Result<()> {
    let mut world = World::start(Setup::default()).await?;
    world.sim.go_away().await;
    let id = world.ask("kite", json!({})).await?;
    let failed = world.failed(id).await?;

    assert_eq!(
        (failed.failure.code, failed.failure.billed),
        (Code::ProviderUnavailable, Billed::No)
    );
    assert_eq!(world.count(id, "calling").await?, 3);
    assert_eq!(
        world.messages("DEAD").await?,
        0,
        "a decision is no dead letter"
    );
    world.stop().await
}

#[tokio::test]
async fn a_provider_that_comes_back_is_called_again() -> anyhow::Result<()> {
    let tune = |config: &mut generator::Config| config.attempts = 100;
    let mut world = World::start(Setup::default().tune(tune)).await?;
    world.sim.go_away().await;
    let id = world.ask("kite", json!({})).await?;
    world.until_times(id, "parked", 2).await?;
    world.sim.come_back().await?;
    let rendered = world.rendered(id).await?;

    assert!(rendered.attempt >= 3, "{}", rendered.attempt);
    assert_eq!(world.sim.bill().len(), 1);
    world.stop().await
}

#[tokio::test]
async fn an_account_that_cannot_serve_makes_work_wait_and_uses_up_no_attempt() -> anyhow::Result<()>
{
    let world = World::start(Setup::default()).await?;
    for (code, word) in [
        (401, "IDEOGRAM_API_KEY"),
        (402, "credits"),
        (403, "permissions"),
    ] {
        world.sim.fault(on_submit(status(code)))?;
        let prompt = format!("kite {code}");
        let id = world.ask(&prompt, json!({})).await?;
        let Event::Parked(parked) = world.until(id, "parked").await? else {
            anyhow::bail!("not parked")
        };
        assert!(parked.reason.contains(word), "{code}: {}", parked.reason);

        world.sim.heal();
        world.rendered(id).await?;
        let paid = world
            .sim
            .bill()
            .into_iter()
            .filter(|charge| charge.prompt == prompt);
        assert_eq!(paid.count(), 1, "{code}");
    }
    // More often than there are attempts.
    world.sim.fault(on_submit(status(429)).times(5))?;
    let id = world.ask("kite 429", json!({})).await?;
    assert_eq!(world.rendered(id).await?.attempt, 6);
    assert_eq!(world.count(id, "parked").await?, 5);
    assert_eq!(
        (world.sim.bill().len(), world.messages("DEAD").await?),
        (4, 0)
    );
    world.stop().await
}

#[tokio::test]
async fn a_refused_request_fails_at_once_and_unbilled() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    world.sim.fault(on_submit(status(400)).times(1))?;
    for (prompt, code) in [
        ("kite", Code::ProviderRejected),
        ("[unsafe] kite", Code::ContentFiltered),
    ] {
        let id = world.ask(prompt, json!({})).await?;
        let failed = world.failed(id).await?;

        assert_eq!(
            (failed.failure.code, failed.failure.billed),
            (code, Billed::No)
        );
        assert_eq!(world.track(id).await?, "accepted calling failed");
        assert_eq!(world.count(id, "calling").await?, 1);
    }
    assert_eq!(
        (world.sim.bill().len(), world.messages("DEAD").await?),
        (0, 0)
    );
    world.stop().await
}

/// After each of these nobody can tell whether it was billed.
#[tokio::test]
async fn a_call_without_a_trustworthy_answer_is_unknown_once_and_never_repeated()
-> anyhow::Result<()> {
    // Each keeps its place, so there must be enough of them.
    let world = World::start(Setup::default().env("DARKROOM_PROVIDER_LIMIT", "10")).await?;
    let after_accept = |status| FaultKind::Status {
        status,
        reject_reason: None,
        after_accept: true,
    };
    let faults = [
        (status(500), 0),
        (status(503), 0),
        (after_accept(500), 1),
        (FaultKind::HangBeforeAccept, 0),
        (FaultKind::HangAfterAccept, 1),
        (FaultKind::ResetBeforeAccept, 0),
        (FaultKind::ResetAfterAccept, 1),
        (FaultKind::TruncatedJson, 1),
        (FaultKind::HtmlBody, 1),
    ];
    let mut billed = 0;
    for (number, (kind, bills)) in faults.into_iter().enumerate() {
        let what = format!("{number} {kind:?}");
        world.sim.fault(on_submit(kind).times(1))?;
        let id = world.ask(&what, json!({})).await?;
        let Event::Unknown(unknown) = world.end(id).await? else {
            anyhow::bail!("{what}: {:?}", world.entries(id).await?)
        };
        billed += bills;

        assert_eq!(unknown.reserved.micros(), 80_000, "{what}");
        assert_eq!(world.track(id).await?, "accepted calling unknown", "{what}");
        assert_eq!(world.sim.bill().len(), billed, "{what}");
        assert_eq!(world.count(id, "calling").await?, 1, "{what}");
    }
    world.stop().await
}

#[tokio::test]
async fn places_of_an_unknown_call_come_free_after_a_while() -> anyhow::Result<()> {
    let tune = |config: &mut generator::Config| config.pauses.quarantine = Duration::from_secs(2);
    let setup = Setup::default()
        .env("DARKROOM_PROVIDER_LIMIT", "1")
        .tune(tune);
    let world = World::start(setup).await?;
    world
        .sim
        .fault(on_submit(FaultKind::ResetAfterAccept).times(1))?;
    let lost = world.ask("lost", json!({})).await?;
    let Event::Unknown(unknown) = world.until(lost, "unknown").await? else {
        anyhow::bail!("not unknown")
    };
    let next = world.ask("next", json!({})).await?;
    let Event::Calling(calling) = world.until(next, "calling").await? else {
        anyhow::bail!("not called")
    };

    let waited = calling.at.duration_since(unknown.at).as_secs_f64();
    assert!(waited >= 1.9, "{waited}");
    world.rendered(next).await?;
    world.stop().await
}

#[tokio::test]
async fn the_call_is_on_record_before_the_provider_hears_of_it() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    world
        .sim
        .fault(on_submit(FaultKind::HangAfterAccept).times(1))?;
    let id = world.ask("kite", json!({})).await?;
    testkit::wait_until(crate::world::PATIENCE, "the charge", async || {
        !world.sim.bill().is_empty()
    })
    .await?;

    let events = world.jetstream.get_stream("EVENTS").await?;
    let subject = format!("generation.calling.{id}");
    let calling = events.get_last_raw_message_by_subject(&subject).await?;
    let charged: Timestamp = world.sim.bill()[0].at.parse()?;
    assert!(calling.time.unix_timestamp_nanos() <= charged.as_nanosecond());
    world.stop().await
}
