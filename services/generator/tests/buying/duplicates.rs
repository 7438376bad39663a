//! The same asked for again: bought, joined, handed out or refused, exactly as the requester says.

use std::sync::{Arc, Mutex, PoisonError};

use bus::{Bus, Refusal};
use domain::{Code, Completed, Event, GenerationId, Image, ImageId, ImageState, Rendered};
use ideogram_sim::FaultKind;
use jiff::Timestamp;
use serde_json::json;
use storage::Key;
use tokio_util::sync::CancellationToken;
use wire::{ask, v1};

use crate::simulator::on_submit;
use crate::world::{PATIENCE, Setup, World};

/// Answers who asked for the same before, as the historian does: with what it was told of.
struct History {
    known: Arc<Mutex<Option<GenerationId>>>,
    _end: tokio_util::sync::DropGuard,
}

impl History {
    fn start(bus: Bus) -> Self {
        let (end, known) = (CancellationToken::new(), Arc::<Mutex<Option<_>>>::default());
        let (shutdown, answers) = (end.clone(), Arc::clone(&known));
        tokio::spawn(async move {
            let ledger = bus.ledger();
            let answering = bus.answer("history", &["find"], shutdown, |_, _| async {
                let recorded_to = ledger.end().await;
                let recorded_to = recorded_to.map_err(|err| Refusal::broken(err.to_string()))?;
                let known: Option<GenerationId> =
                    *answers.lock().unwrap_or_else(PoisonError::into_inner);
                let id = known.map(|id| id.to_string());
                Ok(ask::write(&v1::HistoryFound { id, recorded_to }))
            });
            answering.await
        });
        Self {
            known,
            _end: end.drop_guard(),
        }
    }

    fn knows(&self, id: GenerationId) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
    }
}

impl World {
    /// Asks for the same picture under a name of its own.
    async fn ask_as(&self, name: &str, policy: &str) -> anyhow::Result<GenerationId> {
        let request = json!({ "prompt": "kite", "customId": name, "onDuplicate": policy });
        self.publish("generation.requested", None, request.to_string())
            .await?;
        Ok(crate::world::named(name))
    }

    /// As the uploader does once it has the pictures.
    async fn store(&self, rendered: &Rendered) -> anyhow::Result<Completed> {
        let mut images = Vec::new();
        for image in &rendered.images {
            let key = Key::generated(&rendered.job.id, image.index, &"ab".repeat(32), "png")?;
            self.config.store.put_new(&key, "a picture".into()).await?;
            images.push(Image {
                id: ImageId::of(rendered.job.id, image.index),
                index: image.index,
                state: ImageState::Ready,
                url: Some(format!("http://pictures.example/assets/{key}")),
                key: Some(key.to_string()),
                width: 64,
                height: 64,
                seed: image.seed,
                prompt: image.prompt.clone(),
                format: "png".to_owned(),
                bytes: 9,
                sha256: "ab".repeat(32),
                derivatives: Vec::new(),
                error: None,
                traits: None,
                content_credentials: false,
            });
        }
        let completed = Completed {
            job: rendered.job.clone(),
            images,
            texts: Vec::new(),
            cost: rendered.cost,
            at: Timestamp::now(),
        };
        let last = self.entries(rendered.job.id).await?.pop();
        let last = last.map_or(0, |entry| entry.sequence);
        self.bus.ledger().append(completed.clone(), last).await?;
        Ok(completed)
    }

    /// The same pictures as in `stored`, as objects of its own.
    async fn is_copied(&self, completed: &Completed, stored: &Completed) -> anyhow::Result<()> {
        assert_eq!(completed.images.len(), stored.images.len());
        for (own, first) in completed.images.iter().zip(&stored.images) {
            let id = completed.job.id;
            let key = own.key.clone().unwrap_or_default();
            assert_eq!(
                (own.id, own.state),
                (ImageId::of(id, own.index), ImageState::Stored)
            );
            assert_eq!((&own.sha256, own.bytes), (&first.sha256, first.bytes));
            assert!(
                key.starts_with(&format!("generated/{id}/{}-", own.index)),
                "{key}"
            );
            assert_eq!(
                own.url,
                Some(format!("http://pictures.example/assets/{key}"))
            );
            let key = Key::parse(&key)?;
            assert_eq!(self.config.store.get(&key).await?, Some("a picture".into()));
            let head = self.config.store.head(&key).await?;
            let meta = head.map(|head| head.meta).unwrap_or_default();
            assert_eq!(meta.get("generation"), Some(&*id.to_string()));
        }
        Ok(())
    }

    /// How many objects are there of the pictures of `id`.
    async fn objects(&self, id: GenerationId) -> anyhow::Result<usize> {
        let key = Key::generated(&id, 0, &"ab".repeat(32), "png")?;
        Ok(usize::from(self.config.store.head(&key).await?.is_some()))
    }

