//! What is told of a picture stays while the picture does, and changes with it.

mod samples;

use anyhow::Result;
use imaging::{Limits, Picture, cut, decode, describe};
use png::{BitDepth, ColorType};

/// Soft shapes in colours, laid out by a seed.
fn drawn(seed: u32, width: u32, height: u32) -> Result<Picture> {
    // The finaliser of MurmurHash3: neighbouring seeds have nothing in common.
    let at = |number: u32| {
        let mut bits = (seed << 8 | number).wrapping_add(0x9e37_79b9);
        bits = (bits ^ bits >> 16).wrapping_mul(0x85eb_ca6b);
        bits = (bits ^ bits >> 13).wrapping_mul(0xc2b2_ae35);
        f64::from((bits ^ bits >> 16) & 0xff)
    };
    let blobs: Vec<[f64; 4]> = (0..6)
        .map(|blob| {
            [
                at(blob * 4) / 255.0,
                at(blob * 4 + 1) / 255.0,
                at(blob * 4 + 2),
                at(blob * 4 + 3),
            ]
        })
        .collect();
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (x, y) = (
                f64::from(x) / f64::from(width),
                f64::from(y) / f64::from(height),
            );
            let mut color = [60.0, 70.0, 80.0];
            for [left, top, warm, cold] in &blobs {
                let near = (-((x - left).powi(2) + (y - top).powi(2)) * 30.0).exp();
                color[0] += near * (warm - 60.0);
                color[1] += near * (cold - 70.0);
                color[2] += near * (255.0 - warm - 80.0);
            }
            pixels.extend(color.map(|channel| channel.clamp(0.0, 255.0) as u8));
        }
    }
    let png = samples::png(width, height, ColorType::Rgb, BitDepth::Eight, &pixels)?;
    Ok(decode(&png, &Limits::default())?)
}

/// The picture as it comes back from a JPEG of another size and a low quality.
fn recoded(picture: &Picture, side: u32) -> Result<Picture> {
    let lines = format!("width={side}\nheight={side}\nfit=\"inside\"\nformat=\"jpeg\"\nquality=40");
    let cut = cut(picture, &samples::custom(&lines)?, &samples::provenance()?)?;
    Ok(decode(&cut.bytes, &Limits::default())?)
}

#[test]
fn traits_are_the_same_every_time() -> Result<()> {
    assert_eq!(
        describe(&drawn(1, 640, 400)?),
        describe(&drawn(1, 640, 400)?)
    );
    Ok(())
}

#[test]
fn known_pictures_keep_their_traits() -> Result<()> {
    let png = samples::png(
        64,
        64,
        ColorType::Rgb,
        BitDepth::Eight,
        &[10, 200, 30].repeat(64 * 64),
    )?;
    let plain = describe(&decode(&png, &Limits::default())?);

    assert_eq!(plain.phash, 0);
    assert_eq!(plain.palette.len(), 1);
    assert_eq!(
        (plain.palette[0].rgb, plain.palette[0].weight),
        ([10, 200, 30], 1.0)
    );
    let ramp: Vec<u8> = (0..64)
        .flat_map(|_| (0..64u8).flat_map(|x| [x * 4; 3]))
        .collect();
    let png = samples::png(64, 64, ColorType::Rgb, BitDepth::Eight, &ramp)?;
    assert_eq!(describe(&decode(&png, &Limits::default())?).phash, u64::MAX);
    Ok(())
}

#[test]
fn the_same_picture_in_another_size_is_near_and_others_are_far() -> Result<()> {
    let pictures: Vec<Picture> = (0..8)
        .map(|seed| drawn(seed, 800, 600))
        .collect::<Result<_>>()?;
    for (index, picture) in pictures.iter().enumerate() {
        let traits = describe(picture);
        for side in [700, 320, 120] {
            let distance = traits.distance(&describe(&recoded(picture, side)?));
            assert!(distance <= 10, "{index} at {side}: {distance} bits");
        }
        for (other, second) in pictures.iter().enumerate().skip(index + 1) {
            let distance = traits.distance(&describe(second));
            assert!(distance > 12, "{index} and {other}: {distance} bits");
        }
    }
    Ok(())
}

#[test]
fn weights_add_up_and_are_in_order() -> Result<()> {
    for seed in 0..4 {
        let palette = describe(&drawn(seed, 300, 500)?).palette;
        assert!((1..=5).contains(&palette.len()));
        assert!((palette.iter().map(|swatch| swatch.weight).sum::<f32>() - 1.0).abs() < 1e-4);
        assert!(palette.is_sorted_by(|a, b| a.weight >= b.weight));
    }
    Ok(())
}

#[test]
fn every_shape_and_transparency_has_traits() -> Result<()> {
    for (width, height) in [(1, 1), (1, 700), (3000, 2), (9, 8)] {
        let traits = describe(&drawn(3, width, height)?);
        assert!(!traits.thumbhash.is_empty(), "{width}x{height}");
    }
    let clear = samples::png(20, 20, ColorType::Rgba, BitDepth::Eight, &[0; 1600])?;
    let clear = describe(&decode(&clear, &Limits::default())?);
    assert!(clear.palette.is_empty() && !clear.thumbhash.is_empty());
    Ok(())
}
