//! A generator that dies or is told to stop at a bad moment.

use std::time::{Duration, Instant};

use bus::{DeadFilter, Stage};
use domain::{Billed, Code, Event, Failed, Failure, GenerationId, Phase, Tenant, Unknown, Usd};
use ideogram_sim::{Config, FaultKind, Latency};
use jiff::Timestamp;
use serde_json::json;

use crate::simulator::{on_submit, quick};
use crate::world::{PATIENCE, Setup, World};

/// Longer than a takeover takes.
const QUARANTINE: Duration = Duration::from_secs(8);
/// Longer than any test, by the simulated clock.
const DRAWING: Duration = Duration::from_secs(200);
/// As many renewals of a lease as take longer than it lasts without one.
const RENEWALS: usize = 8;

#[tokio::test]
async fn a_successor_goes_on_asking_for_what_was_bought() -> anyhow::Result<()> {
    let mut world = World::start(Setup::slow()).await?;
    let id = world.ask("kite", json!({})).await?;
    let Event::Submitted(submitted) = world.until(id, "submitted").await? else {
        anyhow::bail!("not submitted")
    };
    world.oldest()?.kill();
    let polls = world.sim.state().polls;
    world.join()?;
    testkit::wait_until(PATIENCE, "polls of the successor", async || {
        world.sim.state().polls > polls + 1
    })
    .await?;
    let rendered = world.finish_drawing(id).await?;

    assert_eq!(rendered.provider_id, Some(submitted.provider_id));
    assert_eq!(
        world.track(id).await?,
        "accepted calling submitted rendered"
    );
    assert_eq!(
        (world.count(id, "calling").await?, world.sim.bill().len()),
        (1, 1)
    );
    world.stop().await
}