    async fn completed(&self, id: GenerationId) -> anyhow::Result<Completed> {
        match self.until(id, "completed").await? {
            Event::Completed(completed) => Ok(*completed),
            other => anyhow::bail!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_same_is_bought_again_and_called_so_unless_that_is_wanted() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let first = world.ask_as("first", "warn").await?;
    assert_eq!(world.rendered(first).await?.job.duplicate_of, None);
    let second = world.ask_as("second", "warn").await?;
    assert_eq!(world.rendered(second).await?.job.duplicate_of, Some(first));
    let third = world.ask_as("third", "generate").await?;
    assert_eq!(world.rendered(third).await?.job.duplicate_of, None);
    let seeded = world.ask("kite", json!({ "seed": 1 })).await?;
    assert_eq!(world.rendered(seeded).await?.job.duplicate_of, None);
    assert_eq!(world.sim.bill().len(), 4);
    world.stop().await
}

#[tokio::test]
async fn fifty_at_once_buy_one() -> anyhow::Result<()> {
    let world = World::start(Setup::slow()).await?;
    let _history = History::start(world.bus.clone());
    let asked = (0..50).map(async |n| world.ask_as(&format!("kite {n}"), "reuse").await);
    let ids: Vec<GenerationId> = futures::future::try_join_all(asked).await?;
    world.until_tally("submitted", 1).await?;
    world.until_tally("accepted", 50).await?;
    testkit::wait_until(PATIENCE, "the drawing", async || {
        world.sim.advance_clock(crate::simulator::HOUR);
        let tally = world.tally().await.unwrap_or_default();
        tally.contains_key("rendered")
    })
    .await?;
    let mut bought = None;
    for id in &ids {
        if world.count(*id, "rendered").await? == 1 {
            bought = Some(*id);
        }
    }
    let bought = bought.ok_or_else(|| anyhow::anyhow!("nothing was bought"))?;
    let stored = world.store(&world.rendered(bought).await?).await?;

    for id in ids.iter().filter(|id| **id != bought) {
        let completed = world.completed(*id).await?;
        assert_eq!(completed.job.duplicate_of, Some(bought));
        assert_eq!(completed.cost.micros(), 0);
        world.is_copied(&completed, &stored).await?;
        assert_eq!(world.track(*id).await?, "accepted completed");
    }
    assert_eq!(
        (world.sim.bill().len(), world.tally().await?["calling"]),
        (1, 1)
    );
    world.stop().await
}

#[tokio::test]
async fn who_does_not_want_it_twice_is_told_of_the_first() -> anyhow::Result<()> {
    let world = World::start(Setup::slow()).await?;
    let _history = History::start(world.bus.clone());
    let first = world.ask_as("first", "warn").await?;
    world.until(first, "submitted").await?;
    let second = world.ask_as("second", "reject").await?;
    let failed = world.failed(second).await?;
    assert_eq!(failed.failure.code, Code::Duplicate);
    assert!(
        failed.failure.message.contains(&first.to_string()),
        "{}",
        failed.failure.message
    );
    assert!(
        failed.failure.message.contains("0.08"),
        "{}",
        failed.failure.message
    );
    assert_eq!(failed.job.and_then(|job| job.duplicate_of), Some(first));

    // The first one under this policy is no duplicate of anything.
    let other = json!({ "prompt": "boat", "customId": "boat", "onDuplicate": "reject" });
    world
        .publish("generation.requested", None, other.to_string())
        .await?;
    world
        .until(crate::world::named("boat"), "submitted")
        .await?;
    assert_eq!(world.sim.bill().len(), 2);
    world.stop().await
}

#[tokio::test]
async fn what_was_joined_and_comes_to_nothing_is_bought_by_one_of_the_others() -> anyhow::Result<()>
{
    let mut setup = crate::simulator::quick();
    setup.latency.min = crate::simulator::HOUR;
    setup.latency.max = crate::simulator::HOUR;
    let world = World::start(Setup::default().sim(setup)).await?;
    let _history = History::start(world.bus.clone());
    world
        .pause("so that the first fails with others behind it")
        .await?;
    let first = world.ask_as("first", "warn").await?;
    world.until(first, "accepted").await?;
    let others = (0..10).map(async |n| world.ask_as(&format!("kite {n}"), "reuse").await);
    let others: Vec<GenerationId> = futures::future::try_join_all(others).await?;
    world.until_tally("accepted", 11).await?;
    world
        .sim
        .fault(on_submit(crate::simulator::status(400)).times(1))?;
    world.resume().await?;
    world.failed(first).await?;
    world.until_tally("submitted", 1).await?;
    let mut heir = None;
    for id in &others {
        if world.count(*id, "submitted").await? == 1 {
            heir = Some(*id);
        }
    }
    let heir = heir.ok_or_else(|| anyhow::anyhow!("nobody bought it"))?;
    let rendered = world.finish_drawing(heir).await?;
    world.store(&rendered).await?;
    for id in others.iter().filter(|id| **id != heir) {
        assert_eq!(world.completed(*id).await?.job.duplicate_of, Some(heir));
    }
    assert_eq!(
        (world.sim.bill().len(), world.tally().await?["calling"]),
        (1, 2)
    );
    world.stop().await
}

#[tokio::test]
async fn who_has_joined_can_leave() -> anyhow::Result<()> {
    let world = World::start(Setup::slow()).await?;
    let _history = History::start(world.bus.clone());
    let first = world.ask_as("first", "reuse").await?;
    world.until(first, "submitted").await?;
    let second = world.ask_as("second", "reuse").await?;
    let third = world.ask_as("third", "reuse").await?;
    world.until_tally("accepted", 3).await?;
    let receipt = world.cancel(second).await?;
    assert_eq!(
        (receipt.status.as_str(), receipt.released_usd_micros),
        ("failed", 80_000)
    );
    assert_eq!(world.failed(second).await?.failure.code, Code::Cancelled);

    let rendered = world.finish_drawing(first).await?;
    world.store(&rendered).await?;
    assert_eq!(world.completed(third).await?.job.duplicate_of, Some(first));
    assert_eq!(world.track(second).await?, "accepted failed");
    assert_eq!(world.sim.bill().len(), 1);
    world.stop().await
}

/// History knows nothing of what is under way.
#[tokio::test]
async fn a_successor_knows_who_has_joined_whom() -> anyhow::Result<()> {
    for stop in [false, true] {
        let mut world = World::start(Setup::slow()).await?;
        let _history = History::start(world.bus.clone());
        let first = world.ask_as("first", "reuse").await?;
        world.until(first, "accepted").await?;
        let second = world.ask_as("second", "reuse").await?;
        world.until_tally("accepted", 2).await?;
        world.until(first, "submitted").await?;
        world.status().await?;
        match stop {
            // Also who waits for others does not keep us from stopping.
            true => drop(world.oldest()?.stop().await?),
            false => world.oldest()?.kill(),
        }
        world.join()?;
        let third = world.ask_as("third", "reuse").await?;
        world.until(third, "accepted").await?;
        let rendered = world.finish_drawing(first).await?;
        world.store(&rendered).await?;
        for id in [second, third] {
            assert_eq!(world.completed(id).await?.job.duplicate_of, Some(first));
        }
        assert_eq!(world.sim.bill().len(), 1, "stopped: {stop}");
        world.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_history_knows_is_not_bought_again() -> anyhow::Result<()> {
    let mut world = World::start(Setup::default()).await?;
    let history = History::start(world.bus.clone());
    let first = world.ask_as("first", "generate").await?;
    let rendered = world.rendered(first).await?;
    let stored = world.store(&rendered).await?;
    // Two restarts: the first remembers what it reads, the second has nothing left to read.
    for _ in 0..2 {
        world.oldest()?.stop().await?;
        world.join()?;
        world.status().await?;
    }
    history.knows(first);
    let second = world.ask_as("second", "reuse").await?;
    let completed = world.completed(second).await?;
    world.is_copied(&completed, &stored).await?;
    assert_eq!(completed.cost.micros(), 0);
    assert_eq!(world.sim.bill().len(), 1);
    world.stop().await
}

#[tokio::test]
async fn what_was_deleted_is_not_handed_out_but_bought_again() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let _history = History::start(world.bus.clone());
    let first = world.ask_as("first", "generate").await?;
    let rendered = world.rendered(first).await?;
    let stored = world.store(&rendered).await?;
    let key = stored.images[0].key.clone().unwrap_or_default();
    world.config.store.delete(&Key::parse(&key)?).await?;

    let second = world.ask_as("second", "reuse").await?;
    assert_eq!(world.rendered(second).await?.job.duplicate_of, None);
    assert_eq!(world.sim.bill().len(), 2);
    assert_eq!(world.objects(second).await?, 0);
    world.stop().await
}

/// A call without an answer may have been paid for; who wants the same waits until that is decided.
#[tokio::test]
async fn who_joined_a_doubt_buys_only_when_it_is_given_up() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let _history = History::start(world.bus.clone());
    world
        .sim
        .fault(on_submit(FaultKind::ResetBeforeAccept).times(1))?;
    let first = world.ask_as("first", "reuse").await?;
    world.until(first, "unknown").await?;
    let second = world.ask_as("second", "reuse").await?;
    world.until(second, "accepted").await?;
    world.status().await?;
    assert_eq!(world.sim.bill().len(), 0);
    world.discard(first).await?;
    world.rendered(second).await?;
    assert_eq!(world.sim.bill().len(), 1);
    world.stop().await
}
