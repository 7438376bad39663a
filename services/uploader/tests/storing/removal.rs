//! What is to go goes, with all that was cut from it, and does not come back.

use anyhow::Context as _;
use async_nats::jetstream;
use bus::{Expect, Refusal};
use domain::{
    AssetDeleted, AssetExpired, Derivative, Event, GenerationId, Image, ImageId, ImageReady,
    ImageState, Rendered, Tenant,
};
use jiff::{SignedDuration, Timestamp};
use storage::Key;
use tokio_util::sync::CancellationToken;
use wire::Encoding;

use crate::world::{PATIENCE, World, cancelled, job};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Races of each kind.
const RACES: usize = 200;
/// Races at a time.
const AT_ONCE: usize = 20;

pub(crate) fn expired(id: GenerationId, index: u32, reason: &str) -> AssetExpired {
    AssetExpired {
        id,
        tenant: Tenant::default(),
        image: ImageId::of(id, index),
        reason: reason.to_owned(),
        at: Timestamp::now(),
    }
}

impl World {
    async fn expire(&self, id: GenerationId, index: u32, reason: &str) -> anyhow::Result<()> {
        self.put(expired(id, index, reason)).await.map(drop)
    }

    async fn deleted(&self, id: GenerationId, index: u32) -> anyhow::Result<AssetDeleted> {
        let image = ImageId::of(id, index);
        testkit::wait_for(PATIENCE, "asset.deleted", async || {
            let told = self.bus.ledger().story_of_picture(image).await.ok()?;
            let events = told.into_iter().map(|entry| entry.event);
            events
                .filter_map(|event| AssetDeleted::try_from(event).ok())
                .next()
        })
        .await
    }

    /// Hands the service `rendered` as a timer does that was set because of `cause`.
    async fn hand(&self, rendered: Rendered, cause: u64) -> anyhow::Result<()> {
        let subject = format!("due.upload.{}", rendered.job.id);
        let encoded = wire::encode(&rendered.into(), Encoding::Json);
        let handed = self.put_raw(subject, encoded.name, encoded.body, cause);
        handed.await.map(drop)
    }

    /// Waits until every removal that was asked for is dealt with.
    async fn removals_done(&self) -> anyhow::Result<()> {
        let events = self.stream("EVENTS").await?;
        testkit::wait_until(PATIENCE, "the removals to be done", async || {
            let (Ok(consumer), Ok(put_off)) =
                (events.consumer_info("delete").await, self.put_off().await)
            else {
                return false;
            };
            put_off == 0 && consumer.num_pending == 0 && consumer.num_ack_pending == 0
        })
        .await
    }

    /// As the log does after a while.
    async fn forget(&self) -> anyhow::Result<()> {
        self.stream("EVENTS").await?.purge().await?;
        Ok(())
    }

    async fn stream(&self, name: &str) -> anyhow::Result<jetstream::stream::Stream> {
        let jetstream = jetstream::new(self.nats.client().await?);
        Ok(jetstream.get_stream(name).await?)
    }

    /// Nothing of the generation is on the disk: neither objects, nor what is kept beside them.
    fn is_bare(&self, id: GenerationId) -> bool {
        let folder = |kind: &str| self.folder.path().join(kind).join(id.to_string());
        !folder("generated").exists() && !folder("derived").exists()
    }

    /// A cut of `image` that is in the store, named after `recipe`.
    async fn cut(
        &self,
        id: GenerationId,
        image: &Image,
        recipe: &str,
    ) -> anyhow::Result<Derivative> {
        let file = format!("og-image-{recipe}.jpg");
        let key = Key::derived(&id, image.index, &image.sha256, &file)?;
        self.store.put_new(&key, "a cut".into()).await?;
        Ok(Derivative {
            preset: "og-image".to_owned(),
            url: format!("http://pictures.example/assets/{key}"),
            key: key.to_string(),
            width: 1200,
            height: 630,
            format: "jpeg".to_owned(),
            bytes: 5,
            sha256: String::new(),
            crop_loss: 0.0,
            upscaled: false,
            review: Vec::new(),
        })
    }

    async fn ready(&self, id: GenerationId, image: Image) -> anyhow::Result<()> {
        let told = ImageReady {
            job: job(id),
            image,
            derivation: None,
            at: Timestamp::now(),
        };
        self.put(told).await.map(drop)
    }
}

