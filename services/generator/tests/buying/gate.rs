//! An account that cannot serve: nothing fails, nothing is asked for in vain, and work goes on by
//! itself.

use std::time::{Duration, Instant};

use domain::{Billed, Code, Event, GenerationId, Hold};
use ideogram_sim::{Fault, FaultKind};
use jiff::{SignedDuration, Timestamp};
use runtime::Env;
use serde_json::{Value, json};

use crate::simulator::{on_submit, status};
use crate::world::{PATIENCE, Setup, World};

const COST: i64 = 80_000;
const LIMIT: usize = 10;
/// What each job of a long queue may take.
const EACH: Duration = Duration::from_millis(60);

async fn queue(
    world: &World,
    jobs: usize,
    patience: Duration,
) -> anyhow::Result<Vec<GenerationId>> {
    let requests = (0..jobs).map(|n| (format!("kite {n}"), json!({})));
    let ids = world.ask_all(requests).await?;
    world.until_tally_within("accepted", jobs, patience).await?;
    Ok(ids)
}

async fn queued(world: &World, jobs: usize) -> anyhow::Result<Vec<GenerationId>> {
    queued_within(world, jobs, PATIENCE).await
}

/// All jobs are with the dispatcher before it may call anybody.
async fn queued_within(
    world: &World,
    jobs: usize,
    patience: Duration,
) -> anyhow::Result<Vec<GenerationId>> {
    world.pause("until all are there").await?;
    let ids = queue(world, jobs, patience).await?;
    all_wait(world, jobs, patience).await?;
    Ok(ids)
}

async fn all_wait(world: &World, jobs: usize, patience: Duration) -> anyhow::Result<()> {
    testkit::wait_until(patience, "the line", async || {
        let waiting = async || {
            let status = world.status().await?;
            anyhow::Ok(status.lanes.iter().map(|lane| lane.waiting).sum::<u64>())
        };
        waiting().await.is_ok_and(|waiting| waiting == jobs as u64)
    })
    .await
}

/// What was told of holds other than an operator's own: why, how many wait, how much for. Waits
/// until there are so many `times`: a notice may come a moment after what it is about.
async fn parked(world: &World, times: usize) -> anyhow::Result<Vec<(Hold, u64, i64)>> {
    let parked = |event| match event {
        Event::ProviderParked(event) if event.hold != Hold::Paused => {
            assert_eq!(event.message, event.hold.advice());
            Some((event.hold, event.jobs, event.reserved.micros()))
        }
        _ => None,
    };
    notices(world, "provider.parked.*", times, parked).await
}

/// As [`parked`]: which holds ended.
async fn resumed(world: &World, times: usize) -> anyhow::Result<Vec<Hold>> {
    let resumed = |event| match event {
        Event::ProviderResumed(event) if event.hold != Hold::Paused => Some(event.hold),
        _ => None,
    };
    notices(world, "provider.resumed.*", times, resumed).await
}

async fn notices<T>(
    world: &World,
    filter: &str,
    times: usize,
    read: impl Fn(Event) -> Option<T>,
) -> anyhow::Result<Vec<T>> {
    testkit::wait_for(PATIENCE, filter, async || {
        let told = world.told(filter).await.ok()?.into_iter();
        let read: Vec<T> = told.filter_map(|entry| read(entry.event)).collect();
        (read.len() >= times).then_some(read)
    })
    .await
}

/// Everything is bought once, and nothing else has ever been.
async fn all_are_bought_once(world: &World, jobs: usize) -> anyhow::Result<()> {
    world.until_tally("rendered", jobs).await?;
    let mut prompts: Vec<String> = world.sim.bill().into_iter().map(|c| c.prompt).collect();
    prompts.sort_unstable();
    prompts.dedup();
    assert_eq!((prompts.len(), world.sim.bill().len()), (jobs, jobs));
    let tally = world.tally().await?;
    assert!(!tally.contains_key("failed") && !tally.contains_key("unknown"));
    assert_eq!(world.messages("DEAD").await?, 0);
    Ok(())
}

