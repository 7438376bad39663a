//! Every preset from every kind of source: sizes, numbers, and the right part of the picture.

mod samples;

use anyhow::{Context, Result, ensure};
use image::DynamicImage;
use imaging::{Format, Limits, Presets, cut, decode};
use png::{BitDepth, ColorType};

/// Decodes with the `image` crate, whose PNG path is not ours.
fn reopened(bytes: &[u8], format: Format) -> Result<DynamicImage> {
    let format = match format {
        Format::Png => image::ImageFormat::Png,
        Format::Jpeg => image::ImageFormat::Jpeg,
        Format::Webp => image::ImageFormat::WebP,
    };
    Ok(image::load_from_memory_with_format(bytes, format)?)
}

/// Cuts all presets and returns the size of each that an independent reader sees.
fn sizes(source: &[u8]) -> Result<Vec<(String, u32, u32)>> {
    let picture = decode(source, &Limits::default())?;
    let provenance = samples::provenance()?;
    let mut sizes = Vec::new();
    for preset in Presets::builtin().iter() {
        let cut = cut(&picture, preset, &provenance)?;
        let image = reopened(&cut.bytes, cut.format)?;
        ensure!(
            (image.width(), image.height()) == (cut.width, cut.height),
            "{}",
            preset.name()
        );
        sizes.push((preset.name().to_owned(), cut.width, cut.height));
    }
    Ok(sizes)
}

fn expected(thumbnail: (u32, u32)) -> Vec<(String, u32, u32)> {
    vec![
        ("instagram".to_owned(), 1080, 1080),
        ("og-image".to_owned(), 1200, 630),
        ("thumbnail".to_owned(), thumbnail.0, thumbnail.1),
        ("twitter-header".to_owned(), 1500, 500),
    ]
}

#[test]
fn every_shape_gives_exact_sizes() -> Result<()> {
    assert_eq!(sizes(&samples::rgb_png(1024, 1024)?)?, expected((400, 400)));
    assert_eq!(sizes(&samples::rgb_png(1312, 736)?)?, expected((400, 224)));
    assert_eq!(sizes(&samples::rgb_png(736, 1312)?)?, expected((224, 400)));
    assert_eq!(sizes(&samples::rgb_png(1, 1)?)?, expected((1, 1)));
    Ok(())
}

#[test]
fn every_kind_of_png_gives_exact_sizes() -> Result<()> {
    let kinds = [
        (ColorType::Rgba, BitDepth::Eight, 4 * 256),
        (ColorType::Grayscale, BitDepth::Eight, 256),
        (ColorType::Grayscale, BitDepth::One, 32),
        (ColorType::GrayscaleAlpha, BitDepth::Eight, 2 * 256),
        (ColorType::Indexed, BitDepth::Eight, 256),
        (ColorType::Rgb, BitDepth::Sixteen, 6 * 256),
        (ColorType::Rgba, BitDepth::Sixteen, 8 * 256),
    ];
    for (color, depth, row) in kinds {
        let data: Vec<u8> = (0..row * 128).map(|at| (at % 251) as u8).collect();
        let source = samples::png(256, 128, color, depth, &data)?;
        assert_eq!(sizes(&source)?, expected((256, 128)), "{color:?} {depth:?}");
    }
    Ok(())
}

#[test]
fn jpeg_and_webp_give_exact_sizes() -> Result<()> {
    assert_eq!(
        sizes(&samples::jpeg(600, 300, false)?)?,
        expected((400, 200))
    );
    assert_eq!(
        sizes(&samples::jpeg(600, 300, true)?)?,
        expected((400, 200))
    );
    assert_eq!(sizes(&samples::webp(600, 300)?)?, expected((400, 200)));
    Ok(())
}

#[test]
fn pngs_decode_to_the_pixels_that_another_decoder_sees() -> Result<()> {
    let kinds = [
        (ColorType::Rgba, BitDepth::Eight, 4 * 64),
        (ColorType::Grayscale, BitDepth::Four, 32),
        (ColorType::GrayscaleAlpha, BitDepth::Eight, 2 * 64),
        (ColorType::Indexed, BitDepth::Eight, 64),
    ];
    for (color, depth, row) in kinds {
        let data: Vec<u8> = (0..row * 32).map(|at| (at % 241) as u8).collect();
        let source = samples::png(64, 32, color, depth, &data)?;
        let picture = decode(&source, &Limits::default())?;
        let reference = reopened(&source, Format::Png)?;
        let reference = if picture.has_alpha() {
            reference.into_rgba8().into_raw()
        } else {
            reference.into_rgb8().into_raw()
        };
        assert!(picture.pixels() == reference, "{color:?} {depth:?}");
    }
    Ok(())
}

