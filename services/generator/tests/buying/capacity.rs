//! How well the account's places are used, and who gets them. The provider only counts here: it
//! refuses nothing, so whatever is too much is our doing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{Event, Lane};
use jiff::Timestamp;
use serde_json::json;

use crate::simulator::counting;
use crate::world::{PATIENCE, Setup, World, named};

const LIMIT: usize = 10;

/// Part of `places` in use between two moments, if each generation holds one for each of its images
/// until the last of them is drawn. The provider itself gives back the places of the first images
/// sooner; nobody tells us which, so they cannot be used.
fn use_of_places(world: &World, drawing: Duration, from: Timestamp, to: Timestamp) -> f64 {
    let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64().max(0.0);
    let held = world.sim.bill().into_iter().map(|charge| {
        let began: Timestamp = charge.at.parse().unwrap_or(Timestamp::MAX);
        let ended = began.saturating_add(drawing).unwrap_or(Timestamp::MAX);
        f64::from(charge.images) * seconds(began.max(from), ended.min(to))
    });
    held.sum::<f64>() / (seconds(from, to) * LIMIT as f64)
}

async fn waiting(world: &World) -> anyhow::Result<u64> {
    let status = world.status().await?;
    Ok(status.lanes.iter().map(|lane| lane.waiting).sum())
}

/// Waits until `calls` more were accepted, while there is a backlog, and says how well the places
/// were used meanwhile.
async fn measure(world: &World, drawing: Duration, calls: u64) -> anyhow::Result<f64> {
    let (from, before) = (Timestamp::now(), world.sim.state().accepted);
    testkit::wait_until(PATIENCE, "the calls", async || {
        world.sim.state().accepted >= before + calls
    })
    .await?;
    let used = use_of_places(world, drawing, from, Timestamp::now());
    anyhow::ensure!(waiting(world).await? > 0, "the backlog ended too soon");
    Ok(used)
}

/// The gap of the takeover itself is not counted into the use: it is as long as a lease. The death
/// falls between two calls, since the places of one that is in doubt are rightly kept for a while.
#[tokio::test]
async fn three_replicas_and_a_death_never_overrun_the_account_and_leave_no_place_idle()
-> anyhow::Result<()> {
    let drawing = Duration::from_secs(3);
    let mut world = World::start(Setup::default().sim(counting(drawing))).await?;
    world.status().await?;
    world.join()?;
    world.join()?;
    let requests = (0..100).map(|n| (format!("kite {n}"), json!({ "numImages": 1 + n % 4 })));
    world.ask_all(requests).await?;
    testkit::wait_until(PATIENCE, "a full account", async || {
        world.sim.state().in_flight >= LIMIT - 1
    })
    .await?;
    let before = measure(&world, drawing, 20).await?;

    let calls = world.sim.state().accepted;
    world.until_all_are_named().await?;
    world.oldest()?.kill();
    testkit::wait_until(PATIENCE, "the successor", async || {
        let state = world.sim.state();
        state.accepted >= calls + 4 && state.in_flight >= LIMIT - 1
    })
    .await?;
    let after = measure(&world, drawing, 20).await?;
    let peak = world.sim.state().peak_in_flight;
    let used = f64::midpoint(before, after);
    println!("use of places: {before:.3}, and {after:.3} after the death: {used:.3}; peak {peak}");

    assert_eq!(peak, LIMIT);
    assert!(used >= 0.95, "{before:.3} {after:.3}");
    world.pause("enough was measured").await?;
    calls_are_on_record(&world).await?;
    world.stop().await
}

/// Each was called once, after its record, and ends.
async fn calls_are_on_record(world: &World) -> anyhow::Result<()> {
    let ended = async || -> anyhow::Result<bool> {
        let tally = world.tally().await?;
        Ok(tally["calling"] == tally["rendered"])
    };
    testkit::wait_until(PATIENCE, "the ends", async || {
        matches!(ended().await, Ok(true))
    })
    .await?;
    let mut calls = BTreeSet::new();
    for charge in world.sim.bill() {
        let entries = world.entries(named(&charge.prompt)).await?;
        let calling = entries.iter().find_map(|entry| match &entry.event {
            Event::Calling(calling) => Some(calling.at),
            _ => None,
        });
        let charged: Timestamp = charge.at.parse()?;
        let recorded = calling.is_some_and(|at| at.as_millisecond() <= charged.as_millisecond());
        assert!(recorded, "{charge:?}");
        assert!(calls.insert(charge.prompt.clone()), "twice: {charge:?}");
    }
    assert_eq!(world.tally().await?["calling"], calls.len());
    Ok(())
}