async fn no_attempt_is_used_up(world: &World) -> anyhow::Result<()> {
    for entry in world.told("generation.parked.*").await? {
        if let Event::Parked(parked) = entry.event {
            assert_eq!((parked.failures, parked.in_doubt), (0, false), "{parked:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn whatever_the_account_lacks_work_waits_for_it_and_goes_on() -> anyhow::Result<()> {
    let refusals = [
        (402, Some("insufficient_funds"), Hold::OutOfFunds),
        (
            402,
            Some("subscription_required"),
            Hold::SubscriptionRequired,
        ),
        (402, Some("daily_limit"), Hold::DailyLimit),
        (402, None, Hold::OutOfFunds),
        (401, None, Hold::BadKey),
        (403, None, Hold::Forbidden),
    ];
    for (code, reason, hold) in refusals {
        const JOBS: usize = 40;
        let world = World::start(Setup::default()).await?;
        queued(&world, JOBS).await?;
        world.sim.refuse(code, reason)?;
        world.resume().await?;
        // The first calls, and four probes after them.
        testkit::wait_until(PATIENCE, "probes", async || {
            world
                .tally()
                .await
                .is_ok_and(|tally| tally.get("calling").copied().unwrap_or(0) >= LIMIT + 4)
        })
        .await?;

        let what = format!("{code} {reason:?}");
        let told = parked(&world, 1).await?;
        let [(held, jobs, reserved)] = told[..] else {
            anyhow::bail!("{what}: told {} times: {told:?}", told.len())
        };
        assert_eq!(held, hold, "{what}");
        assert!(jobs as usize >= JOBS - LIMIT, "{what}: {jobs}");
        assert_eq!(reserved, jobs as i64 * COST, "{what}");
        let status = world.status().await?;
        assert_eq!(status.hold, Some(hold.to_string()), "{what}");
        assert_eq!(resumed(&world, 0).await?, [], "{what}");

        world.sim.heal();
        all_are_bought_once(&world, JOBS).await?;
        no_attempt_is_used_up(&world).await?;
        assert_eq!(parked(&world, 1).await?.len(), 1, "{what}");
        assert_eq!(resumed(&world, 1).await?, [hold], "{what}");
        assert_eq!(world.status().await?.hold, None, "{what}");
        world.stop().await?;
    }
    Ok(())
}

/// Half an hour of the account's usual patience, compressed: a probe after each of 100, 200, 400 …
/// milliseconds. `QUEUE=10000` makes the queue longer than it is usually.
#[tokio::test]
async fn fifteen_hundred_wait_for_money_without_a_failure() -> anyhow::Result<()> {
    let jobs = Env::of_process()?.or("QUEUE", 1_500usize)?;
    let world = World::start(Setup::default().env("DARKROOM_PROVIDER_LIMIT", "100").sim(
        ideogram_sim::Config {
            max_in_flight: 100,
            ..crate::simulator::quick()
        },
    ))
    .await?;
    let patience = PATIENCE.max(EACH * jobs.try_into()?);
    let started = Instant::now();
    queued_within(&world, jobs, patience).await?;
    let queued = started.elapsed();
    world.sim.refuse(402, Some("insufficient_funds"))?;
    world.resume().await?;
    let probes = 7;
    world.until_tally("calling", 100 + probes).await?;
    let held = started.elapsed() - queued;

    let told = parked(&world, 1).await?;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].1 as usize >= jobs - 100, "{told:?}");
    let refused = world.tally().await?["calling"];
    assert!(refused <= 100 + probes + 1, "{refused} calls");
    world.sim.heal();
    world.until_tally_within("rendered", jobs, patience).await?;
    let bought = started.elapsed() - queued - held;
    all_are_bought_once(&world, jobs).await?;
    no_attempt_is_used_up(&world).await?;
    assert_eq!(
        (
            parked(&world, 1).await?.len(),
            resumed(&world, 1).await?.len()
        ),
        (1, 1)
    );
    println!(
        "{jobs} jobs queued in {queued:.0?}, held for {held:.1?} with {refused} calls refused, \
         bought in {bought:.0?}; 0 failed"
    );
    world.stop().await
}

#[tokio::test]
async fn what_was_bought_before_the_money_ran_out_opens_nothing() -> anyhow::Result<()> {
    let setup = Setup::default().sim(ideogram_sim::Config {
        latency: ideogram_sim::Latency {
            min: Duration::from_secs(2),
            max: Duration::from_secs(2),
        },
        ..crate::simulator::quick()
    });
    let tune = |config: &mut generator::Config| config.pauses.account = Duration::from_secs(8);
    let world = World::start(setup.tune(tune)).await?;
    queue(&world, 5, PATIENCE).await?;
    world.until_tally("submitted", 5).await?;
    world.sim.refuse(402, None)?;
    let requests = (0..30).map(|n| (format!("late {n}"), json!({})));
    world.ask_all(requests).await?;
    world.until_tally("rendered", 5).await?;
    // Five places are free again, and nobody may use them.
    let calls = world.tally().await?["calling"];
    world.status().await?;
    assert!(
        calls <= 5 + 5 && parked(&world, 1).await?.len() == 1,
        "{calls}"
    );
    assert_eq!(
        world.status().await?.hold,
        Some(Hold::OutOfFunds.to_string())
    );
    world.sim.heal();
    all_are_bought_once(&world, 35).await?;
    world.stop().await
}

#[tokio::test]
async fn a_provider_that_asks_to_slow_down_is_left_alone_as_long_as_it_says() -> anyhow::Result<()>
{
    let world = World::start(Setup::default()).await?;
    queued(&world, 30).await?;
    let busy = FaultKind::TooMany {
        max_inflight_requests: None,
        retry_after_seconds: Some(3),
    };
    world.sim.fault(on_submit(busy).times(LIMIT as u32))?;
    world.resume().await?;
    all_are_bought_once(&world, 30).await?;

    no_attempt_is_used_up(&world).await?;
    assert_eq!(parked(&world, 1).await?.len(), 1);
    assert_eq!(resumed(&world, 1).await?, [Hold::Cooling]);
    let mut calls = Vec::new();
    for entry in world.told("generation.calling.*").await? {
        if let Event::Calling(calling) = entry.event {
            calls.push(calling.at);
        }
    }
    calls.sort_unstable();
    let gaps = calls.windows(2).map(|pair| pair[1].duration_since(pair[0]));
    let longest = gaps.map(|gap| gap.as_secs_f64()).fold(0.0, f64::max);
    assert!((2.5..9.0).contains(&longest), "{longest}");
    world.stop().await
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_costs_nobody_the_last_attempt() -> anyhow::Result<()> {
    const JOBS: usize = 500;
    let mut world = World::start(Setup::default()).await?;
    queued(&world, JOBS).await?;
    world.sim.go_away().await;
    world.resume().await?;
    world.until_tally("calling", LIMIT + 6).await?;

    let told = parked(&world, 1).await?;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, Hold::Unreachable);
    assert!(told[0].1 as usize >= JOBS - LIMIT, "{told:?}");
    assert!(world.tally().await?["calling"] <= LIMIT + 8);
    world.sim.come_back().await?;
    all_are_bought_once(&world, JOBS).await?;
    assert_eq!(resumed(&world, 1).await?, [Hold::Unreachable]);
    world.stop().await
}

#[tokio::test]
async fn an_operator_stops_and_starts_the_account_whoever_dispatches() -> anyhow::Result<()> {
    let mut world = World::start(Setup::default()).await?;
    let status = world.pause("rotating the key").await?;
    assert_eq!(status.hold, Some(Hold::Paused.to_string()));
    let ids = queue(&world, 20, PATIENCE).await?;
    world.oldest()?.kill();
    world.join()?;
    let status = world.status().await?;
    assert_eq!(status.hold, Some(Hold::Paused.to_string()));
    let why = status.message.unwrap_or_default();
    assert!(why.starts_with("rotating the key (an operator"), "{why}");
    testkit::wait_until(PATIENCE, "the line", async || {
        let status = world.status().await;
        status.is_ok_and(|status| status.lanes.iter().any(|lane| lane.waiting == 20))
    })
    .await?;
    assert_eq!(world.sim.bill().len(), 0);

    assert_eq!(world.resume().await?.hold, None);
    for id in ids {
        world.rendered(id).await?;
    }
    world.stop().await
}

#[tokio::test]
async fn nothing_is_bought_that_cannot_be_stored_whoever_dispatches() -> anyhow::Result<()> {
    let mut world = World::start(Setup::default()).await?;
    world.status().await?;
    world.bus.set_setting("gate", "store", "full", None).await?;
    let told = world.until_told("provider.parked.*", 1).await?;
    assert!(matches!(&told[0], Event::ProviderParked(event) if event.hold == Hold::Store));
    let ids = queue(&world, 20, PATIENCE).await?;
    world.oldest()?.kill();
    world.join()?;
    let status = world.status().await?;
    assert_eq!(status.hold, Some(Hold::Store.to_string()));
    assert!(!world.tally().await?.contains_key("calling"));

    world.bus.delete_setting("gate", "store", None).await?;
    for id in ids {
        world.rendered(id).await?;
    }
    assert_eq!(world.until_told("provider.parked.*", 1).await?.len(), 1);
    assert_eq!(world.until_told("provider.resumed.*", 1).await?.len(), 1);
    world.stop().await
}

#[tokio::test]
async fn a_successor_does_not_run_into_the_same_wall() -> anyhow::Result<()> {
    let mut world = World::start(Setup::default()).await?;
    queued(&world, 40).await?;
    world.sim.refuse(402, Some("insufficient_funds"))?;
    world.resume().await?;
    // What was refused is written down too: a call whose end nobody knows would be in doubt.
    world.until_tally("parked", LIMIT + 3).await?;
    world.oldest()?.kill();
    let before = world.tally().await?["calling"];
    world.join()?;

    let status = world.status().await?;
    assert_eq!(status.hold, Some(Hold::OutOfFunds.to_string()));
    world.until_tally("calling", before + 2).await?;
    assert!(world.tally().await?["calling"] <= before + 3, "probes only");
    assert_eq!(parked(&world, 1).await?.len(), 1);
    world.sim.heal();
    all_are_bought_once(&world, 40).await?;
    no_attempt_is_used_up(&world).await?;
    assert_eq!(resumed(&world, 1).await?, [Hold::OutOfFunds]);
    world.stop().await
}

/// More images than the account may ever have in progress: an end instead of a place at the head of
/// the line for ever.
#[tokio::test]
async fn what_the_account_can_never_take_ends_and_the_others_go_on() -> anyhow::Result<()> {
    let world = World::start(Setup::default().sim(ideogram_sim::Config {
        max_in_flight: 3,
        ..crate::simulator::quick()
    }))
    .await?;
    world.pause("until all are there").await?;
    let large = world.ask("large", json!({ "numImages": 4 })).await?;
    world.until(large, "accepted").await?;
    let just = world.ask("just", json!({ "numImages": 3 })).await?;
    let others = queue(&world, 8, PATIENCE).await?;
    all_wait(&world, 10, PATIENCE).await?;
    world.resume().await?;

    let failed = world.failed(large).await?;
    let message = failed.failure.message;
    assert!(message.contains("more than 3 images"), "{message}");
    assert_eq!(
        (failed.failure.code, failed.failure.billed),
        (Code::ProviderRejected, Billed::No)
    );
    assert_eq!(world.track(large).await?, "accepted calling failed");
    assert_eq!(world.count(large, "calling").await?, 1);
    for id in others.into_iter().chain([just]) {
        world.rendered(id).await?;
    }
    assert_eq!(world.sim.bill().len(), 9);
    world.stop().await
}

#[tokio::test]
async fn what_one_request_may_not_do_ends_it_and_holds_nobody_back() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let feature = FaultKind::Status {
        status: 403,
        reject_reason: Some("feature_limit".to_owned()),
        after_accept: false,
    };
    let model = json!({ "model": "V_3", "customModel": "model/theirs/version/1" });
    for (name, kind, fields) in [
        ("feature", feature, json!({})),
        ("their model", status(403), model),
    ] {
        world.sim.fault(on_submit(kind).times(1))?;
        let id = world.ask(name, fields).await?;
        let failed = world.failed(id).await?;
        assert_eq!(
            (failed.failure.code, failed.failure.billed),
            (Code::ProviderRejected, Billed::No),
            "{name}"
        );
        let message = failed.failure.message;
        assert!(message.starts_with("the provider refused: "), "{message}");
        assert_eq!(world.track(id).await?, "accepted calling failed", "{name}");
    }
    for id in queue(&world, 5, PATIENCE).await? {
        world.rendered(id).await?;
    }
    assert_eq!(parked(&world, 0).await?, []);
    world.stop().await
}

