//! What may be sent along.

use ideogram_sim::{Config, Picture};
use image::{ImageFormat, Rgba, RgbaImage};
use serde_json::json;

use crate::harness::{Form, Rig, SIDE, encoded, gradient, half_mask, png};

const INPAINT: &str = "/v2/image/inpaint/ideogram-3";
const EDIT: &str = "/v2/image/precise-edit/ideogram-4-5";
const REMOVE: &str = "/v2/image/remove-background/ideogram-1";

async fn rig() -> anyhow::Result<Rig> {
    Rig::start(Config {
        picture: Picture::Tiny,
        ..Config::default()
    })
    .await
}

fn prompt() -> Form {
    Form::default().text("prompt", "a kite")
}

#[tokio::test]
async fn the_bytes_tell_the_format() -> anyhow::Result<()> {
    let rig = rig().await?;
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let form = Form::default().file("image", &encoded(&gradient(), format)?);
        assert_eq!(rig.send(REMOVE, form).await?.status, 200, "{format:?}");
    }
    let half = png(&gradient())?;
    for bad in [
        b"".as_slice(),
        b"not a picture",
        b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
        &half[..half.len() / 2],
    ] {
        let refused = rig.send(REMOVE, Form::default().file("image", bad)).await?;

        assert_eq!(refused.status, 400, "{refused:?}");
        assert_eq!(refused.json["error"], "Could not read a source image.");
    }
    assert_eq!(rig.sim.bill().len(), 3);
    Ok(())
}