#[tokio::test]
async fn an_original_goes_with_every_cut_that_was_ever_told_and_nothing_else() -> anyhow::Result<()>
{
    let world = World::start().await?;
    let id = GenerationId::generate();
    world
        .render(id, &[Some("whole"), Some("whole")], HOUR)
        .await?;
    let [gone, stays] = <[Image; 2]>::try_from(world.completed(id).await?.images)
        .map_err(|images| anyhow::anyhow!("two images: {images:?}"))?;
    // Cut anew, by another recipe: the first cut is only in what was told before.
    let (first, second) = (
        world.cut(id, &gone, "v1").await?,
        world.cut(id, &gone, "v2").await?,
    );
    for cut in [&first, &second] {
        let derivatives = vec![cut.clone()];
        world
            .ready(
                id,
                Image {
                    derivatives,
                    ..gone.clone()
                },
            )
            .await?;
    }
    let kept = world.cut(id, &stays, "v1").await?;
    // Somebody else's picture, which this one's events name by mistake.
    let stranger = Key::generated(&GenerationId::generate(), 0, &gone.sha256, "png")?;
    world.store.put_new(&stranger, world.links.png()).await?;
    let mistaken = Image {
        key: Some(stranger.to_string()),
        ..gone.clone()
    };
    world.ready(id, mistaken).await?;

    world.expire(id, 0, "retention").await?;

    let deleted = world.deleted(id, 0).await?;
    let original = gone.key.clone().context("no key")?;
    let mut keys = [first.key, second.key, original.clone()];
    keys.sort();
    assert_eq!(deleted.keys, keys);
    assert_eq!(deleted.bytes, world.links.png().len() as u64 + 10);
    assert_eq!(deleted.reason, "retention");
    for key in deleted.keys {
        assert_eq!(world.store.head(&Key::parse(&key)?).await?, None, "{key}");
    }
    for key in [
        kept.key.as_str(),
        stays.key.as_deref().context("no key")?,
        stranger.as_str(),
    ] {
        assert!(
            world.store.head(&Key::parse(key)?).await?.is_some(),
            "{key}"
        );
    }
    world.stop().await
}

#[tokio::test]
async fn who_died_after_removing_has_said_nothing_and_the_next_one_says_all() -> anyhow::Result<()>
{
    let world = World::start().await?;
    let id = GenerationId::generate();
    world.render(id, &[Some("whole")], HOUR).await?;
    let key = world.completed(id).await?.images[0]
        .key
        .clone()
        .context("no key")?;
    world.store.delete(&Key::parse(&key)?).await?;

    world.expire(id, 0, "erasure").await?;
    let deleted = world.deleted(id, 0).await?;
    assert_eq!(deleted.keys, [key]);
    assert_eq!(deleted.bytes, world.links.png().len() as u64);
    assert_eq!(deleted.reason, "erasure");

    // Asked for once more, it is said once.
    world.expire(id, 0, "retention").await?;
    world.removals_done().await?;
    assert_eq!(world.told("asset.deleted.*").await?, 1);
    world.stop().await
}

#[tokio::test]
async fn what_never_was_is_deleted_honestly() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (end, bus) = (CancellationToken::new(), world.bus.clone());
    let shutdown = end.clone();
    let historian = tokio::spawn(async move {
        let unknown = |_, _| async {
            Err(Refusal {
                status: 404,
                reason: "there is no such generation".to_owned(),
            })
        };
        bus.answer("history", &["get"], shutdown, unknown).await
    });
    let (unknown, withheld) = (GenerationId::generate(), GenerationId::generate());
    world.render(withheld, &[None, Some("whole")], HOUR).await?;
    world.completed(withheld).await?;

    for id in [unknown, withheld] {
        world.expire(id, 0, "erasure").await?;
        let deleted = world.deleted(id, 0).await?;
        assert_eq!((deleted.keys.len(), deleted.bytes), (0, 0), "{deleted:?}");
    }
    end.cancel();
    historian.await??;
    world.stop().await
}

