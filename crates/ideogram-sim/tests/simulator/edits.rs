//! Pictures that come out of pictures.

use ideogram_sim::Config;
use image::{GenericImageView, RgbaImage, imageops};

use crate::harness::{Form, Rig, SIDE, gradient, half_mask, png};

/// Sends one image order and fetches its picture, by polling where there is no data at once.
async fn made(rig: &Rig, path: &str, form: Form) -> anyhow::Result<RgbaImage> {
    let answer = rig.send(path, form).await?;
    let url = match answer.text_at("/data/0/url") {
        Ok(url) => url,
        Err(_) => {
            let poll = rig.poll(&answer.text_at("/generation_id")?).await?;
            poll.text_at("/data/0/url")?
        }
    };
    rig.picture(&url).await
}

/// How far two pictures of one size lie apart, in steps of a channel.
fn distance(a: &RgbaImage, b: &RgbaImage) -> f64 {
    let channels = a.as_raw().iter().zip(b.as_raw());
    let sum: u64 = channels.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.as_raw().len() as f64
}

fn half(image: &RgbaImage, right: bool) -> RgbaImage {
    let left = if right { SIDE / 2 } else { 0 };
    image.view(left, 0, SIDE / 2, SIDE).to_image()
}

#[tokio::test]
async fn a_mask_changes_what_its_route_says_and_nothing_else() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let image = gradient();
    for (path, field, white_changes) in [
        ("/v2/image/generate/ideogram-4-5", "images", false),
        ("/v2/image/precise-edit/ideogram-4-5", "image", false),
        ("/v2/image/inpaint/ideogram-3", "image", false),
        ("/v2/image/generate/gpt-image-2-5-flare", "images", false),
        ("/v2/image/remove-object/ideogram-1", "image", true),
        ("/v1/ideogram-v3/inpaint", "image", false),
        ("/edit", "image_file", false),
    ] {
        let form = Form::default()
            .text("prompt", "a kite")
            .file(field, &png(&image)?)
            .file("mask", &png(&half_mask())?);
        let picture = made(&rig, path, form).await?;
        let picture = imageops::resize(&picture, SIDE, SIDE, imageops::FilterType::Nearest);

        let (changed, kept) = (white_changes, !white_changes);
        assert!(
            distance(&half(&picture, changed), &half(&image, changed)) > 10.0,
            "{path} left alone what it should change"
        );
        assert!(
            distance(&half(&picture, kept), &half(&image, kept)) < 2.0,
            "{path} changed what it should keep"
        );
    }
    Ok(())
}

#[tokio::test]
async fn where_the_size_stays_what_is_kept_stays_to_the_bit() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let image = gradient();

    let form = Form::default()
        .text("prompt", "a kite")
        .file("image", &png(&image)?)
        .file("mask", &png(&half_mask())?);
    let picture = made(&rig, "/v2/image/inpaint/ideogram-3", form).await?;

    assert_eq!(picture.dimensions(), image.dimensions());
    assert_eq!(half(&picture, true), half(&image, true));
    Ok(())
}

#[tokio::test]
async fn a_remix_is_nearer_to_its_source_the_more_that_weighs() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let image = gradient();
    let mut distances = Vec::new();
    for weight in ["100", "50", "1"] {
        let form = Form::default()
            .text("prompt", "a kite")
            .text("seed", "1")
            .text("image_weight", weight)
            .file("image", &png(&image)?);
        let picture = made(&rig, "/v2/image/remix/ideogram-3", form).await?;
        let source = imageops::resize(
            &image,
            picture.width(),
            picture.height(),
            imageops::FilterType::Triangle,
        );

        assert_eq!(
            picture.dimensions(),
            (1_024, 1_024),
            "the shape of the source"
        );
        distances.push(distance(&picture, &source));
    }

    assert!(distances.is_sorted(), "{distances:?}");
    assert!(distances[0] * 2.0 < distances[1], "{distances:?}");
    Ok(())
}

#[tokio::test]
async fn different_sources_give_different_pictures() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let edit = |image: RgbaImage| -> anyhow::Result<Form> {
        let form = Form::default().text("prompt", "a kite").text("seed", "1");
        Ok(form.file("image", &png(&image)?))
    };
    let path = "/v2/image/precise-edit/ideogram-4-5";

    let one = made(&rig, path, edit(gradient())?).await?;
    let again = made(&rig, path, edit(gradient())?).await?;
    let other = made(&rig, path, edit(imageops::rotate90(&gradient()))?).await?;

    assert_eq!(one, again);
    assert_ne!(one, other);
    Ok(())
}

#[tokio::test]
async fn a_reframed_picture_holds_the_whole_source() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let image = gradient();

    let form = Form::default()
        .text("resolution", "1344x704")
        .file("image", &png(&image)?);
    let picture = made(&rig, "/v2/image/reframe/ideogram-3", form).await?;

    assert_eq!(picture.dimensions(), (1_344, 704));
    let inner = picture.view(320, 0, 704, 704).to_image();
    let inner = imageops::resize(&inner, SIDE, SIDE, imageops::FilterType::Triangle);
    assert!(
        distance(&inner, &image) < 2.0,
        "{}",
        distance(&inner, &image)
    );
    Ok(())
}

#[tokio::test]
async fn transparent_routes_have_an_opaque_middle_and_clear_corners() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let image = png(&gradient())?;
    for (path, form) in [
        (
            "/v2/image/remove-background/ideogram-1",
            Form::default().file("image", &image),
        ),
        (
            "/v2/image/generate/gpt-image-2-5-flare",
            Form::default()
                .text("prompt", "a kite")
                .text("background", "transparent")
                .file("images", &image),
        ),
        (
            "/v1/ideogram-v3/generate-transparent",
            Form::default().text("prompt", "a kite"),
        ),
    ] {
        let picture = made(&rig, path, form).await?;
        let (width, height) = picture.dimensions();

        assert_eq!(picture.get_pixel(0, 0)[3], 0, "{path}");
        assert_eq!(picture.get_pixel(width / 2, height / 2)[3], 255, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn an_upscaled_picture_is_its_source_enlarged() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let image = gradient();
    for (factor, side) in [("x2", 128), ("x4", 256), ("x8", 512)] {
        let form = Form::default()
            .text("upscale_factor", factor)
            .file("image", &png(&image)?);
        let picture = made(&rig, "/v2/image/upscale/auto", form).await?;

        assert_eq!(picture.dimensions(), (side, side));
        let corner = picture.view(0, 0, side / 4, side / 4).to_image();
        let corner = imageops::resize(&corner, 16, 16, imageops::FilterType::Triangle);
        let source = image.view(0, 0, 16, 16).to_image();
        assert!(distance(&corner, &source) < 2.0, "{factor}");
    }
    Ok(())
}
