//! All that was told of one thing, and what is undone when it is not told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::{Delivery, Expect, Fault, Handler, Source, Stage, Step};
use domain::{
    AssetDeleted, AssetExpired, DerivationId, Event, GenerationId, ImageId, ImageReady, Rendered,
    Tenant,
};
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::events::{calling, completed, image, job, rendered};
use crate::world::{POLICY, Running, World, next};

fn ready(id: GenerationId) -> Event {
    Event::from(ImageReady {
        job: job(id),
        derivation: Some(DerivationId::generate()),
        image: image(id),
        at: Timestamp::UNIX_EPOCH,
    })
}

fn expired(id: GenerationId) -> AssetExpired {
    AssetExpired {
        id,
        tenant: Tenant::default(),
        image: ImageId::of(id, 0),
        reason: "retention".to_owned(),
        at: Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test]
async fn a_story_has_every_word_and_in_order() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (id, other) = (GenerationId::generate(), GenerationId::generate());
    let told = [
        Event::from(calling(id, "one")),
        calling(id, "two").into(),
        rendered(id).into(),
        ready(id),
        ready(other),
        ready(id),
        expired(id).into(),
    ];
    for event in &told {
        world.bus.publish(event, &Expect::Nothing).await?;
    }
    let ledger = world.bus.ledger();

    let story = ledger.story(id).await?;
    let events: Vec<_> = story.iter().map(|entry| &entry.event).collect();
    assert_eq!(events, [&told[0], &told[1], &told[2]]);
    let story = ledger.story_of_picture(ImageId::of(id, 0)).await?;
    let events: Vec<_> = story.into_iter().map(|entry| entry.event).collect();
    assert_eq!(events, [told[3].clone(), told[5].clone(), told[6].clone()]);
    assert!(ledger.story(GenerationId::generate()).await?.is_empty());

    let unreadable = format!("image.ready.{}", ImageId::of(other, 0));
    world
        .outside
        .publish(unreadable, "{}".into())
        .await?
        .await?;
    let story = ledger.story_of_picture(ImageId::of(other, 0)).await;
    assert!(
        story.is_err(),
        "what cannot be read is not left out: {story:?}"
    );
    Ok(())
}

/// Always says that it has completed, and undoes that at the second try.
struct Late {
    undone: UnboundedSender<Event>,
    away: AtomicBool,
}

impl Handler<Rendered> for Late {
    async fn handle(&self, rendered: Rendered, delivery: &Delivery) -> Result<Step, Fault> {
        Ok(Step::emit(
            completed(rendered.job.id),
            Expect::after(delivery),
        ))
    }

    async fn refused(&self, event: &Event) -> Result<(), Source> {
        if self.away.swap(false, Ordering::Relaxed) {
            return Err("the store is away".into());
        }
        Ok(self.undone.send(event.clone())?)
    }
}

#[tokio::test]
async fn what_was_done_for_an_event_that_is_not_told_is_undone() -> anyhow::Result<()> {
    let world = World::impatient(Duration::from_millis(500)).await?;
    let (late, first) = (GenerationId::generate(), GenerationId::generate());
    let start = world.bus.ledger().append(rendered(late), 0).await?;
    world.bus.ledger().append(completed(late), start).await?;
    world.bus.ledger().append(rendered(first), 0).await?;
    let (undone, mut told) = unbounded_channel();
    let handler = Late {
        undone,
        away: AtomicBool::new(true),
    };

    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    // Not acknowledged while it could not be undone, and told to nobody whose event was told.
    assert_eq!(next(&mut told).await?, Event::from(completed(late)));
    world.settled("EVENTS", "upload", 3).await?;
    assert!(told.try_recv().is_err());
    worker.stop().await
}

#[tokio::test]
async fn removals_have_workers_of_their_own() -> anyhow::Result<()> {
    struct Remove;
    impl Handler<AssetExpired> for Remove {
        async fn handle(&self, expired: AssetExpired, _: &Delivery) -> Result<Step, Fault> {
            let deleted = AssetDeleted {
                id: expired.id,
                tenant: expired.tenant,
                image: expired.image,
                reason: expired.reason,
                keys: Vec::new(),
                bytes: 0,
                at: expired.at,
            };
            Ok(Step::emit(deleted, Expect::First))
        }
    }
    let world = World::start().await?;
    let id = GenerationId::generate();
    for _ in 0..2 {
        let expired = Event::from(expired(id));
        world.bus.publish(&expired, &Expect::Nothing).await?;
    }

    let worker = Running::start(&world.bus, Stage::Delete, POLICY, Remove);

    world.settled("EVENTS", "delete", 1).await?;
    let story = world
        .bus
        .ledger()
        .story_of_picture(ImageId::of(id, 0))
        .await?;
    let names: Vec<_> = story.iter().map(|entry| entry.event.name()).collect();
    assert_eq!(names, ["asset.expired", "asset.deleted"]);
    worker.stop().await
}
