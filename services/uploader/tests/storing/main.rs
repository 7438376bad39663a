//! What was paid for is stored once, or its loss is told; nothing in between.

mod guarded;
mod links;
mod order;
mod pressure;
mod removal;
mod renewal;
mod service;
mod world;

use domain::{
    Billed, Code, GenerationId, Image, ImageId, ImageRecovered, ImageState, OnWithheld, Operation,
    Phase, Rendered,
};
use jiff::SignedDuration;
use storage::Key;

use crate::world::{PATIENCE, World, cancelled};

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
    let digest = ring::digest::digest(&ring::digest::SHA256, &world.links.png());
    assert_eq!(image.sha256, hex::encode(digest));

    let key = image.key.clone().unwrap_or_default();
    let head = world.store.head(&Key::parse(&key)?).await?;
    let meta = head.map(|head| head.meta).unwrap_or_default();
    assert_eq!(meta.get("generation"), Some(&*id.to_string()));
    assert_eq!(meta.get("image"), Some(&*image.id.to_string()));
    assert_eq!(
        (meta.get("model"), meta.get("seed")),
        (Some("V_2"), Some("43"))
    );
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
    assert_eq!(failed.failure.billed, Billed::Yes);
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
    assert_eq!(world.links.asked().len(), 3);
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
    testkit::wait_until(PATIENCE, "a second try", async || {
        world.links.asked().len() >= 2
    })
    .await?;
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
    assert!(world.links.asked().len() >= 2);
    world.stop().await
}

#[tokio::test]
async fn what_is_no_whole_picture_is_tried_three_times_and_not_stored() -> anyhow::Result<()> {
    let world = World::start().await?;
    for kind in ["cut", "text"] {
        let before = world.links.asked().len();
        let id = GenerationId::generate();
        world.render(id, &[Some(kind)], HOUR).await?;

        let failed = world.failed(id).await?;
        assert!(
            failed.failure.message.contains("no whole picture"),
            "{}",
            failed.failure.message
        );
        assert_eq!(world.links.asked().len() - before, 3, "{kind}");
    }
    world.stop().await
}

#[tokio::test]
async fn a_host_that_is_not_on_the_list_is_never_asked() -> anyhow::Result<()> {
    let world = World::tuned(|config| {
        config.sources.hosts = Some(vec!["ideogram.ai".to_owned()]);
    })
    .await?;
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
    assert_eq!(world.links.asked().len(), 0);
    world.stop().await
}

#[tokio::test]
async fn the_same_work_done_twice_ends_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let cause = world.render(id, &[Some("whole")], HOUR).await?;
    let first = world.end(id).await?;

    let again = world.rendered(id, &[Some("whole")], HOUR)?;
    world.again(again, cause).await?;

    assert_eq!(world.links.asked().len(), 2);
    assert_eq!(world.end(id).await?.sequence, first.sequence);
    world.stop().await
}

#[tokio::test]
async fn words_need_no_pictures() -> anyhow::Result<()> {
    let world = World::start().await?;
    let described = |texts: &[&str]| -> anyhow::Result<Rendered> {
        let mut rendered = world.rendered(GenerationId::generate(), &[], HOUR)?;
        rendered.job.request.operation = Operation::Describe;
        rendered.texts = texts.iter().copied().map(str::to_owned).collect();
        Ok(rendered)
    };
    let (told, silent) = (described(&["a kite", "a red kite"])?, described(&[])?);
    let (id, nothing) = (told.job.id, silent.job.id);
    world.bus.ledger().append(told, 0).await?;
    world.bus.ledger().append(silent, 0).await?;

    let completed = world.completed(id).await?;
    assert_eq!(completed.texts, ["a kite", "a red kite"]);
    assert!(completed.images.is_empty());
    let failed = world.failed(nothing).await?;
    assert_eq!(failed.failure.code, Code::ProviderAnswerUnreadable);
    assert_eq!(failed.failure.billed, Billed::Yes);
    world.stop().await
}

#[tokio::test]
async fn who_wants_all_or_nothing_gets_nothing_and_the_rest_is_kept() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let links = [Some("whole"), None, Some("410"), Some("whole")];
    let rendered = strict(&world, id, &links)?;
    let cause = world.bus.ledger().append(rendered.clone(), 0).await?;

    let failed = world.failed(id).await?;
    let failure = failed.failure;
    assert_eq!(
        (failure.code, failure.phase, failure.billed),
        (Code::Withheld, Phase::Generation, Billed::Yes)
    );
    let counts = "requested 4, delivered 2, withheld 1";
    assert!(failure.message.contains(counts), "{}", failure.message);
    assert_eq!(failed.cost.micros(), 80_000);
    assert_kept(&world, id, &[0, 3]).await?;

    // The worker may have died before it was able to say that it was done.
    world.again(rendered, cause).await?;
    assert_eq!(world.told(&format!("generation.*.{id}")).await?, 2);
    assert_eq!(world.told("image.recovered.*").await?, 2);
    world.stop().await
}

