//! Whatever the provider can do goes the whole way.

mod changes;
mod gallery;
mod legacy;
mod models;
mod refusals;
mod words;

use anyhow::Context as _;
use e2e::{Options, Pipeline};
use image::RgbaImage;
use serde_json::Value;

/// With pictures of the size that was asked for, and a network from which they may be handed in.
fn open_to_sources() -> Options {
    Options::default()
        .full_pictures()
        .env("DARKROOM_SOURCE_ALLOW", "127.0.0.0/8")
}

/// The first picture of a generation, as it is in our store.
async fn picture(pipeline: &Pipeline, generation: &Value) -> anyhow::Result<RgbaImage> {
    let image = &generation["images"][0];
    let bytes = pipeline.desk.download(&image["url"]).await?;
    let picture = image::load_from_memory(&bytes).context("not a picture")?;
    assert_eq!(image["width"], picture.width());
    assert_eq!(image["height"], picture.height());
    Ok(picture.into_rgba8())
}

/// Which route was called last, and that we know what it cost.
fn route(pipeline: &Pipeline, generation: &Value) -> anyhow::Result<String> {
    let charge = pipeline.provider.bill().pop().context("no call")?;
    assert!(charge.usd_micros > 0, "{charge:?}");
    assert_eq!(generation["cost"]["settledUsdMicros"], charge.usd_micros);
    Ok(charge.route)
}

/// Which share of the pixels of the left half differs, and of the right half.
fn differing(one: &RgbaImage, other: &RgbaImage) -> [f64; 2] {
    assert_eq!(one.dimensions(), other.dimensions());
    let (width, height) = one.dimensions();
    let mut counts = [0_u32; 2];
    for (x, y, pixel) in one.enumerate_pixels() {
        if pixel != other.get_pixel(x, y) {
            counts[usize::from(x >= width / 2)] += 1;
        }
    }
    counts.map(|count| f64::from(count) / f64::from(width / 2 * height))
}