/// When each was let in and called.
async fn calls(world: &World) -> anyhow::Result<Vec<(Lane, Option<String>, Timestamp, Timestamp)>> {
    let mut accepted = BTreeMap::new();
    for entry in world.told("generation.accepted.*").await? {
        if let Event::Accepted(event) = entry.event {
            let request = event.job.request;
            let facts = (request.lane, request.campaign, event.job.accepted_at);
            accepted.insert(event.job.id, facts);
        }
    }
    let mut calls = Vec::new();
    for entry in world.told("generation.calling.*").await? {
        if let Event::Calling(calling) = entry.event
            && let Some((lane, campaign, at)) = accepted.get(&calling.id)
        {
            calls.push((*lane, campaign.clone(), *at, calling.at));
        }
    }
    Ok(calls)
}

#[tokio::test]
async fn who_waits_for_an_answer_does_not_stand_behind_a_batch() -> anyhow::Result<()> {
    let drawing = Duration::from_millis(400);
    let world = World::start(Setup::default().sim(counting(drawing))).await?;
    let batch = (0..1_000).map(|n| (format!("batch {n}"), json!({ "campaign": "summer" })));
    world.ask_all(batch).await?;
    world.until_tally("accepted", 1_000).await?;
    let mut waits = Vec::new();
    for n in 0..15 {
        let fields = json!({ "lane": "interactive" });
        let id = world.ask(&format!("now {n}"), fields).await?;
        world.rendered(id).await?;
    }

    let (mut first, mut last, mut served) = (Timestamp::MAX, Timestamp::MIN, 0);
    for (lane, _, accepted, called) in calls(&world).await? {
        (first, last, served) = (first.min(called), last.max(called), served + 1);
        if lane == Lane::Interactive {
            waits.push(called.duration_since(accepted).as_secs_f64());
        }
    }
    // First come, first served, each of them would have waited for the rest of the batch.
    let throughput = f64::from(served) / last.duration_since(first).as_secs_f64();
    let rest = 1_000 - (served - waits.len() as i32);
    let fifo = f64::from(rest) / throughput;
    waits.sort_by(f64::total_cmp);
    let p50 = waits[waits.len() / 2];
    assert!(rest > 300, "the batch was over too soon: {rest}");
    assert!(p50 <= fifo / 10.0, "p50 {p50:.2} s of {fifo:.2} s");
    world.stop().await
}

#[tokio::test]
async fn campaigns_of_one_lane_take_turns_and_the_background_is_served_as_well()
-> anyhow::Result<()> {
    let drawing = Duration::from_millis(300);
    let world = World::start(Setup::default().sim(counting(drawing))).await?;
    world.pause("until all are there").await?;
    let ask = async |campaign: &'static str, lane: &'static str, jobs: usize| {
        let fields = move |n| {
            let fields = json!({ "campaign": campaign, "lane": lane });
            (format!("{campaign} {n}"), fields)
        };
        world.ask_all((0..jobs).map(fields)).await
    };
    ask("first", "standard", 120).await?;
    ask("second", "standard", 60).await?;
    ask("night", "background", 40).await?;
    world.until_tally("accepted", 220).await?;
    testkit::wait_until(PATIENCE, "the line", async || {
        matches!(waiting(&world).await, Ok(220))
    })
    .await?;
    world.resume().await?;
    world.until_tally("calling", 130).await?;

    let mut served: Vec<_> = calls(&world)
        .await?
        .into_iter()
        .map(|call| call.1)
        .collect();
    served.truncate(120);
    let count = |campaign: &str| {
        let of = |served: &&Option<String>| served.as_deref() == Some(campaign);
        served.iter().filter(of).count()
    };
    let (first, second, night) = (count("first"), count("second"), count("night"));
    assert!(first.abs_diff(second) <= 6, "{first} {second}");
    assert!(night >= 6 && night < first, "{night} of {first}");
    world.stop().await
}
