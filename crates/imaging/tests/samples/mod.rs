//! Images drawn by the tests, written by encoders that are not ours.
#![allow(dead_code, reason = "each test file uses another part")]

use anyhow::Result;
use image::{ExtendedColorType, ImageEncoder};
use imaging::{Preset, Presets, Provenance};

/// A picture in RGB that is dark blue with a red square of a tenth of the shorter side in the middle,
/// over a little texture so that it does not compress to nothing.
pub(crate) fn marked(width: u32, height: u32) -> Vec<u8> {
    let half = width.min(height) / 20;
    let near = |at: u32, side: u32| at.abs_diff(side / 2) < half;
    let pixel = |x: u32, y: u32| {
        let noise = (x.wrapping_mul(31) ^ y.wrapping_mul(17)) % 23;
        if near(x, width) && near(y, height) {
            [230, 20, 20]
        } else {
            [10, 30, 100 + noise as u8]
        }
    };
    (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| pixel(x, y)))
        .collect()
}

pub(crate) fn png(
    width: u32,
    height: u32,
    color: png::ColorType,
    depth: png::BitDepth,
    data: &[u8],
) -> Result<Vec<u8>> {
    let mut info = png::Info::with_size(width, height);
    info.color_type = color;
    info.bit_depth = depth;
    if color == png::ColorType::Indexed {
        info.palette = Some(
            (0..=255u8)
                .flat_map(|shade| [shade, 0, 255 - shade])
                .collect(),
        );
    }
    png_with(info, data)
}

pub(crate) fn png_with(info: png::Info<'_>, data: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::with_info(&mut bytes, info)?;
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(data)?;
    writer.finish()?;
    Ok(bytes)
}

pub(crate) fn rgb_png(width: u32, height: u32) -> Result<Vec<u8>> {
    png(
        width,
        height,
        png::ColorType::Rgb,
        png::BitDepth::Eight,
        &marked(width, height),
    )
}

pub(crate) fn jpeg(width: u16, height: u16, progressive: bool) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    encoder.set_progressive(progressive);
    let pixels = marked(width.into(), height.into());
    encoder.encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)?;
    Ok(bytes)
}

pub(crate) fn webp(width: u32, height: u32) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut bytes);
    encoder.write_image(
        &marked(width, height),
        width,
        height,
        ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}

pub(crate) fn provenance() -> Result<Provenance> {
    Ok(Provenance {
        generator: "Ideogram".to_owned(),
        model: "V_3".to_owned(),
        created: "2026-01-02T03:04:05Z".parse()?,
        id: "gen_01".to_owned(),
        prompt: Some("a <red> kite & dunes".to_owned()),
    })
}

pub(crate) fn preset(name: &str) -> Result<Preset> {
    let presets = Presets::builtin();
    presets
        .get(name)
        .cloned()
        .ok_or_else(|| anyhow::anyhow!("no preset `{name}`"))
}

/// A preset of one's own, from the lines of its table.
pub(crate) fn custom(lines: &str) -> Result<Preset> {
    let presets = Presets::parse(&format!("[custom]\n{lines}"))?;
    presets
        .get("custom")
        .cloned()
        .ok_or_else(|| anyhow::anyhow!("no preset"))
}
