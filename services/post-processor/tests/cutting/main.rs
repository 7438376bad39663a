//! Every picture is cut to exactly the sizes asked for, or its failure is told; and then all is
//! ready.

mod choices;
mod recuts;
mod removals;
mod world;

use async_nats::HeaderMap;
use domain::{Code, Completed, Event, GenerationId, ImageState, Phase};
use imaging::Limits;
use wire::{Encoding, header};

use crate::world::{World, completed, image, plain};

const CHANNELS: [&str; 3] = ["og-image", "instagram", "twitter-header"];

#[tokio::test]
async fn a_picture_is_cut_to_exactly_the_sizes_asked_for() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let stored = world.stored(id, 0, testkit::png(320, 240)?).await?;
    let image_id = stored.id;
    world.complete(id, &CHANNELS, vec![stored]).await?;

    let ready = world.ready(id).await?;
    let [image] = &ready.images[..] else {
        anyhow::bail!("one image: {ready:?}")
    };
    assert_eq!(image.state, ImageState::Ready);
    let mut sizes = Vec::new();
    for derivative in &image.derivatives {
        let file = world.object(&derivative.key).await?;
        let info = imaging::inspect(&file, &Limits::default())?;
        assert_eq!(
            (info.width, info.height),
            (derivative.width, derivative.height)
        );
        assert_eq!(
            derivative.url,
            format!("http://pictures.example/assets/{}", derivative.key)
        );
        assert_eq!(derivative.bytes, file.len() as u64);
        assert!(derivative.upscaled, "320x240 is smaller than all of them");
        let text = String::from_utf8_lossy(&file);
        assert!(text.contains("trainedAlgorithmicMedia") && text.contains("(simulated)"));
        sizes.push((derivative.preset.as_str(), info.width, info.height));
    }
    assert_eq!(
        sizes,
        [
            ("og-image", 1200, 630),
            ("instagram", 1080, 1080),
            ("twitter-header", 1500, 500)
        ]
    );
    let loss = image.derivatives[1].crop_loss;
    assert!(
        (loss - 0.25).abs() < 0.01,
        "a square of 4:3 loses a quarter, not {loss}"
    );

    let news = world.news(image_id).await?;
    assert!(
        matches!(&news[..], [Event::ImageReady(told)] if told.image == *image),
        "{news:?}"
    );
    world.stop().await
}

#[tokio::test]
async fn without_presets_nothing_is_read_and_all_is_ready() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    // No bytes lie behind this one: whoever reads it fails.
    let images = vec![
        image(id, 0, ImageState::Stored)?,
        image(id, 1, ImageState::Withheld)?,
    ];
    world.complete(id, &[], images).await?;

    let ready = world.ready(id).await?;
    let states: Vec<_> = ready.images.iter().map(|image| image.state).collect();
    assert_eq!(states, [ImageState::Ready, ImageState::Withheld]);
    assert!(world.news(ready.images[1].id).await?.is_empty());
    world.stop().await
}

#[tokio::test]
async fn words_are_handed_on_as_they_are() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let texts = vec!["a kite over dunes".to_owned()];
    let described = Completed {
        texts: texts.clone(),
        ..completed(id, plain(&["thumbnail"]), Vec::new())
    };
    world.bus.ledger().append(described, 0).await?;

    let ready = world.ready(id).await?;
    assert_eq!((ready.texts, ready.images), (texts, Vec::new()));
    assert_eq!(ready.cost.micros(), 80_000);
    world.stop().await
}

#[tokio::test]
async fn a_broken_picture_fails_alone() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let mut broken = testkit::png(64, 64)?;
    broken.truncate(200);
    let images = vec![
        world.stored(id, 0, broken).await?,
        world.stored(id, 1, testkit::png(64, 64)?).await?,
    ];
    world.complete(id, &["thumbnail"], images).await?;

    let ready = world.ready(id).await?;
    let [broken, whole] = &ready.images[..] else {
        anyhow::bail!("two images: {ready:?}")
    };
    assert_eq!(
        (broken.state, whole.state),
        (ImageState::Undecodable, ImageState::Ready)
    );
    let error = broken
        .error
        .clone()
        .ok_or_else(|| anyhow::anyhow!("no reason: {broken:?}"))?;
    assert_eq!(
        (error.code, error.phase),
        (Code::Undecodable, Phase::Derivation)
    );
    assert!(broken.url.is_some(), "the original is kept");
    assert!(matches!(
        &world.news(broken.id).await?[..],
        [Event::ImageFailed(_)]
    ));
    assert!(matches!(
        &world.news(whole.id).await?[..],
        [Event::ImageReady(_)]
    ));
    let thumbnail = &whole.derivatives[0];
    assert_eq!(
        (thumbnail.width, thumbnail.height, thumbnail.upscaled),
        (64, 64, false)
    );
    world.stop().await
}

#[tokio::test]
async fn what_cannot_be_cut_says_why() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (unknown, gone) = (GenerationId::generate(), GenerationId::generate());
    let stored = world.stored(unknown, 0, testkit::png(64, 64)?).await?;
    world
        .complete(unknown, &["thumbnail", "billboard"], vec![stored])
        .await?;
    let missing = image(gone, 0, ImageState::Stored)?;
    world.complete(gone, &["thumbnail"], vec![missing]).await?;

    for (id, expected) in [
        (unknown, "no preset `billboard`"),
        (gone, "not in the store any more"),
    ] {
        let ready = world.ready(id).await?;
        assert_eq!(ready.images[0].state, ImageState::Undecodable);
        let message = ready.images[0]
            .error
            .clone()
            .map(|error| error.message)
            .unwrap_or_default();
        assert!(message.contains(expected), "{message}");
    }
    world.stop().await
}

#[tokio::test]
async fn when_the_store_takes_no_cuts_the_picture_fails_in_the_end() -> anyhow::Result<()> {
    let world = World::start().await?;
    // Nothing can be put below a file.
    std::fs::write(world.folder.path().join("derived"), "")?;
    let id = GenerationId::generate();
    let stored = world.stored(id, 0, testkit::png(64, 64)?).await?;
    world.complete(id, &["thumbnail"], vec![stored]).await?;

    let ready = world.ready(id).await?;
    let code = ready.images[0].error.as_ref().map(|error| error.code);
    assert_eq!(code, Some(Code::StoreFailed));
    assert!(matches!(
        &world.news(ready.images[0].id).await?[..],
        [Event::ImageFailed(_)]
    ));
    world.stop().await
}

#[tokio::test]
async fn the_same_work_done_twice_is_told_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let stored = world.stored(id, 0, testkit::png(64, 64)?).await?;
    let cause = world
        .complete(id, &["thumbnail"], vec![stored.clone()])
        .await?;
    let first = world.ready(id).await?;

    let again = completed(id, plain(&["thumbnail"]), vec![stored]);
    let again = wire::encode(&again.into(), Encoding::Json);
    let mut headers = HeaderMap::new();
    headers.insert(header::TYPE, again.name);
    headers.insert(header::CAUSE, cause.to_string().as_str());
    let jetstream = async_nats::jetstream::new(world.nats.client().await?);
    let subject = format!("due.process.{id}");
    jetstream
        .publish_with_headers(subject, headers, again.body.into())
        .await?
        .await?;
    world.idle().await?;

    assert_eq!(world.ready(id).await?, first);
    world.stop().await
}
