//! A picture that is to go: either its cuts were told, and are removed by their names, or nothing of
//! them stays.

use bus::Expect;
use domain::{AssetExpired, Event, GenerationId, ImageId, ImageState, Tenant};
use jiff::Timestamp;
use storage::Key;

use crate::world::World;

/// Removals that race with the cutting.
const RACES: usize = 200;
/// At a time.
const AT_ONCE: usize = 20;
const PRESETS: [&str; 2] = ["thumbnail", "instagram"];

impl World {
    async fn expire(&self, image: ImageId, id: GenerationId) -> anyhow::Result<()> {
        let expired = Event::from(AssetExpired {
            id,
            tenant: Tenant::default(),
            image,
            reason: "erasure".to_owned(),
            at: Timestamp::now(),
        });
        self.bus.publish(&expired, &Expect::Nothing).await?;
        Ok(())
    }

    fn has_cuts(&self, id: GenerationId) -> bool {
        let folder = self.folder.path().join("derived").join(id.to_string());
        folder.exists()
    }
}

#[tokio::test]
async fn what_is_to_go_is_not_cut_and_what_a_dead_worker_put_is_removed() -> anyhow::Result<()> {
    let world = World::start().await?;
    let whole = GenerationId::generate();
    let stored = world.stored(whole, 0, testkit::png(64, 64)?).await?;
    world.complete(whole, &PRESETS, vec![stored]).await?;
    let cuts = world.ready(whole).await?.images.remove(0).derivatives;
    let meta = world.store.head(&Key::parse(&cuts[0].key)?).await?;
    let meta = meta.map(|head| head.meta).unwrap_or_default();
    assert_eq!(meta.get("generation"), Some(&*whole.to_string()));
    assert_eq!(meta.get("simulated"), Some("true"));

    // The same recipes, put by somebody who died before telling.
    let id = GenerationId::generate();
    let [gone, stays] = [
        world.stored(id, 0, testkit::png(64, 64)?).await?,
        world.stored(id, 1, testkit::png(64, 64)?).await?,
    ];
    for cut in cuts {
        let key = cut.key.replace(&whole.to_string(), &id.to_string());
        world
            .store
            .put_new(&Key::parse(&key)?, "a cut".into())
            .await?;
    }
    assert!(world.has_cuts(id));
    world.expire(gone.id, id).await?;
    world
        .complete(id, &PRESETS, vec![gone.clone(), stays.clone()])
        .await?;

    let ready = world.ready(id).await?;
    let states: Vec<_> = ready.images.iter().map(|image| image.state).collect();
    assert_eq!(states, [ImageState::Deleted, ImageState::Ready]);
    let deleted = &ready.images[0];
    assert_eq!(
        (&deleted.key, &deleted.url, deleted.derivatives.len()),
        (&None, &None, 0)
    );
    let news = world.news(gone.id).await?;
    assert!(matches!(news[..], [Event::AssetExpired(_)]), "{news:?}");
    let left = world.folder.path().join("derived").join(id.to_string());
    let left: Vec<_> = std::fs::read_dir(left)?.collect::<Result<_, _>>()?;
    assert_eq!(left.len(), 1, "only the other one: {left:?}");
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_of_what_is_removed_meanwhile_are_told_or_not_there() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut told = 0;
    for round in 0..RACES / AT_ONCE {
        let races = (0..AT_ONCE).map(async |race| {
            let id = GenerationId::generate();
            let image = world.stored(id, 0, testkit::png(64, 64)?).await?;
            let complete = world.complete(id, &PRESETS, vec![image.clone()]);
            match (round + race) % 3 {
                0 => {
                    complete.await?;
                    world.expire(image.id, id).await?;
                }
                1 => drop(tokio::try_join!(complete, world.expire(image.id, id))?),
                _ => {
                    complete.await?;
                    // Most are told by then, and some are being told.
                    world.ready(id).await.map(drop)?;
                    world.expire(image.id, id).await?;
                }
            }
            anyhow::Ok((image, world.ready(id).await?))
        });
        let races = futures::future::try_join_all(races).await?;
        world.idle().await?;
        for (image, ready) in races {
            let story = world.bus.ledger().story_of_picture(image.id).await?;
            let names: Vec<_> = story.iter().map(|entry| entry.event.name()).collect();
            let image = &ready.images[0];
            match names[..] {
                ["image.ready", "asset.expired"] => {
                    assert_eq!(
                        (image.state, image.derivatives.len()),
                        (ImageState::Ready, 2)
                    );
                    told += 1;
                }
                ["asset.expired"] => {
                    assert_eq!(image.state, ImageState::Deleted);
                    assert!(!world.has_cuts(ready.job.id));
                }
                _ => anyhow::bail!("in round {round}: {names:?}"),
            }
        }
    }
    assert!((1..RACES).contains(&told), "{told} were told");
    world.stop().await
}