/// One request is refused in words that blame the account. As every probe, it would keep out all
/// others.
#[tokio::test]
async fn one_request_that_is_refused_does_not_keep_the_account_closed() -> anyhow::Result<()> {
    let world = World::start(Setup::default().env("DARKROOM_PROVIDER_LIMIT", "1")).await?;
    world
        .sim
        .fault(Fault::from(status(403)).on("/generate/ideogram-3"))?;
    world.pause("until all are there").await?;
    let bad = world.ask("bad", json!({ "model": "V_3" })).await?;
    world.until(bad, "accepted").await?;
    let others = queue(&world, 5, PATIENCE).await?;
    all_wait(&world, 6, PATIENCE).await?;
    world.resume().await?;
    for id in &others {
        world.rendered(*id).await?;
    }

    // Its own turn, and the first probe; then it stands behind the others.
    let mut calls = Vec::new();
    for entry in world.told("generation.calling.*").await? {
        if let Event::Calling(calling) = entry.event {
            calls.push(calling.id);
        }
    }
    let again = calls.iter().skip(2).position(|id| *id == bad);
    assert_eq!(calls[..2], [bad, bad]);
    assert!(again.is_none_or(|after| after >= others.len()), "{again:?}");
    world.sim.heal();
    world.rendered(bad).await?;
    no_attempt_is_used_up(&world).await?;
    world.stop().await
}

