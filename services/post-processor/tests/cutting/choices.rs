//! A preset may be chosen with changes, and what a person should know of a cut is told with it.

use domain::{GenerationId, PresetChoice, Review};
use imaging::{Format, Limits};

use crate::world::{World, completed};

/// What a request in JSON chooses.
fn choices(presets: &str) -> anyhow::Result<Vec<PresetChoice>> {
    let body = format!(r#"{{"prompt": "a kite", "presets": {presets}}}"#);
    let draft = wire::parse_request(None, body.as_bytes())?;
    draft.presets.ok_or_else(|| anyhow::anyhow!("no presets"))
}

#[tokio::test]
async fn a_preset_is_cut_with_the_changes_that_a_request_makes() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let stored = world.stored(id, 0, testkit::png(640, 480)?).await?;
    let presets = choices(
        r#"["instagram", {"preset": "instagram", "gravity": "text-safe", "format": "webp",
            "quality": 70, "maxBytes": 50000}]"#,
    )?;
    let all = completed(id, presets, vec![stored]);
    world.bus.ledger().append(all, 0).await?;

    let ready = world.ready(id).await?;
    let [plain, changed] = &ready.images[0].derivatives[..] else {
        anyhow::bail!("two cuts: {ready:?}")
    };
    assert_eq!(
        (plain.format.as_str(), changed.format.as_str()),
        ("jpeg", "webp")
    );
    assert_eq!(
        (&*plain.preset, &*changed.preset),
        ("instagram", "instagram")
    );
    assert_ne!(plain.key, changed.key);
    let file = world.object(&changed.key).await?;
    let info = imaging::inspect(&file, &Limits::default())?;
    assert_eq!(
        (info.format, info.width, info.height),
        (Format::Webp, 1080, 1080)
    );
    assert!(file.len() <= 50_000, "{} bytes", file.len());
    assert!(changed.review.is_empty(), "{:?}", changed.review);
    world.stop().await
}

#[tokio::test]
async fn a_cut_that_cannot_be_small_enough_is_to_be_looked_at() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    let noise = noise(512)?;
    let stored = world.stored(id, 0, noise).await?;
    let presets = choices(r#"["thumbnail", {"preset": "instagram", "maxBytes": 4096}]"#)?;
    let all = completed(id, presets, vec![stored]);
    world.bus.ledger().append(all, 0).await?;

    let ready = world.ready(id).await?;
    let [small, large] = &ready.images[0].derivatives[..] else {
        anyhow::bail!("two cuts: {ready:?}")
    };
    assert!(large.bytes > 4096);
    assert_eq!(large.review, [Review::Bytes]);
    assert!(small.review.is_empty());
    world.stop().await
}

/// Pixels of which none says anything of its neighbour.
fn noise(side: u32) -> anyhow::Result<Vec<u8>> {
    let mut state = 1u32;
    let pixels = image::RgbImage::from_fn(side, side, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, red, green, blue] = state.to_le_bytes();
        image::Rgb([red, green, blue])
    });
    let mut file = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut file, image::ImageFormat::Png)?;
    Ok(file.into_inner())
}