#[tokio::test]
async fn of_what_the_log_has_forgotten_history_knows() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    world.render(id, &[Some("whole")], HOUR).await?;
    let completed = world.completed(id).await?;
    let image = completed.images[0].clone();
    let cut = world.cut(id, &image, "v1").await?;
    let image = Image {
        derivatives: vec![cut],
        state: ImageState::Ready,
        ..image
    };
    let known = domain::Generation::of([Event::from(domain::Ready {
        job: completed.job,
        images: vec![image],
        texts: Vec::new(),
        cost: completed.cost,
        at: Timestamp::now(),
    })]);
    let known = wire::v1::Generation::from(&known.context("no generation")?);
    world.forget().await?;
    let (end, bus) = (CancellationToken::new(), world.bus.clone());
    let shutdown = end.clone();
    world.expire(id, 0, "retention").await?;

    // Until somebody answers, nothing is said.
    let historian = tokio::spawn(async move {
        let answer = |_, _| async { Ok(wire::ask::write(&known)) };
        bus.answer("history", &["get"], shutdown, answer).await
    });
    assert_eq!(world.deleted(id, 0).await?.keys.len(), 2);
    assert!(world.is_bare(id));
    end.cancel();
    historian.await??;
    world.stop().await
}

#[tokio::test]
async fn what_is_still_on_its_way_is_removed_once_it_is_there() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let rendered = world.rendered(id, &[Some("whole")], HOUR)?;
    let accepted = domain::Accepted {
        job: rendered.job.clone(),
        callback_url: None,
        reserved: rendered.cost,
    };
    let last = world.put(accepted).await?;
    world.expire(id, 0, "erasure").await?;
    testkit::wait_until(PATIENCE, "the removal to be put off", async || {
        world.put_off().await.is_ok_and(|put_off| put_off == 1)
    })
    .await?;
    assert_eq!(world.told("asset.deleted.*").await?, 0);

    world.bus.ledger().append(rendered, last).await?;
    world.completed(id).await?;
    assert_eq!(world.deleted(id, 0).await?.keys.len(), 1);
    assert!(world.is_bare(id));
    world.stop().await
}

/// A worker that comes late puts what was removed before, meanwhile or after; and one that tells the
/// same end. In the end nothing is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stores_it_again_while_it_is_removed_brings_nothing_back() -> anyhow::Result<()> {
    let world = World::start().await?;
    for round in 0..RACES / AT_ONCE {
        let races = (0..AT_ONCE).map(async |race| {
            let id = GenerationId::generate();
            let cause = world.render(id, &[Some("whole")], HOUR).await?;
            world.completed(id).await?;
            let again = world.rendered(id, &[Some("whole")], HOUR)?;
            match (round + race) % 3 {
                0 => {
                    world.expire(id, 0, "retention").await?;
                    world.hand(again, cause).await?;
                }
                1 => {
                    world.hand(again, cause).await?;
                    world.expire(id, 0, "retention").await?;
                }
                _ => {
                    let removal = world.expire(id, 0, "retention");
                    tokio::try_join!(removal, world.hand(again, cause))?;
                }
            }
            world.deleted(id, 0).await?;
            anyhow::Ok(id)
        });
        let ids = futures::future::try_join_all(races).await?;
        world.quiet().await?;
        world.removals_done().await?;
        for id in ids {
            assert!(world.is_bare(id), "{id} in round {round}");
            let told = format!("asset.deleted.{}", ImageId::of(id, 0));
            assert_eq!(world.told(&told).await?, 1);
        }
    }
    world.stop().await
}

/// A picture that turns up after the end, while somebody has it removed: either it was told, and is
/// removed by its name, or it is not told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_turns_up_late_while_it_is_removed_stays_away() -> anyhow::Result<()> {
    let world = World::start().await?;
    for round in 0..RACES / AT_ONCE {
        let races = (0..AT_ONCE).map(async |race| {
            let id = GenerationId::generate();
            let end = world.put(cancelled(id)).await?;
            let late = Rendered {
                late: true,
                ..world.rendered(id, &[Some("whole")], HOUR)?
            };
            let expire = async || world.expire(id, 0, "erasure").await;
            let render = async || {
                let told = Event::from(late.clone());
                world.bus.publish(&told, &Expect::LedgerAt(end)).await?;
                anyhow::Ok(())
            };
            match (round + race) % 3 {
                0 => {
                    expire().await?;
                    render().await?;
                }
                1 => {
                    render().await?;
                    expire().await?;
                }
                _ => drop(tokio::try_join!(expire(), render())?),
            }
            world.deleted(id, 0).await?;
            anyhow::Ok(id)
        });
        let ids = futures::future::try_join_all(races).await?;
        world.quiet().await?;
        world.removals_done().await?;
        for id in ids {
            assert!(world.is_bare(id), "{id} in round {round}");
            let image = ImageId::of(id, 0);
            let story = world.bus.ledger().story_of_picture(image).await?;
            let last = story.last().map(|entry| entry.event.name());
            assert_eq!(last, Some("asset.deleted"), "{story:?}");
        }
    }
    world.stop().await
}
