//! The same by the routes of the first system.

use e2e::Pipeline;
use serde_json::json;

use super::gallery::{Gallery, black_to_the_left};
use super::{differing, open_to_sources, picture, route};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_systems_routes_work_on_pictures_too() -> anyhow::Result<()> {
    let kite = testkit::png(96, 64)?;
    let before = image::load_from_memory(&kite)?.into_rgba8();
    let mask = black_to_the_left(96, 64)?;
    let gallery = Gallery::open([("kite.png", kite), ("mask.png", mask)]).await?;
    let pipeline = Pipeline::start(open_to_sources().env("IDEOGRAM_API", "legacy")).await?;
    let sources = json!([gallery.url("kite.png")]);

    let request = json!({
        "operation": "edit", "model": "V_2", "prompt": "a sea instead", "presets": [],
        "sourceImages": sources, "mask": gallery.url("mask.png"),
    });
    let edited = pipeline.desk.made(&request).await?;
    assert_eq!(route(&pipeline, &edited)?, "/edit");
    let [black, white] = differing(&before, &picture(&pipeline, &edited).await?);
    assert!(
        black > 0.9 && white == 0.0,
        "{black} of black, {white} of white"
    );

    let request = json!({
        "operation": "remix", "model": "V_2", "prompt": "in oil", "presets": [],
        "sourceImages": sources, "aspectRatio": "16:10",
    });
    let remixed = pipeline.desk.made(&request).await?;
    assert_eq!(route(&pipeline, &remixed)?, "/remix");
    let (width, height) = picture(&pipeline, &remixed).await?.dimensions();
    assert_eq!(width * 10, height * 16);

    let request = json!({"operation": "upscale", "presets": [], "sourceImages": sources});
    let enlarged = pipeline.desk.made(&request).await?;
    assert_eq!(route(&pipeline, &enlarged)?, "/upscale");
    let size = picture(&pipeline, &enlarged).await?.dimensions();
    assert_eq!(size, (192, 128));

    let request = json!({"operation": "describe", "model": "V_3", "sourceImages": sources});
    let described = pipeline.desk.made(&request).await?;
    assert_eq!(route(&pipeline, &described)?, "/describe");
    let text = described["texts"][0].as_str().unwrap_or_default();
    assert!(text.contains("96x64 pixels"), "{described}");
    pipeline.stop().await
}
