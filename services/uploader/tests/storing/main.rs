//! What was paid for is stored once, or its loss is told; nothing in between.

mod links;
mod world;

use async_nats::HeaderMap;
use domain::{Code, GenerationId, ImageState, Phase};
use jiff::SignedDuration;
use storage::Key;
use wire::{Encoding, header};

use crate::world::{PATIENCE, World};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[tokio::test]
async fn pictures_are_stored_byte_by_byte_and_told_in_order() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    world
        .render(id, &[Some("whole"), None, Some("whole")], HOUR)
        .await?;

    let completed = world.completed(id).await?;
    let states: Vec<_> = completed
        .images
        .iter()
        .map(|image| (image.index, image.state))
        .collect();
    assert_eq!(
        states,
        [
            (0, ImageState::Stored),
            (1, ImageState::Withheld),
            (2, ImageState::Stored)
        ]
    );
    let image = &completed.images[2];
    assert_eq!(
        (image.width, image.height, image.format.as_str()),
        (48, 32, "png")
    );
    assert_eq!(
        (image.seed, image.bytes),
        (Some(43), world.links.png().len() as u64)
    );
    assert_eq!(completed.cost.micros(), 80_000);

    let key = image.key.clone().unwrap_or_default();
    assert_eq!(
        image.url,
        Some(format!("http://pictures.example/assets/{key}"))
    );
    assert!(key.starts_with(&format!("generated/{id}/2-")), "{key}");
    assert_eq!(
        world.store.get(&Key::parse(&key)?).await?,
        Some(world.links.png())
    );
    world.stop().await
}

#[tokio::test]
async fn a_dead_link_beside_a_live_one_is_told_as_a_lost_picture() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    world
        .render(id, &[Some("410"), Some("whole")], HOUR)
        .await?;

    let completed = world.completed(id).await?;
    let [lost, stored] = &completed.images[..] else {
        anyhow::bail!("two images: {completed:?}")
    };
    assert_eq!(lost.state, ImageState::DownloadFailed);
    assert_eq!(
        lost.error.as_ref().map(|error| error.code),
        Some(Code::DownloadFailed)
    );
    assert_eq!(stored.state, ImageState::Stored);
    world.stop().await
}

#[tokio::test]
async fn without_a_single_picture_the_generation_fails() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (withheld, dead) = (GenerationId::generate(), GenerationId::generate());
    world.render(withheld, &[None, None], HOUR).await?;
    world.render(dead, &[Some("403"), None], HOUR).await?;

    let failed = world.failed(withheld).await?;
    assert_eq!(
        (failed.failure.code, failed.failure.phase),
        (Code::AllWithheld, Phase::Generation)
    );
    let failed = world.failed(dead).await?;
    assert_eq!(
        (failed.failure.code, failed.failure.phase),
        (Code::DownloadFailed, Phase::Download)
    );
    assert_eq!(failed.failure.billed, domain::Billed::Yes);
    assert_eq!(
        (failed.cost.micros(), failed.custom_id.as_deref()),
        (80_000, Some("poster-7"))
    );
    world.stop().await
}

#[tokio::test]
async fn a_stumbling_host_is_asked_again_until_it_delivers() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.links.stumble(2);
    let id = GenerationId::generate();
    world.render(id, &[Some("whole")], HOUR).await?;

    assert_eq!(
        world.completed(id).await?.images[0].state,
        ImageState::Stored
    );
    assert_eq!(world.links.asked(), 3);
    world.stop().await
}

#[tokio::test]
async fn a_store_that_fails_is_tried_again_until_it_takes_the_picture() -> anyhow::Result<()> {
    let world = World::start().await?;
    // Nothing can be put below a file.
    let obstacle = world.folder.path().join("generated");
    std::fs::write(&obstacle, "")?;
    let id = GenerationId::generate();
    world.render(id, &[Some("whole")], HOUR).await?;
    testkit::wait_until(PATIENCE, "a second try", async || world.links.asked() >= 2).await?;
    std::fs::remove_file(&obstacle)?;

    assert_eq!(
        world.completed(id).await?.images[0].state,
        ImageState::Stored
    );
    world.stop().await
}

#[tokio::test]
async fn when_the_links_have_died_trying_ends() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    world
        .render(id, &[Some("503")], SignedDuration::from_millis(400))
        .await?;

    let failed = world.failed(id).await?;
    assert_eq!(failed.failure.code, Code::DownloadFailed);
    assert!(
        failed.failure.message.contains("503"),
        "{}",
        failed.failure.message
    );
    assert!(world.links.asked() >= 2);
    world.stop().await
}

#[tokio::test]
async fn what_is_no_whole_picture_is_tried_three_times_and_not_stored() -> anyhow::Result<()> {
    let world = World::start().await?;
    for kind in ["cut", "text"] {
        let before = world.links.asked();
        let id = GenerationId::generate();
        world.render(id, &[Some(kind)], HOUR).await?;

        let failed = world.failed(id).await?;
        assert!(
            failed.failure.message.contains("no whole picture"),
            "{}",
            failed.failure.message
        );
        assert_eq!(world.links.asked() - before, 3, "{kind}");
    }
    world.stop().await
}

#[tokio::test]
async fn a_host_that_is_not_on_the_list_is_never_asked() -> anyhow::Result<()> {
    let world = World::start_with("ideogram.ai").await?;
    let id = GenerationId::generate();
    world
        .render(id, &[Some("whole")], SignedDuration::from_millis(300))
        .await?;

    let failed = world.failed(id).await?;
    assert!(
        failed.failure.message.contains("DARKROOM_IMAGE_HOSTS"),
        "{}",
        failed.failure.message
    );
    assert_eq!(world.links.asked(), 0);
    world.stop().await
}

#[tokio::test]
async fn the_same_work_done_twice_ends_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let cause = world.render(id, &[Some("whole")], HOUR).await?;
    let first = world.end(id).await?;

    let again = wire::encode(
        &world.rendered(id, &[Some("whole")], HOUR)?.into(),
        Encoding::Json,
    );
    let mut headers = HeaderMap::new();
    headers.insert(header::TYPE, again.name);
    headers.insert(header::CAUSE, cause.to_string().as_str());
    let jetstream = async_nats::jetstream::new(world.nats.client().await?);
    let subject = format!("due.upload.{id}");
    jetstream
        .publish_with_headers(subject, headers, again.body.into())
        .await?
        .await?;
    testkit::wait_until(PATIENCE, "the second work to be done", async || {
        let work = jetstream.get_stream("WORK").await;
        work.is_ok_and(|work| work.cached_info().state.messages == 0)
    })
    .await?;

    assert_eq!(world.links.asked(), 2);
    assert_eq!(world.end(id).await?.sequence, first.sequence);
    world.stop().await
}
