//! What never left us may be tried again, later and not for ever.

use std::time::Duration;

use domain::{Billed, Code, Event};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::world::{PATIENCE, Setup, World};

fn patient() -> Setup {
    let tune = |config: &mut generator::Config| {
        config.pauses.retry = Duration::from_secs(3);
        config.pauses.account = Duration::from_secs(30);
    };
    Setup::default().tune(tune)
}

fn soon(seconds: i64) -> anyhow::Result<String> {
    let at = Timestamp::now().checked_add(SignedDuration::from_secs(seconds))?;
    Ok(at.to_string())
}

#[tokio::test]
async fn a_retry_is_a_timer_that_survives_us() -> anyhow::Result<()> {
    let mut world = World::start(patient()).await?;
    world.sim.go_away().await;
    let id = world.ask("kite", json!({})).await?;
    let Event::Parked(parked) = world.until(id, "parked").await? else {
        anyhow::bail!("not parked")
    };
    assert_eq!((parked.failures, parked.in_doubt), (1, false));
    let until = parked.until.ok_or_else(|| anyhow::anyhow!("no time"))?;
    let pause = until.duration_since(parked.at).as_secs_f64();
    assert!((2.2..=3.8).contains(&pause), "{pause}");
    let work = world.jetstream.get_stream("WORK").await?;
    let subject = format!("timer.generate.{id}.pause");
    testkit::wait_until(PATIENCE, "the timer", async || {
        work.get_last_raw_message_by_subject(&subject).await.is_ok()
    })
    .await?;

    world.oldest()?.kill();
    world.sim.come_back().await?;
    world.join()?;
    world.rendered(id).await?;
    let calls = world.told(&format!("generation.calling.{id}")).await?;
    let Some(Event::Calling(second)) = calls.into_iter().map(|entry| entry.event).next_back()
    else {
        anyhow::bail!("not called")
    };
    assert!(second.at >= until, "{} before {until}", second.at);
    assert_eq!((second.attempt, world.sim.bill().len()), (2, 1));
    world.stop().await
}

#[tokio::test]
async fn attempts_are_counted_over_a_takeover() -> anyhow::Result<()> {
    let tune = |config: &mut generator::Config| config.pauses.retry = Duration::from_millis(800);
    let mut world = World::start(Setup::default().tune(tune)).await?;
    world.sim.go_away().await;
    let id = world.ask("kite", json!({})).await?;
    world.until_times(id, "parked", 2).await?;
    world.oldest()?.kill();
    world.join()?;
    let failed = world.failed(id).await?;
    assert_eq!(
        (failed.failure.code, failed.failure.billed),
        (Code::ProviderUnavailable, Billed::No)
    );
    assert_eq!(world.count(id, "calling").await?, 3);
    world.stop().await
}

/// Asleep, before a closed gate, in an attempt that comes to nothing: nothing is bought that nobody
/// needs any more.
#[tokio::test]
async fn a_deadline_holds_wherever_the_request_waits() -> anyhow::Result<()> {
    for kill in [false, true] {
        let mut world = World::start(patient()).await?;
        // Its deadline is not to pass before anybody dispatches.
        world.status().await?;
        world.sim.go_away().await;
        let asleep = world.ask("asleep", json!({ "deadline": soon(2)? })).await?;
        world.until(asleep, "parked").await?;
        let behind = world.ask("behind", json!({ "deadline": soon(2)? })).await?;
        world.until(behind, "accepted").await?;
        if kill {
            // Whoever takes over would see for himself otherwise.
            testkit::wait_until(PATIENCE, "notes of the hold", async || {
                let notes = world.bus.setting("books", "notes.ideogram").await;
                let notes = notes.ok().flatten().unwrap_or_default();
                String::from_utf8_lossy(&notes).contains("refused")
            })
            .await?;
            world.oldest()?.kill();
            world.join()?;
        }
        for id in [asleep, behind] {
            let failed = world.failed(id).await?;
            assert_eq!(failed.failure.code, Code::DeadlineExceeded);
            assert_eq!(failed.failure.billed, Billed::No);
        }
        assert_eq!(world.tally().await?["calling"], 1, "killed: {kill}");
        world.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_deadline_holds_also_for_what_the_account_could_not_pay() -> anyhow::Result<()> {
    for kill in [false, true] {
        let mut world = World::start(patient()).await?;
        world.sim.refuse(402, None)?;
        let id = world.ask("kite", json!({ "deadline": soon(2)? })).await?;
        world.until(id, "parked").await?;
        if kill {
            world.oldest()?.kill();
            world.join()?;
        }
        let failed = world.failed(id).await?;
        assert_eq!(
            failed.failure.code,
            Code::DeadlineExceeded,
            "killed: {kill}"
        );
        assert_eq!(world.sim.bill().len(), 0);
        world.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_deadline_that_passes_during_a_refusal_is_not_forgotten() -> anyhow::Result<()> {
    let world = World::start(patient()).await?;
    // No answer for longer than the deadline, and then it was never sent after all.
    world.sim.fault(crate::simulator::on_submit(
        ideogram_sim::FaultKind::Status {
            status: 402,
            reject_reason: None,
            after_accept: false,
        },
    ))?;
    let id = world.ask("kite", json!({ "deadline": soon(1)? })).await?;
    let failed = world.failed(id).await?;
    assert_eq!(failed.failure.code, Code::DeadlineExceeded);
    let late = failed.at.duration_since(Timestamp::now()).abs().as_secs();
    assert!(late < 5, "{late}");
    world.stop().await
}