#[tokio::test]
async fn a_call_whose_caller_died_is_unknown_and_keeps_its_place() -> anyhow::Result<()> {
    for (kind, bills) in [
        (FaultKind::HangAfterAccept, 1),
        (FaultKind::HangBeforeAccept, 0),
    ] {
        let tune = |config: &mut generator::Config| {
            config.provider.submit_timeout = Duration::from_secs(60);
            config.pauses.quarantine = QUARANTINE;
        };
        let setup = Setup::default()
            .env("DARKROOM_PROVIDER_LIMIT", "1")
            .tune(tune);
        let mut world = World::start(setup).await?;
        world.sim.fault(on_submit(kind.clone()).times(1))?;
        let id = world.ask("kite", json!({})).await?;
        let Event::Calling(lost) = world.until(id, "calling").await? else {
            anyhow::bail!("not called")
        };
        testkit::wait_until(PATIENCE, "the call", async || {
            world.sim.bill().len() == bills
        })
        .await?;
        world.oldest()?.kill();
        // Whoever died before it called has left the fault to the next call.
        world.sim.heal();
        world.join()?;
        let Event::Unknown(unknown) = world.end(id).await? else {
            anyhow::bail!("{kind:?}: {:?}", world.entries(id).await?)
        };

        assert!(
            unknown.reason.contains("left no word"),
            "{}",
            unknown.reason
        );
        assert_eq!(world.count(id, "calling").await?, 1, "{kind:?}");
        assert_eq!(world.sim.bill().len(), bills, "{kind:?}");
        let next = world.ask("next", json!({})).await?;
        let Event::Calling(calling) = world.until(next, "calling").await? else {
            anyhow::bail!("not called")
        };
        let kept = calling.at.duration_since(lost.at);
        assert!(kept.as_secs_f64() >= QUARANTINE.as_secs_f64(), "{kept:?}");
        world.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn work_is_handed_back_at_once_when_a_generator_stops() -> anyhow::Result<()> {
    let setup = Setup::slow().env("DARKROOM_PROVIDER_LIMIT", "2");
    let mut world = World::start(setup).await?;
    let first = world.ask("first", json!({ "numImages": 2 })).await?;
    world.until(first, "submitted").await?;
    let second = world.ask("second", json!({ "numImages": 2 })).await?;
    world.until(second, "accepted").await?;

    let took = world.oldest()?.stop().await?;
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(world.track(first).await?, "accepted calling submitted");
    assert_eq!(world.track(second).await?, "accepted");

    let started = Instant::now();
    world.join()?;
    world.finish_drawing(first).await?;
    world.finish_drawing(second).await?;
    assert!(
        started.elapsed() < Duration::from_secs(15),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(world.sim.bill().len(), 2);
    world.stop().await
}

#[tokio::test]
async fn a_call_under_way_is_finished_before_a_generator_stops() -> anyhow::Result<()> {
    let mut world = World::start(Setup::default()).await?;
    // The answer never comes, so the call lasts until its time is over: a second.
    world
        .sim
        .fault(on_submit(FaultKind::HangAfterAccept).times(1))?;
    let id = world.ask("kite", json!({})).await?;
    testkit::wait_until(PATIENCE, "the call", async || world.sim.bill().len() == 1).await?;
    world.oldest()?.stop().await?;

    assert_eq!(world.track(id).await?, "accepted calling unknown");
    Ok(())
}

/// Nobody else can go on with a call that is answered with images.
#[tokio::test]
async fn a_call_that_is_answered_with_images_is_finished_before_another_generator_takes_over()
-> anyhow::Result<()> {
    for (api, model) in [("legacy", "V_2"), ("v1", "V_3")] {
        let latency = Latency {
            min: DRAWING,
            max: DRAWING,
        };
        let setup = Setup::default()
            .sim(Config { latency, ..quick() })
            .env("IDEOGRAM_API", api);
        let mut world = World::start(setup).await?;
        let id = world.ask("kite", json!({ "model": model })).await?;
        testkit::wait_until(PATIENCE, "the call", async || world.sim.bill().len() == 1).await?;
        let holder = world.lease().await?.map(|(holder, _)| holder);
        world.join()?;
        let stopping = tokio::spawn(world.oldest()?.stop());
        let next = world.ask("next", json!({ "model": model })).await?;
        world.until(next, "accepted").await?;
        for _ in 0..RENEWALS {
            world.until_renewed().await?;
        }
        let still = world.lease().await?.map(|(holder, _)| holder);
        assert_eq!(still, holder, "{api}");
        assert_eq!(world.track(id).await?, "accepted calling", "{api}");
        assert_eq!(world.track(next).await?, "accepted", "{api}");

        world.sim.advance_clock(DRAWING);
        stopping.await??;
        let stopped = Instant::now();
        assert_eq!(world.track(id).await?, "accepted calling rendered", "{api}");
        world.until(next, "calling").await?;
        let took = stopped.elapsed();
        assert!(took < Duration::from_secs(5), "{api}: {took:?}");
        world.finish_drawing(next).await?;
        assert_eq!(
            world.track(next).await?,
            "accepted calling rendered",
            "{api}"
        );
        assert_eq!(
            (world.count(id, "calling").await?, world.sim.bill().len()),
            (1, 2),
            "{api}"
        );
        world.stop().await?;
    }
    Ok(())
}

/// Cut off from the server, a caller can be taken for dead while it waits for its answer.
#[tokio::test]
async fn an_answer_that_comes_after_its_caller_was_given_up_is_kept() -> anyhow::Result<()> {
    let drawing = Duration::from_secs(100);
    let latency = Latency {
        min: drawing,
        max: drawing,
    };
    let setup = Setup::default()
        .sim(Config { latency, ..quick() })
        .env("IDEOGRAM_API", "legacy");
    let world = World::start(setup).await?;
    let id = world.ask("kite", json!({})).await?;
    testkit::wait_until(PATIENCE, "the call", async || world.sim.bill().len() == 1).await?;
    let last = world
        .entries(id)
        .await?
        .pop()
        .map_or(0, |entry| entry.sequence);
    let unknown = Unknown {
        id,
        attempt: 1,
        reason: "taken for dead".to_owned(),
        reserved: Usd::from_micros(80_000),
        at: Timestamp::now(),
    };
    world.bus.ledger().append(unknown, last).await?;
    world.sim.advance_clock(drawing);
    world.until(id, "rendered").await?;

    assert_eq!(world.track(id).await?, "accepted calling unknown rendered");
    assert_eq!(
        (world.count(id, "calling").await?, world.sim.bill().len()),
        (1, 1)
    );
    world.stop().await
}

/// A beginning of which no more can be read than whose it is; returns its sequence.
async fn unreadable(world: &World, id: GenerationId) -> anyhow::Result<u64> {
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("ce-type", "generation.accepted");
    headers.insert("Content-Type", "application/json");
    let body = r#"{"job":{"tenant":"acme","lane":"of tomorrow"}}"#;
    let stored = world.jetstream.publish_with_headers(
        format!("generation.accepted.{id}"),
        headers,
        body.into(),
    );
    Ok(stored.await?.await?.sequence)
}

/// Written by hand, or by a version that is newer: it cannot be bought, and somebody is told.
#[tokio::test]
async fn a_beginning_that_cannot_be_read_ends_and_is_put_aside_once() -> anyhow::Result<()> {
    let mut world = World::without_generator(Setup::default()).await?;
    let found = GenerationId::generate();
    let finished = GenerationId::generate();
    unreadable(&world, found).await?;
    let last = unreadable(&world, finished).await?;
    let ended = Failed {
        id: finished,
        tenant: Tenant::default(),
        custom_id: None,
        job: None,
        failure: Failure {
            code: Code::Cancelled,
            message: String::new(),
            phase: Phase::Generation,
            billed: Billed::No,
        },
        cost: Usd::ZERO,
        at: Timestamp::now(),
    };
    world.bus.ledger().append(ended, last).await?;
    let heard = GenerationId::generate();

    world.join()?;
    world.failed(found).await?;
    unreadable(&world, heard).await?;
    for id in [found, heard] {
        let failed = world.failed(id).await?;
        assert_eq!(
            (
                failed.failure.code,
                failed.failure.billed,
                failed.tenant.as_str()
            ),
            (Code::Poison, Billed::No, "acme")
        );
    }
    world.oldest()?.kill();
    world.join()?;
    let next = world.ask("next", json!({})).await?;
    world.rendered(next).await?;

    let all = DeadFilter {
        stage: Some(Stage::Generate),
        after_sequence: 0,
        limit: 10,
    };
    let letters = world.bus.dead_letters(all).await?;
    let keys: Vec<&str> = letters.iter().map(|letter| letter.key.as_str()).collect();
    assert_eq!(keys, [found.to_string(), heard.to_string()]);
    assert!(letters[0].reason.contains("cannot be read"), "{letters:?}");
    let replayed = world.bus.replay_dead(letters[0].sequence).await;
    assert!(
        matches!(replayed, Err(bus::Error::Unreplayable { .. })),
        "{replayed:?}"
    );
    for id in [found, heard, finished] {
        assert_eq!(world.count(id, "failed").await?, 1);
    }
    world.stop().await
}
