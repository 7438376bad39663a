//! More cuts of a picture: nothing is cut twice, no order undoes another, and what was deleted stays
//! deleted.

use bus::{DeadFilter, Expect, Stage};
use domain::{
    AssetExpired, DerivationId, Event, GenerationId, Image, ImageReady, ImageState, PresetChoice,
    Tenant,
};
use jiff::Timestamp;
use storage::Key;

use crate::world::{World, image, plain};

fn names(image: &Image) -> Vec<&str> {
    let cuts = image.derivatives.iter();
    cuts.map(|cut| cut.preset.as_str()).collect()
}

/// A picture that is ready with these cuts.
async fn ready(world: &World, presets: &[&str]) -> anyhow::Result<Image> {
    let id = GenerationId::generate();
    let stored = world.stored(id, 0, testkit::png(320, 240)?).await?;
    world.complete(id, presets, vec![stored]).await?;
    let mut ready = world.ready(id).await?;
    Ok(ready.images.remove(0))
}

impl World {
    /// Why work was put aside.
    async fn dead(&self) -> anyhow::Result<Vec<String>> {
        let filter = DeadFilter {
            stage: Some(Stage::Process),
            after_sequence: 0,
            limit: 100,
        };
        let letters = self.bus.dead_letters(filter).await?;
        Ok(letters.into_iter().map(|letter| letter.reason).collect())
    }
}

fn webp(preset: &str) -> PresetChoice {
    PresetChoice {
        format: Some("webp".to_owned()),
        ..preset.into()
    }
}

#[tokio::test]
async fn what_a_picture_looks_like_is_told_once_it_was_looked_at() -> anyhow::Result<()> {
    let world = World::start().await?;
    let image = ready(&world, &[]).await?;
    assert_eq!((names(&image), &image.traits), (vec![], &None));

    let derivation = world.recut(&image, &[webp("og-image")]).await?;
    let told = world
        .told(image.id, |told| told.derivation == Some(derivation))
        .await?;
    assert_eq!(told.image.state, ImageState::Ready);
    assert_eq!(names(&told.image), ["og-image"]);
    let cut = &told.image.derivatives[0];
    assert_eq!((cut.width, cut.height, &*cut.format), (1200, 630, "webp"));
    assert_eq!(world.object(&cut.key).await?.len() as u64, cut.bytes);
    let traits = told.image.traits.clone();
    let traits = traits.ok_or_else(|| anyhow::anyhow!("no traits: {told:?}"))?;
    assert!((24..=40).contains(&traits.thumbhash.len()), "{traits:?}");
    assert!(
        traits.perceptual_hash.len() == 16
            && u64::from_str_radix(&traits.perceptual_hash, 16).is_ok(),
        "{traits:?}"
    );
    let weight: f32 = traits.palette.iter().map(|swatch| swatch.weight).sum();
    assert!((1..=5).contains(&traits.palette.len()) && (weight - 1.0).abs() < 0.01);

    // The same as with the first cuts of the same picture.
    let other = ready(&world, &["thumbnail"]).await?;
    assert_eq!(other.traits, Some(traits));
    world.stop().await
}

#[tokio::test]
async fn only_what_is_missing_is_cut_and_a_changed_preset_takes_the_place_of_the_old()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let image = ready(&world, &["og-image", "thumbnail"]).await?;
    let before = image.derivatives.clone();

    // Whoever cuts `thumbnail` again finds other bytes in its place, and would say so.
    let thumbnail = world.folder.path().join(&before[1].key);
    std::fs::write(&thumbnail, "not what it was")?;
    let both = [webp("og-image"), "thumbnail".into()];
    let derivation = world.recut(&image, &both).await?;
    let told = world
        .told(image.id, |told| told.derivation == Some(derivation))
        .await?;

    let now = &told.image.derivatives;
    assert_eq!(names(&told.image), ["thumbnail", "og-image"]);
    assert_eq!(now[0], before[1]);
    assert_ne!(now[1].key, before[0].key);
    assert_eq!(std::fs::read(&thumbnail)?, b"not what it was");
    assert!(
        !world.object(&before[0].key).await?.is_empty(),
        "old links live on"
    );

    // Asked again, there is nothing to cut and nothing to tell.
    world.recut(&image, &both).await?;
    world.idle().await?;
    assert_eq!(world.count(&format!("image.ready.{}", image.id)).await?, 2);
    world.stop().await
}

