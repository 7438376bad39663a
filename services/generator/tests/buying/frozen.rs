//! A dispatcher that stands still for longer than its lease lasts, and goes on as if nothing had
//! happened: real processes, stopped and continued by the kernel.

use std::collections::BTreeMap;

use domain::Event;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use testkit::Process;

use crate::simulator::counting;
use crate::world::{Setup, World};

const JOBS: usize = 60;

async fn start(world: &World, store: &str) -> anyhow::Result<Process> {
    let program = env!("CARGO_BIN_EXE_generator");
    let envs = [
        ("DARKROOM_NATS_URL", world.nats_url().to_owned()),
        ("DARKROOM_STORAGE_URL", format!("file://{store}")),
        ("IDEOGRAM_BASE_URL", world.sim.url()),
        ("IDEOGRAM_API_KEY", "test-key".to_owned()),
    ];
    Process::start(program, [""; 0], envs).await
}

fn signal(process: &Process, signal: Signal) -> anyhow::Result<()> {
    let pid = Pid::from_raw(process.pid().cast_signed());
    let pid = pid.ok_or_else(|| anyhow::anyhow!("no process"))?;
    Ok(kill_process(pid, signal)?)
}

#[tokio::test]
async fn who_was_frozen_calls_nobody_afterwards() -> anyhow::Result<()> {
    let drawing = std::time::Duration::from_millis(700);
    let world = World::without_generator(Setup::default().sim(counting(drawing))).await?;
    let folder = tempfile::tempdir()?;
    let store = folder.path().display().to_string();
    let old = start(&world, &store).await?;
    world.status().await?;
    let requests = (0..JOBS).map(|n| (format!("kite {n}"), json!({})));
    world.ask_all(requests).await?;
    world.until_tally("rendered", 5).await?;
    // Not in the middle of its calls: all the places of those would be kept for ten minutes.
    world.until_all_are_named().await?;
    signal(&old, Signal::STOP)?;
    let new = start(&world, &store).await?;
    let calls = world.tally().await?["calling"];
    world.until_tally("calling", calls + 12).await?;
    signal(&old, Signal::CONT)?;
    // Each has its last word: what was asked of the old one, it may still tell.
    testkit::wait_until(crate::world::PATIENCE, "all ends", async || {
        let tally = world.tally().await.unwrap_or_default();
        let of = |kind: &str| tally.get(kind).copied().unwrap_or(0);
        of("rendered") + of("unknown") >= JOBS
    })
    .await?;

    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for charge in world.sim.bill() {
        *calls.entry(charge.prompt).or_default() += 1;
    }
    assert!(calls.values().all(|calls| *calls == 1), "{calls:?}");
    assert!(world.sim.state().peak_in_flight <= 10);
    let mut fences = Vec::new();
    for entry in world.told("generation.calling.*").await? {
        if let Event::Calling(calling) = entry.event {
            let fence = calling.token.split('-').next().unwrap_or_default();
            fences.push(fence.parse::<u64>()?);
        }
    }
    assert!(
        fences.is_sorted(),
        "the old one called after the new one: {fences:?}"
    );
    // What the old one had written down and not sent when it was stopped, it took back afterwards,
    // and the new one may have called by now.
    let taken_back = world.tally().await?.get("parked").copied().unwrap_or(0);
    let expected = JOBS..=JOBS + taken_back;
    assert!(expected.contains(&fences.len()), "{} calls", fences.len());
    fences.dedup();
    assert_eq!(fences.len(), 2, "{fences:?}");
    drop((old, new));
    world.stop().await
}