#[test]
fn the_loss_and_the_enlargement_are_told() -> Result<()> {
    let picture = decode(&samples::rgb_png(1024, 1024)?, &Limits::default())?;
    let provenance = samples::provenance()?;
    let numbers = |name: &str| -> Result<_> {
        let cut = cut(&picture, &samples::preset(name)?, &provenance)?;
        Ok(((cut.crop_loss * 1000.0).round(), cut.upscaled))
    };

    assert_eq!(numbers("og-image")?, (475.0, true));
    assert_eq!(numbers("instagram")?, (0.0, true));
    assert_eq!(numbers("twitter-header")?, (667.0, true));
    assert_eq!(numbers("thumbnail")?, (0.0, false));
    Ok(())
}

#[test]
fn a_cover_keeps_the_middle_and_enlarges_about_it() -> Result<()> {
    let picture = decode(&samples::rgb_png(1312, 736)?, &Limits::default())?;
    let cut = cut(
        &picture,
        &samples::preset("instagram")?,
        &samples::provenance()?,
    )?;

    let image = reopened(&cut.bytes, cut.format)?.into_rgb8();
    let red: Vec<(u32, u32)> = image
        .enumerate_pixels()
        .filter(|(_, _, pixel)| pixel[0] > 150)
        .map(|(x, y, _)| (x, y))
        .collect();
    let left = red.iter().map(|at| at.0).min().context("no marker")?;
    let right = red.iter().map(|at| at.0).max().context("no marker")?;
    let top = red.iter().map(|at| at.1).min().context("no marker")?;
    let bottom = red.iter().map(|at| at.1).max().context("no marker")?;
    // 71 source pixels at 1080/736, one to the left and above the exact middle by its drawing.
    assert!((right - left + 1).abs_diff(104) <= 3 && (bottom - top + 1).abs_diff(104) <= 3);
    assert!((left + right).abs_diff(1080) <= 4 && (top + bottom).abs_diff(1080) <= 4);
    Ok(())
}

#[test]
fn gravity_decides_what_is_kept() -> Result<()> {
    let row = [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
        .map(|color| color.repeat(40))
        .concat();
    let source = samples::png(120, 40, ColorType::Rgb, BitDepth::Eight, &row.repeat(40))?;
    let picture = decode(&source, &Limits::default())?;
    let middle = |gravity: &str| -> Result<[u8; 3]> {
        let lines =
            format!("width=40\nheight=40\nfit=\"cover\"\nformat=\"png\"\ngravity={gravity}");
        let cut = cut(&picture, &samples::custom(&lines)?, &samples::provenance()?)?;
        Ok(reopened(&cut.bytes, cut.format)?
            .into_rgb8()
            .get_pixel(20, 20)
            .0)
    };

    assert_eq!(middle("\"west\"")?, [255, 0, 0]);
    assert_eq!(middle("\"center\"")?, [0, 255, 0]);
    assert_eq!(middle("\"northeast\"")?, [0, 0, 255]);
    assert_eq!(middle("{ x = 0.1, y = 0.5 }")?, [255, 0, 0]);
    Ok(())
}

#[test]
fn transparency_survives_in_png_and_is_white_in_jpeg() -> Result<()> {
    let source = samples::png(
        32,
        32,
        ColorType::Rgba,
        BitDepth::Eight,
        &[200, 0, 0, 0].repeat(32 * 32),
    )?;
    let picture = decode(&source, &Limits::default())?;
    let corner = |format: &str| -> Result<[u8; 4]> {
        let lines = format!("width=64\nheight=64\nfit=\"cover\"\nformat=\"{format}\"");
        let cut = cut(&picture, &samples::custom(&lines)?, &samples::provenance()?)?;
        Ok(reopened(&cut.bytes, cut.format)?
            .into_rgba8()
            .get_pixel(5, 5)
            .0)
    };

    assert_eq!(corner("png")?[3], 0);
    assert_eq!(corner("jpeg")?, [255; 4]);
    Ok(())
}

#[test]
fn a_contain_is_filled_up_with_white() -> Result<()> {
    let picture = decode(&samples::rgb_png(100, 50)?, &Limits::default())?;
    let preset = samples::custom(
        "width=100\nheight=100\nfit=\"contain\"\nformat=\"png\"\ngravity=\"south\"",
    )?;
    let cut = cut(&picture, &preset, &samples::provenance()?)?;

    let image = reopened(&cut.bytes, cut.format)?.into_rgb8();
    assert_eq!(image.get_pixel(0, 49).0, [255; 3]);
    assert_ne!(image.get_pixel(0, 50).0, [255; 3]);
    assert!(cut.crop_loss == 0.0 && !cut.upscaled);
    Ok(())
}