#[tokio::test]
async fn who_wants_all_or_nothing_and_gets_all_has_it_completed() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let rendered = strict(&world, id, &[Some("whole"), Some("whole")])?;
    world.bus.ledger().append(rendered, 0).await?;

    assert_eq!(world.completed(id).await?.images.len(), 2);
    assert_eq!(world.told("image.recovered.*").await?, 0);
    world.stop().await
}

#[tokio::test]
async fn all_withheld_is_what_it_is_also_for_who_wants_all_or_nothing() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let rendered = strict(&world, id, &[None, None])?;
    world.bus.ledger().append(rendered, 0).await?;

    assert_eq!(world.failed(id).await?.failure.code, Code::AllWithheld);
    world.stop().await
}

#[tokio::test]
async fn whoever_goes_on_after_a_crash_says_the_rest_and_nothing_twice() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let rendered = strict(&world, id, &[Some("whole"), Some("whole"), None])?;
    // As if a worker had died between the first picture's word and the second's.
    let image = Image {
        id: ImageId::of(id, 0),
        index: 0,
        state: ImageState::Stored,
        key: Some(format!("generated/{id}/0-00112233aabb.png")),
        url: None,
        width: 48,
        height: 32,
        seed: None,
        prompt: None,
        format: "png".to_owned(),
        bytes: 9,
        sha256: String::new(),
        derivatives: Vec::new(),
        error: None,
        traits: None,
        content_credentials: false,
    };
    let (job, at) = (rendered.job.clone(), rendered.at);
    let first = ImageRecovered { job, image, at };
    world.put(first.clone()).await?;
    world.bus.ledger().append(rendered, 0).await?;

    assert_eq!(world.failed(id).await?.failure.code, Code::Withheld);
    let recovered = world.recovered(id).await?;
    assert_eq!((recovered.len(), &recovered[0]), (2, &first));
    assert_eq!(world.told("image.recovered.*").await?, 2);
    world.stop().await
}

#[tokio::test]
async fn what_comes_after_the_end_is_kept_and_ends_nothing() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let end = world.put(cancelled(id)).await?;
    let rendered = Rendered {
        late: true,
        ..world.rendered(id, &[Some("whole"), None, Some("whole")], HOUR)?
    };
    let cause = world.bus.ledger().append(rendered.clone(), end).await?;

    world.quiet().await?;
    assert_kept(&world, id, &[0, 2]).await?;
    world.again(rendered, cause).await?;
    assert_eq!(world.told("image.recovered.*").await?, 2);
    assert_eq!(world.failed(id).await?.failure.code, Code::Cancelled);
    assert_eq!(world.told(&format!("generation.*.{id}")).await?, 2);
    world.stop().await
}

#[tokio::test]
async fn what_comes_after_the_end_and_is_lost_ends_nothing_either() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (dead, unreadable) = (GenerationId::generate(), GenerationId::generate());
    for id in [dead, unreadable] {
        world.put(cancelled(id)).await?;
    }
    let late = Rendered {
        late: true,
        ..world.rendered(dead, &[Some("410")], HOUR)?
    };
    world.put(late).await?;
    let (subject, name) = (
        format!("generation.rendered.{unreadable}"),
        "generation.rendered",
    );
    world
        .put_raw(subject, name, b"no event".to_vec(), 0)
        .await?;

    world.quiet().await?;
    for id in [dead, unreadable] {
        assert_eq!(world.told(&format!("generation.failed.{id}")).await?, 1);
        assert_eq!(world.told(&format!("generation.*.{id}")).await?, 2);
    }
    assert_eq!(world.told("image.recovered.*").await?, 0);
    world.stop().await
}

#[tokio::test]
async fn a_late_picture_does_not_take_the_place_of_a_delivered_one() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    world.render(id, &[Some("whole"), None], HOUR).await?;
    world.completed(id).await?;
    // Another attempt was thought to be lost, and was not.
    let late = Rendered {
        late: true,
        ..world.rendered(id, &[Some("whole"), Some("whole")], HOUR)?
    };
    world.put(late).await?;

    world.quiet().await?;
    assert_kept(&world, id, &[1]).await?;
    assert_eq!(world.told(&format!("generation.completed.{id}")).await?, 1);
    world.stop().await
}

fn strict(world: &World, id: GenerationId, links: &[Option<&str>]) -> anyhow::Result<Rendered> {
    let mut rendered = world.rendered(id, links, HOUR)?;
    rendered.job.request.on_withheld = OnWithheld::Fail;
    Ok(rendered)
}

/// Exactly these pictures were told as kept, and they are.
async fn assert_kept(world: &World, id: GenerationId, indices: &[u32]) -> anyhow::Result<()> {
    let recovered = world.recovered(id).await?;
    let told: Vec<u32> = recovered.iter().map(|told| told.image.index).collect();
    assert_eq!(told, indices);
    for told in recovered {
        assert_eq!(told.image.state, ImageState::Stored);
        let key = Key::parse(told.image.key.as_deref().unwrap_or_default())?;
        assert_eq!(world.store.get(&key).await?, Some(world.links.png()));
    }
    Ok(())
}