#[tokio::test]
async fn orders_at_once_undo_nothing() -> anyhow::Result<()> {
    let world = World::start().await?;
    let image = ready(&world, &[]).await?;
    let presets = ["og-image", "instagram", "twitter-header", "thumbnail"];
    // Each knows the picture as it was before all of them.
    for preset in presets {
        world.recut(&image, &plain(&[preset])).await?;
    }
    world.idle().await?;

    let told = world.told(image.id, |_| true).await?;
    let mut cuts = names(&told.image);
    cuts.sort_unstable();
    assert_eq!(
        cuts,
        ["instagram", "og-image", "thumbnail", "twitter-header"]
    );
    assert_eq!(world.dead().await?, Vec::<String>::new());
    world.stop().await
}

#[tokio::test]
async fn a_picture_that_turned_up_late_becomes_ready_by_its_first_order() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let recovered = world.stored(id, 3, testkit::png(64, 64)?).await?;

    world.recut(&recovered, &plain(&["thumbnail"])).await?;
    let told = world.told(recovered.id, |_| true).await?;
    assert_eq!(told.image.state, ImageState::Ready);
    assert_eq!(names(&told.image), ["thumbnail"]);
    world.stop().await
}

#[tokio::test]
async fn what_was_deleted_is_not_cut_and_what_was_put_meanwhile_is_removed() -> anyhow::Result<()> {
    let world = World::start().await?;
    let image = ready(&world, &["thumbnail"]).await?;
    let order = DerivationId::generate();
    world.order(order, &image, &plain(&["og-image"])).await?;
    let cut = world
        .told(image.id, |told| told.derivation == Some(order))
        .await?;
    let key = cut.image.derivatives[1].key.clone();

    let expired = AssetExpired {
        id: GenerationId::generate(),
        tenant: Tenant::default(),
        image: image.id,
        reason: "retention".to_owned(),
        at: Timestamp::now(),
    };
    world.bus.publish(&expired.into(), &Expect::Nothing).await?;
    // As one who was stopped between putting and telling, and comes late.
    world.recut(&image, &plain(&["og-image"])).await?;
    world.idle().await?;

    assert!(world.store.get(&Key::parse(&key)?).await?.is_none());
    assert_eq!(world.count(&format!("image.ready.{}", image.id)).await?, 2);
    world.stop().await
}

#[tokio::test]
async fn what_cannot_be_cut_stays_as_it_was_and_the_order_is_put_aside() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let mut broken = testkit::png(64, 64)?;
    broken.truncate(200);
    let stored = world.stored(id, 0, broken).await?;
    world.complete(id, &[], vec![stored]).await?;
    let ready = world.ready(id).await?;
    let image = &ready.images[0];

    world.recut(image, &plain(&["thumbnail"])).await?;
    world.recut(image, &plain(&["billboard"])).await?;
    world.idle().await?;

    let news = world.news(image.id).await?;
    assert!(
        matches!(&news[..], [Event::ImageReady(told)] if matches!(**told, ImageReady { derivation: None, .. })),
        "{news:?}"
    );
    let mut reasons = world.dead().await?;
    reasons.sort_unstable_by_key(|reason| reason.contains("billboard"));
    let [broken, unknown] = &reasons[..] else {
        anyhow::bail!("two orders: {reasons:?}")
    };
    assert!(broken.contains("cut short"), "{broken}");
    assert!(unknown.contains("no preset `billboard`"), "{unknown}");
    assert!(broken.contains("the picture stays as it was"), "{broken}");
    world.stop().await
}

#[tokio::test]
async fn a_picture_that_failed_before_is_ordered_in_vain() -> anyhow::Result<()> {
    let world = World::start().await?;
    let missing = image(GenerationId::generate(), 0, ImageState::Stored)?;

    world.recut(&missing, &plain(&["thumbnail"])).await?;
    world.idle().await?;

    assert!(world.news(missing.id).await?.is_empty());
    let reasons = world.dead().await?;
    assert!(
        reasons[0].contains("not in the store any more"),
        "{reasons:?}"
    );
    world.stop().await
}
