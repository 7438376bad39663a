//! The reader in order, which keeps its own place and writes history.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bus::{Bus, Chronicle, Chronicler, Entry, Position, Source, provision};
use domain::GenerationId;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_util::sync::CancellationToken;

use crate::events::rendered;
use crate::world::{LIMIT, Running, World, next};

/// What lasts, as a database does.
#[derive(Default)]
struct Pages {
    position: Option<Position>,
    written: Vec<u64>,
    /// How many writes fail from now on.
    errors: u32,
    /// Whether writing takes for ever.
    is_stuck: bool,
    rewound: u32,
    lag: Option<u64>,
}

#[derive(Clone)]
struct Diary {
    pages: Arc<Mutex<Pages>>,
    /// The sequences of each chunk that is handed in.
    tell: UnboundedSender<Vec<u64>>,
}

impl Diary {
    fn new() -> (Self, UnboundedReceiver<Vec<u64>>) {
        let (tell, told) = mpsc::unbounded_channel();
        let pages = Arc::default();
        (Self { pages, tell }, told)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, bus: &Bus) -> Running {
        let shutdown = CancellationToken::new();
        let chronicler = Chronicler::new(bus.clone(), self.clone());
        let stop = shutdown.clone();
        Running::spawn(shutdown, async move {
            chronicler.run(stop).await;
            Ok(())
        })
    }

    async fn has(&self, last: u64) -> anyhow::Result<()> {
        let what = format!("entry {last} to be written down");
        testkit::wait_until(LIMIT, &what, async || {
            let position = self.pages().position;
            position.is_some_and(|position| position.sequence >= last)
        })
        .await
    }
}

impl Chronicle for Diary {
    async fn position(&self) -> Result<Option<Position>, Source> {
        Ok(self.pages().position)
    }

    async fn rewind(&self) -> Result<(), Source> {
        let mut pages = self.pages();
        pages.position = None;
        pages.rewound += 1;
        Ok(())
    }

    async fn write(&self, entries: &[Entry], position: Position) -> Result<(), Source> {
        let sequences: Vec<_> = entries.iter().map(|entry| entry.sequence).collect();
        self.tell.send(sequences.clone()).ok();
        if self.pages().is_stuck {
            std::future::pending::<()>().await;
        }
        let mut pages = self.pages();
        if pages.errors > 0 {
            pages.errors -= 1;
            return Err("the database is away".into());
        }
        pages.written.extend(sequences);
        pages.position = Some(position);
        Ok(())
    }

    fn lag(&self, entries: u64) {
        self.pages().lag = Some(entries);
    }
}

async fn publish(world: &World, count: u64) -> anyhow::Result<()> {
    for _ in 0..count {
        let event = rendered(GenerationId::generate());
        world.bus.ledger().append(event, 0).await?;
    }
    Ok(())
}

/// EVENTS is deleted and made once more, without what was in it.
async fn make_anew(world: &World) -> anyhow::Result<()> {
    world.outside.delete_stream("EVENTS").await?;
    Ok(provision(&world.bus, 1).await?)
}

#[tokio::test]
async fn each_entry_is_written_down_once_and_in_order_whoever_dies() -> anyhow::Result<()> {
    const ROUNDS: u64 = 4;
    const EACH: u64 = 500;
    let mut world = World::start().await?;
    let (diary, mut told) = Diary::new();

    for round in 1..=ROUNDS {
        publish(&world, EACH / 2).await?;
        let reader = diary.read(&world.bus);
        next(&mut told).await?;
        // While some are on their way, the server dies, or the reader does with a chunk half done.
        if round % 2 == 0 {
            world.server.kill().await?;
            world.server.restart().await?;
            publish(&world, EACH / 2).await?;
            diary.has(round * EACH).await?;
            reader.stop().await?;
        } else {
            diary.pages().is_stuck = true;
            publish(&world, EACH / 2).await?;
            drop(reader);
            diary.pages().is_stuck = false;
        }
    }

    let all: Vec<_> = (1..=ROUNDS * EACH).collect();
    assert_eq!(diary.pages().written, all);
    Ok(())
}