#[tokio::test]
async fn counts_and_sizes_have_limits() -> anyhow::Result<()> {
    let rig = rig().await?;
    let image = png(&gradient())?;
    let many =
        |name: &str, count: usize| (0..count).fold(prompt(), |form, _| form.file(name, &image));
    let large = vec![0; (50 << 20) + 1];
    let v45 = "/v2/image/generate/ideogram-4-5";
    for (path, form, status) in [
        (v45, many("images", 5), 200),
        (v45, many("images", 6), 400),
        (
            v45,
            many("images", 4).file("mask", &png(&half_mask())?),
            200,
        ),
        (
            v45,
            many("images", 5).file("mask", &png(&half_mask())?),
            400,
        ),
        (EDIT, many("reference_images", 4).file("image", &image), 200),
        (EDIT, many("reference_images", 5).file("image", &image), 400),
        (
            "/v2/image/describe/ideogram-3",
            Form::default().file("image", &large[..(10 << 20) + 1]),
            400,
        ),
        (
            "/v2/image/remove-object/ideogram-1",
            Form::default().file("image", &large).file("mask", &image),
            413,
        ),
    ] {
        let answer = rig.send(path, form).await?;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_mask_fits_its_image_and_has_two_colours_where_that_is_asked() -> anyhow::Result<()> {
    let rig = rig().await?;
    let black = RgbaImage::from_pixel(SIDE, SIDE, Rgba([0, 0, 0, 255]));
    let small = RgbaImage::new(8, 8);
    for (path, mask, status) in [
        (INPAINT, &half_mask(), 200),
        (INPAINT, &black, 200),
        (INPAINT, &small, 400),
        (EDIT, &half_mask(), 200),
        (EDIT, &black, 400),
    ] {
        let form = prompt()
            .file("image", &png(&gradient())?)
            .file("mask", &png(mask)?);
        let answer = rig.send(path, form).await?;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
    let alone = prompt().file("mask", &png(&half_mask())?);
    let v45 = "/v2/image/generate/ideogram-4-5";
    assert_eq!(rig.send(v45, alone).await?.status, 400);
    Ok(())
}

#[tokio::test]
async fn a_characters_mask_fits_the_character() -> anyhow::Result<()> {
    let rig = rig().await?;
    let (image, mask) = (png(&gradient())?, png(&half_mask())?);
    let v1 = "/v1/ideogram-v3/generate";
    let character = prompt().file("character_reference_images", &image);
    let v1_mask = "character_reference_images_mask";
    for (path, form, status) in [
        (v1, character.clone().file(v1_mask, &mask), 200),
        (v1, prompt().file(v1_mask, &mask), 400),
        (
            v1,
            character.clone().file(v1_mask, &mask).file(v1_mask, &mask),
            400,
        ),
        (
            "/v2/image/generate/ideogram-3-character",
            character.file("character_reference_mask", &png(&RgbaImage::new(8, 8))?),
            400,
        ),
    ] {
        let answer = rig.send(path, form).await?;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_missing_or_given_twice_is_refused() -> anyhow::Result<()> {
    let rig = rig().await?;
    let image = png(&gradient())?;
    let asset = json!({ "asset_type": "RESPONSE", "asset_id": "x" }).to_string();
    for (path, form, named) in [
        (INPAINT, prompt(), "image"),
        (INPAINT, prompt().file("image", &image), "mask"),
        (
            EDIT,
            prompt()
                .file("image", &image)
                .text("image_asset_identifier", &asset),
            "image_asset_identifier",
        ),
        (
            "/v2/image/generate/ideogram-3-character",
            prompt().text("seed", "1"),
            "A character reference is required",
        ),
        (
            "/v2/image/generate/ideogram-3",
            prompt()
                .text("style_preset", "aura")
                .file("style_reference_images", &image),
            "style_preset",
        ),
        (
            "/v2/image/generate/ideogram-4-5",
            prompt()
                .text("size", "1024x1024")
                .file("images", &image)
                .file("mask", &png(&half_mask())?),
            "size",
        ),
        (
            "/v2/image/remix/ideogram-4",
            prompt()
                .text("image_weight", "50")
                .text("resolution", "2560x1440")
                .file("image", &image),
            "image_weight",
        ),
        (
            EDIT,
            prompt()
                .text("context_window", "0,0,100,100")
                .file("image", &image),
            "context_window",
        ),
        (
            "/v2/image/replace-background/ideogram-3",
            Form::default().text("prompt", "  ").file("image", &image),
            "prompt",
        ),
    ] {
        let answer = rig.send(path, form).await?;
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert!(answer.text.contains(named), "{path}: {answer:?}");
    }
    assert!(rig.sim.bill().is_empty());
    Ok(())
}

#[tokio::test]
async fn sizes_from_images_keep_to_rules_of_their_own() -> anyhow::Result<()> {
    let rig = rig().await?;
    let v45 = "/v2/image/generate/ideogram-4-5";
    for (size, status) in [
        ("source", 200),
        ("256x1536", 200),
        ("1000x1000", 400),
        ("224x512", 400),
        ("256x1792", 400),
        ("2080x2080", 400),
    ] {
        let form = prompt()
            .text("size", size)
            .file("images", &png(&gradient())?);
        assert_eq!(rig.send(v45, form).await?.status, status, "{size}");
    }
    let narrow = prompt().file("images", &png(&RgbaImage::new(70, 10))?);
    assert_eq!(rig.send(v45, narrow).await?.status, 400);
    Ok(())
}

#[tokio::test]
async fn what_the_provider_made_can_be_named_as_a_source() -> anyhow::Result<()> {
    let rig = rig().await?;
    let id = rig.submit("a kite").await?;
    let asset = rig.poll(&id).await?.text_at("/data/0/asset_id")?;
    let edit = |asset: &str| {
        json!({
            "prompt": "a red kite",
            "image_asset_identifier": { "asset_type": "RESPONSE", "asset_id": asset },
        })
    };

    let made = rig.post(EDIT, edit(&asset)).await?;
    let unknown = rig.post(EDIT, edit("AAAAAAAAAAAAAAAAAAAAAA")).await?;
    let collection = json!({
        "prompt": "a kite",
        "character_reference_collection_id": "AAAAAAAAAAAAAAAAAAAAAA",
    });
    let collection = rig
        .post("/v2/image/generate/ideogram-3-character", collection)
        .await?;

    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.json["data"][0]["resolution"], "64x64");
    assert_eq!((unknown.status, collection.status), (404, 404));
    Ok(())
}

#[tokio::test]
async fn a_dry_run_prices_what_comes_with_files() -> anyhow::Result<()> {
    let rig = rig().await?;
    let path = "/v2/image/generate/ideogram-4-5?dry_run=true";

    let form = prompt()
        .text("num_images", "2")
        .text("quality", "high")
        .file("images", &png(&gradient())?);
    let quote = rig.send(path, form).await?;
    let auto = json!({ "prompt": "a kite" });
    let auto = rig
        .post("/v2/image/generate/auto?dry_run=true", auto)
        .await?;

    assert_eq!(quote.json["usd_micros"], 440_000, "{quote:?}");
    assert_eq!(quote.json["qualifier"], "exact");
    assert_eq!(auto.json["qualifier"], "estimate");
    assert_eq!(auto.json["upper_bound_usd_micros"], 30_000);
    assert!(rig.sim.bill().is_empty());
    Ok(())
}

#[tokio::test]
async fn files_travel_in_multipart_and_only_where_a_route_takes_it() -> anyhow::Result<()> {
    let rig = rig().await?;

    let json_only = rig.send("/v2/image/generate/ideogram-2", prompt()).await?;
    let multipart_only = rig
        .post("/v1/ideogram-v3/inpaint", json!({ "prompt": "a kite" }))
        .await?;

    assert_eq!((json_only.status, multipart_only.status), (415, 415));
    Ok(())
}