/// What a 429 with this `Retry-After` leaves in the notes: until when the account is left alone.
async fn noted(world: &World, seconds: u64) -> anyhow::Result<Timestamp> {
    let busy = FaultKind::TooMany {
        max_inflight_requests: None,
        retry_after_seconds: Some(seconds),
    };
    world.sim.fault(on_submit(busy).times(1))?;
    world.ask("too many", json!({})).await?;
    testkit::wait_for(PATIENCE, "the notes", async || {
        let notes = world.bus.setting("books", "notes.ideogram").await.ok()??;
        let notes: Value = serde_json::from_slice(&notes).ok()?;
        notes["askedUntil"].as_str()?.parse().ok()
    })
    .await
}

#[tokio::test]
async fn a_successor_leaves_the_provider_alone_as_long_as_it_asked() -> anyhow::Result<()> {
    let mut world = World::start(Setup::default()).await?;
    let until = noted(&world, 8).await?;
    world.oldest()?.kill();
    world.join()?;
    let status = world.status().await?;
    assert_eq!(status.hold, Some(Hold::Cooling.to_string()));
    assert!(Timestamp::now() < until, "it took over too late to tell");

    all_are_bought_once(&world, 1).await?;
    let calls = world.told("generation.calling.*").await?;
    let Some(Event::Calling(second)) = calls.into_iter().map(|entry| entry.event).next_back()
    else {
        anyhow::bail!("not called")
    };
    // The clock of the day and the other one are read one after the other.
    let due = until.checked_sub(SignedDuration::from_millis(50))?;
    assert!(second.at >= due, "{} before {until}", second.at);
    assert_eq!(second.attempt, 2);
    world.stop().await
}

#[tokio::test]
async fn a_wish_to_be_left_alone_for_ever_is_no_end() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let until = noted(&world, u64::MAX).await?;
    let status = world.status().await?;
    assert_eq!(status.hold, Some(Hold::Cooling.to_string()));
    let pause = until.duration_since(Timestamp::now());
    assert!(pause <= SignedDuration::from_hours(1), "{pause}");
    assert!(pause > SignedDuration::from_mins(58), "{pause}");
    world.stop().await
}
