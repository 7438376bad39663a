use std::ops::RangeInclusive;

use anyhow::{Result, ensure};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use png::{BitDepth, ColorType};

use crate::lettering::{Dice, set};
use crate::samples;

/// Bytes, as generated pictures have them.
const SIZES: RangeInclusive<usize> = 1_200_000..=2_000_000;

/// Nine sources of the labelled set, with grain as generated pictures have: photograph-like, flat design,
/// gradients and noise in three shapes; six PNGs, two JPEGs and a WebP.
pub(crate) fn all() -> Result<Vec<(String, Vec<u8>)>> {
    const PICTURES: [(usize, f64, &str); 9] = [
        (5, 2.5, "png"),
        (6, 2.0, "png"),
        (3, 2.0, "png"),
        (9, 2.5, "png"),
        (15, 2.5, "png"),
        (18, 1.5, "jpeg"),
        (22, 2.0, "png"),
        (13, 2.5, "jpeg"),
        (21, 2.0, "webp"),
    ];
    let set = set(41, 24)?;
    let mut inputs = Vec::new();
    for (index, grain, format) in PICTURES {
        let labelled = &set[index];
        let mut dice = Dice::new(index as u64 + 99);
        let pixels: Vec<u8> = (labelled.picture.pixels().iter())
            .map(|&value| {
                (f64::from(value) + dice.within(-grain, grain))
                    .clamp(0.0, 255.0)
                    .round() as u8
            })
            .collect();
        let (width, height) = (labelled.picture.width(), labelled.picture.height());
        let file = match format {
            "png" => samples::png(width, height, ColorType::Rgb, BitDepth::Eight, &pixels)?,
            "jpeg" => jpeg(&pixels, width, height)?,
            _ => webp(&pixels, width, height)?,
        };
        let name = format!("{} {format}", labelled.name);
        ensure!(SIZES.contains(&file.len()), "{name}: {} bytes", file.len());
        inputs.push((name, file));
    }
    Ok(inputs)
}

fn jpeg(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, 100);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    encoder.encode(
        pixels,
        width as u16,
        height as u16,
        jpeg_encoder::ColorType::Rgb,
    )?;
    Ok(file)
}

fn webp(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut file);
    encoder.write_image(pixels, width, height, ExtendedColorType::Rgb8)?;
    Ok(file)
}
