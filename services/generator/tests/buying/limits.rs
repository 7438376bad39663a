//! The account is never overrun, and never served by two at once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::{Event, GenerationId};
use ideogram_sim::{Config, Latency};
use jiff::Timestamp;
use serde_json::json;

use crate::simulator::quick;
use crate::world::{PATIENCE, Setup, World};

/// Counts and does not refuse.
fn counting() -> Config {
    let latency = Latency {
        min: Duration::from_millis(20),
        max: Duration::from_millis(150),
    };
    Config {
        enforce_limit: false,
        latency,
        ..quick()
    }
}

async fn ask_for(world: &World, jobs: u32) -> anyhow::Result<Vec<GenerationId>> {
    let mut ids = Vec::new();
    for number in 0..jobs {
        let images = 1 + number % 4;
        ids.push(
            world
                .ask(&format!("kite {number}"), json!({ "numImages": images }))
                .await?,
        );
    }
    Ok(ids)
}

#[tokio::test]
async fn the_limit_holds_in_images_and_every_call_is_on_record_before_it() -> anyhow::Result<()> {
    let world = World::start(Setup::default().sim(counting())).await?;
    for id in ask_for(&world, 60).await? {
        world.rendered(id).await?;
    }

    let state = world.sim.state();
    assert!(
        (4..=10).contains(&state.peak_in_flight),
        "{}",
        state.peak_in_flight
    );
    let bill = world.sim.bill();
    assert_eq!(bill.len(), 60);
    let events = world.jetstream.get_stream("EVENTS").await?;
    for charge in bill {
        let subject = format!("generation.calling.{}", crate::world::named(&charge.prompt));
        let calling = events.get_last_raw_message_by_subject(&subject).await?;
        let charged: Timestamp = charge.at.parse()?;
        let recorded = calling.time.unix_timestamp_nanos();
        assert!(recorded <= charged.as_nanosecond(), "{charge:?}");
    }
    world.stop().await
}

#[tokio::test]
async fn one_generator_calls_and_the_other_takes_over_when_it_stops() -> anyhow::Result<()> {
    let mut world = World::start(Setup::default().sim(counting())).await?;
    let first = world.ask("first", json!({})).await?;
    world.rendered(first).await?;
    world.join()?;
    let ids = ask_for(&world, 40).await?;
    world.rendered(ids[10]).await?;

    world.oldest()?.stop().await?;
    let (stopped, before) = (Instant::now(), world.sim.state().accepted);
    testkit::wait_until(PATIENCE, "a call of the other", async || {
        world.sim.state().accepted > before
    })
    .await?;
    assert!(
        stopped.elapsed() < Duration::from_secs(10),
        "{:?}",
        stopped.elapsed()
    );

    let mut fences = Vec::new();
    for id in &ids {
        world.rendered(*id).await?;
        for entry in world.entries(*id).await? {
            if let Event::Calling(calling) = entry.event {
                let fence = calling
                    .token
                    .split('-')
                    .next()
                    .unwrap_or_default()
                    .parse::<u64>()?;
                fences.push((entry.sequence, fence));
            }
        }
    }
    fences.sort_unstable();
    assert!(
        fences.is_sorted_by_key(|(_, fence)| *fence),
        "never two at once: {fences:?}"
    );
    let holders: BTreeSet<u64> = fences.iter().map(|(_, fence)| *fence).collect();
    assert_eq!(holders.len(), 2);
    assert_eq!(world.sim.bill().len(), 41);
    world.stop().await
}