#[tokio::test]
async fn what_could_not_be_written_down_is_tried_again_before_anything_else() -> anyhow::Result<()>
{
    let world = World::start().await?;
    publish(&world, 1).await?;
    let (diary, mut told) = Diary::new();
    diary.pages().errors = 2;

    let reader = diary.read(&world.bus);

    for _ in 0..3 {
        assert_eq!(next(&mut told).await?, [1]);
        publish(&world, 1).await?;
    }
    diary.has(4).await?;
    assert_eq!(diary.pages().written, [1, 2, 3, 4]);
    reader.stop().await
}

#[tokio::test]
async fn a_reader_that_cannot_write_stops_when_told_and_loses_nothing() -> anyhow::Result<()> {
    let world = World::start().await?;
    publish(&world, 3).await?;
    let (diary, mut told) = Diary::new();
    diary.pages().errors = u32::MAX;
    let reader = diary.read(&world.bus);
    next(&mut told).await?;
    testkit::wait_until(LIMIT, "the lag", async || diary.pages().lag == Some(3)).await?;
    reader.stop().await?;
    diary.pages().errors = 0;

    let reader = diary.read(&world.bus);

    diary.has(3).await?;
    assert_eq!(diary.pages().written, [1, 2, 3]);
    reader.stop().await?;
    let reader = diary.read(&world.bus);
    testkit::wait_until(LIMIT, "no lag", async || diary.pages().lag == Some(0)).await?;
    reader.stop().await
}

#[tokio::test]
async fn what_is_no_event_is_put_aside_once_and_the_others_are_written_down() -> anyhow::Result<()>
{
    let world = World::start().await?;
    let subject = format!("generation.rendered.{}", GenerationId::generate());
    let nonsense = async || -> anyhow::Result<()> {
        let published = world.outside.publish(subject.clone(), "nonsense".into());
        published.await?.await?;
        Ok(())
    };
    nonsense().await?;
    publish(&world, 1).await?;
    nonsense().await?;
    let (diary, _told) = Diary::new();
    diary.pages().errors = 1;

    for last in [3, 4] {
        let reader = diary.read(&world.bus);
        diary.has(last).await?;
        reader.stop().await?;
        publish(&world, 1).await?;
    }

    assert_eq!(diary.pages().written, [2, 4]);
    let dead = world.messages("DEAD").await?;
    let origins: Vec<_> = dead
        .iter()
        .map(|message| crate::world::header(message, "Darkroom-Origin"))
        .collect();
    assert_eq!(origins, [Some(subject.as_str()); 2]);
    Ok(())
}

#[tokio::test]
async fn events_that_was_made_anew_is_read_from_its_beginning() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (diary, _told) = Diary::new();
    let reader = diary.read(&world.bus);
    publish(&world, 5).await?;
    diary.has(5).await?;

    // While somebody reads: first it is shorter than what was read, and then longer.
    for (round, count) in [(2, 3), (3, 20)] {
        diary.pages().written.clear();
        make_anew(&world).await?;
        publish(&world, count).await?;
        let all: Vec<_> = (1..=count).collect();
        testkit::wait_until(LIMIT, "all of the new one", async || {
            diary.pages().written == all
        })
        .await?;
        assert_eq!(diary.pages().rewound, round);
    }
    reader.stop().await?;

    // While nobody does, and it has come further than the one before.
    diary.pages().written.clear();
    make_anew(&world).await?;
    publish(&world, 30).await?;
    let reader = diary.read(&world.bus);
    diary.has(30).await?;
    assert_eq!(diary.pages().written, (1..=30).collect::<Vec<_>>());
    reader.stop().await
}

#[tokio::test]
async fn what_was_deleted_is_no_reason_to_begin_anew() -> anyhow::Result<()> {
    let world = World::start().await?;
    publish(&world, 3).await?;
    let (diary, _told) = Diary::new();
    let reader = diary.read(&world.bus);
    diary.has(3).await?;
    reader.stop().await?;

    let events = world.outside.get_stream("EVENTS").await?;
    events.purge().await?;
    publish(&world, 1).await?;

    let reader = diary.read(&world.bus);
    diary.has(4).await?;
    assert_eq!(diary.pages().written, [1, 2, 3, 4]);
    assert_eq!(diary.pages().rewound, 1);
    reader.stop().await
}
