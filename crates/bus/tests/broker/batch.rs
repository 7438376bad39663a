//! The reader in order, which writes history.

use std::sync::{Arc, Mutex, PoisonError};

use bus::{BatchHandler, BatchWorker, Bus, Entry, Source, Stage};
use domain::GenerationId;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_util::sync::CancellationToken;

use crate::events::rendered;
use crate::world::{Running, World, next};

/// Tells of each chunk, and fails while it has errors left.
struct Diary {
    errors: Arc<Mutex<u32>>,
    tell: UnboundedSender<(Vec<u64>, bool)>,
}

impl BatchHandler for Diary {
    async fn handle(&self, entries: &[Entry]) -> Result<(), Source> {
        let fails = {
            let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
            let fails = *errors > 0;
            *errors = errors.saturating_sub(1);
            fails
        };
        let sequences = entries.iter().map(|entry| entry.sequence).collect();
        self.tell.send((sequences, !fails))?;
        if fails {
            Err("the database is away".into())
        } else {
            Ok(())
        }
    }
}

fn start(bus: &Bus, errors: u32) -> (Running, UnboundedReceiver<(Vec<u64>, bool)>) {
    let (tell, told) = mpsc::unbounded_channel();
    let diary = Diary {
        errors: Arc::new(Mutex::new(errors)),
        tell,
    };
    let shutdown = CancellationToken::new();
    let worker = BatchWorker::new(bus.clone(), Stage::Record, diary);
    (Running::spawn(shutdown.clone(), worker.run(shutdown)), told)
}

async fn publish(world: &World, count: u64) -> anyhow::Result<()> {
    for _ in 0..count {
        world
            .bus
            .ledger()
            .append(rendered(GenerationId::generate()), 0)
            .await?;
    }
    Ok(())
}

/// What was written down, until the sequence `last`.
async fn written(
    told: &mut UnboundedReceiver<(Vec<u64>, bool)>,
    last: u64,
) -> anyhow::Result<Vec<u64>> {
    let mut written = Vec::new();
    while written.last() != Some(&last) {
        let (sequences, done) = next(told).await?;
        if done {
            written.extend(sequences);
        }
    }
    Ok(written)
}

#[tokio::test]
async fn events_are_written_down_in_order_and_once_across_a_restart() -> anyhow::Result<()> {
    let world = World::start().await?;
    publish(&world, 300).await?;

    let (worker, mut told) = start(&world.bus, 0);
    assert_eq!(
        written(&mut told, 300).await?,
        (1..=300).collect::<Vec<_>>()
    );
    world.settled("EVENTS", "record", 300).await?;
    worker.stop().await?;

    publish(&world, 10).await?;
    let (worker, mut told) = start(&world.bus, 0);
    assert_eq!(
        written(&mut told, 310).await?,
        (301..=310).collect::<Vec<_>>()
    );
    worker.stop().await
}

#[tokio::test]
async fn what_could_not_be_written_down_is_tried_again_before_anything_else() -> anyhow::Result<()>
{
    let world = World::start().await?;
    publish(&world, 1).await?;

    let (worker, mut told) = start(&world.bus, 2);

    let mut tries = Vec::new();
    for _ in 0..3 {
        tries.push(next(&mut told).await?);
        publish(&world, 1).await?;
    }
    assert_eq!(tries, [(vec![1], false), (vec![1], false), (vec![1], true)]);
    assert_eq!(written(&mut told, 4).await?, [2, 3, 4]);
    worker.stop().await
}

#[tokio::test]
async fn what_is_no_event_is_put_aside_and_the_others_are_written_down() -> anyhow::Result<()> {
    let world = World::start().await?;
    let subject = format!("generation.rendered.{}", GenerationId::generate());
    world
        .outside
        .publish(subject.clone(), "nonsense".into())
        .await?
        .await?;
    publish(&world, 1).await?;

    let (worker, mut told) = start(&world.bus, 0);

    assert_eq!(written(&mut told, 2).await?, [2]);
    world.settled("EVENTS", "record", 2).await?;
    let dead = world.messages("DEAD").await?;
    let origins: Vec<_> = dead
        .iter()
        .map(|message| crate::world::header(message, "Darkroom-Origin"))
        .collect();
    assert_eq!(origins, [Some(subject.as_str())]);
    worker.stop().await
}
