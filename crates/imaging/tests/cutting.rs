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
        Format::Avif => anyhow::bail!("no reader of ours decodes avif"),
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

#[test]
fn an_extend_is_filled_up_with_the_picture_itself() -> Result<()> {
    let row = [[200, 0, 0], [0, 0, 200]]
        .map(|color| color.repeat(60))
        .concat();
    let source = samples::png(120, 40, ColorType::Rgb, BitDepth::Eight, &row.repeat(40))?;
    let picture = decode(&source, &Limits::default())?;
    for format in ["png", "jpeg", "webp"] {
        let lines = format!("width=240\nheight=240\nfit=\"extend\"\nformat=\"{format}\"");
        let cut = cut(&picture, &samples::custom(&lines)?, &samples::provenance()?)?;
        let image = reopened(&cut.bytes, cut.format)?.into_rgb8();

        assert_eq!(image.dimensions(), (240, 240));
        assert!(cut.crop_loss == 0.0 && cut.upscaled);
        // Red on the left and blue on the right, above the picture as in it.
        for y in [5, 120, 235] {
            let (left, right) = (image.get_pixel(5, y).0, image.get_pixel(234, y).0);
            assert!(left[0] > 150 && left[2] < 60, "{format}: {left:?} at {y}");
            assert!(
                right[2] > 150 && right[0] < 60,
                "{format}: {right:?} at {y}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_webp_keeps_colours_and_transparency() -> Result<()> {
    let mut data = [200, 40, 10, 0].repeat(32 * 16);
    data.extend([200, 40, 10, 255].repeat(32 * 16));
    let source = samples::png(32, 32, ColorType::Rgba, BitDepth::Eight, &data)?;
    let picture = decode(&source, &Limits::default())?;
    let preset = samples::custom("width=64\nheight=64\nfit=\"cover\"\nformat=\"webp\"")?;
    let cut = cut(&picture, &preset, &samples::provenance()?)?;

    assert_eq!(imaging::verify_whole(&cut.bytes)?.format, Format::Webp);
    let image = reopened(&cut.bytes, cut.format)?.into_rgba8();
    let (clear, full) = (image.get_pixel(30, 4).0, image.get_pixel(30, 60).0);
    assert_eq!((clear[3], full[3]), (0, 255));
    assert!(full[0].abs_diff(200) < 12 && full[1].abs_diff(40) < 12 && full[2].abs_diff(10) < 12);
    Ok(())
}

#[test]
fn a_byte_budget_lowers_the_quality_and_no_more_than_it_must() -> Result<()> {
    let grain = |at: u32| (at.wrapping_mul(at ^ 0x9e37_79b9) >> 13) as u8;
    let data: Vec<u8> = (0..256 * 256 * 3).map(grain).collect();
    let source = samples::png(256, 256, ColorType::Rgb, BitDepth::Eight, &data)?;
    let picture = decode(&source, &Limits::default())?;
    for format in ["jpeg", "webp"] {
        let cut = |extra: &str| -> Result<_> {
            let lines =
                format!("width=256\nheight=256\nfit=\"cover\"\nformat=\"{format}\"\n{extra}");
            Ok(cut(
                &picture,
                &samples::custom(&lines)?,
                &samples::provenance()?,
            )?)
        };
        let free = cut("")?;
        assert_eq!((free.quality, free.over_budget), (Some(80), false));
        let most = free.bytes.len() * 6 / 10;
        let tight = cut(&format!("max_bytes={most}"))?;
        assert!(tight.bytes.len() <= most && !tight.over_budget, "{format}");
        assert!(
            tight.bytes.len() * 10 >= most * 8,
            "{format}: {} of {most}",
            tight.bytes.len()
        );
        assert!(tight.quality < Some(80));
        let hopeless = cut("max_bytes=4096")?;
        assert!(
            hopeless.over_budget && hopeless.quality == Some(10),
            "{format}"
        );
        assert!(hopeless.bytes.len() < tight.bytes.len());
    }
    Ok(())
}
