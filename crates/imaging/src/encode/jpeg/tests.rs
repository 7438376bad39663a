use std::io::Cursor;

use image::{DynamicImage, ImageReader};
use proptest::prelude::*;

use super::*;
use crate::raster::Raster;
use crate::strips::Whole;

const MARKS: Marks<'_> = Marks {
    xmp: "<x/>",
    profile: None,
};

fn raster(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Raster {
    let pixels = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .flat_map(|(x, y)| pixel(x, y))
        .collect();
    Raster {
        width,
        height,
        alpha: false,
        pixels,
    }
}

fn encode(raster: &Raster, quality: u8, marks: &Marks<'_>) -> anyhow::Result<Vec<u8>> {
    Ok(super::encode(&mut Whole::new(raster), quality, marks)?)
}

/// What this processor can do, from the most to nothing out of the ordinary.
fn levels() -> Vec<Level> {
    let best = Level::new();
    let mut levels = vec![best];
    #[cfg(target_arch = "x86_64")]
    {
        levels.extend(best.as_avx2().map(Simd::level));
        levels.extend(best.as_sse4_2().map(Simd::level));
    }
    levels
}

fn reopened(file: &[u8]) -> anyhow::Result<DynamicImage> {
    Ok(ImageReader::with_format(Cursor::new(file), image::ImageFormat::Jpeg).decode()?)
}

/// The same by the crate `jpeg-encoder`, with the same tables, chroma and averages.
fn reference(raster: &Raster, quality: u8) -> anyhow::Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, quality);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    encoder.set_chroma_subsampling_method(jpeg_encoder::ChromaSubsamplingMethod::Average);
    let (width, height) = (raster.width as u16, raster.height as u16);
    encoder.encode(&raster.pixels, width, height, jpeg_encoder::ColorType::Rgb)?;
    Ok(file)
}

/// Mean squared error over all channels.
fn error(raster: &Raster, file: &[u8]) -> anyhow::Result<f64> {
    let decoded = reopened(file)?.into_rgb8().into_raw();
    let off = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b)).powi(2);
    let sum: f64 = decoded.iter().zip(&raster.pixels).map(off).sum();
    Ok(sum / decoded.len() as f64)
}

fn scene(x: u32, y: u32) -> [u8; 3] {
    let wave = (f64::from(x) / 9.0).sin() * 60.0 + (f64::from(y) / 7.0).cos() * 50.0;
    let edge = if (x / 23 + y / 31).is_multiple_of(2) {
        40.0
    } else {
        0.0
    };
    let grain = f64::from(x.wrapping_mul(7919) ^ y.wrapping_mul(104_729)) % 11.0;
    [120.0 + wave, 90.0 + edge + grain, 150.0 - wave / 2.0].map(|channel| channel as u8)
}

#[test]
fn pictures_are_as_good_as_the_reference_and_smaller() -> anyhow::Result<()> {
    let raster = raster(301, 203, scene);
    for quality in [30, 60, 80, 95] {
        let (ours, theirs) = (
            encode(&raster, quality, &MARKS)?,
            reference(&raster, quality)?,
        );
        assert!(
            ours.len() < theirs.len(),
            "{quality}: {} {}",
            ours.len(),
            theirs.len()
        );
        let (a, b) = (error(&raster, &ours)?, error(&raster, &theirs)?);
        assert!(a <= b * 1.01, "{quality}: {a} and {b}");
    }
    Ok(())
}

#[test]
fn flat_colours_come_back() -> anyhow::Result<()> {
    for color in [
        [0, 0, 0],
        [255; 3],
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [12, 99, 200],
    ] {
        let file = encode(&raster(40, 24, |_, _| color), 90, &MARKS)?;
        for pixel in reopened(&file)?.into_rgb8().pixels() {
            let near = pixel.0.iter().zip(color).all(|(a, b)| a.abs_diff(b) <= 4);
            assert!(near, "{:?} for {color:?}", pixel.0);
        }
    }
    Ok(())
}

#[test]
fn a_large_profile_is_split_and_comes_back() -> anyhow::Result<()> {
    let mut profile: Vec<u8> = (0..200_000u32).map(|at| (at % 251) as u8).collect();
    profile[16..20].copy_from_slice(b"RGB ");
    let marks = Marks {
        xmp: "<x/>",
        profile: Some(&profile),
    };
    let file = encode(&raster(9, 9, scene), 80, &marks)?;

    let mut decoder = image::codecs::jpeg::JpegDecoder::new(Cursor::new(&file))?;
    assert!(image::ImageDecoder::icc_profile(&mut decoder)? == Some(profile));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_picture_of_any_size_and_quality_decodes_to_what_the_reference_does(
        width in 1u32..70, height in 1u32..70, quality in 1u8..=100, seed: u32, rough: bool,
    ) {
        let raster = raster(width, height, |x, y| {
            let noise = (x ^ seed).wrapping_mul(2_654_435_761) ^ (y ^ seed).wrapping_mul(40_503);
            if rough { [noise as u8, (noise >> 8) as u8, (noise >> 16) as u8] } else { scene(x, y) }
        });
        let ours = encode(&raster, quality, &MARKS).map_err(|err| TestCaseError::fail(err.to_string()))?;
        let decoded = reopened(&ours).map_err(|err| TestCaseError::fail(err.to_string()))?;
        prop_assert_eq!((decoded.width(), decoded.height()), (width, height));
        let error = |file: &[u8]| error(&raster, file).map_err(|err| TestCaseError::fail(err.to_string()));
        let theirs = reference(&raster, quality).map_err(|err| TestCaseError::fail(err.to_string()))?;
        // Steps of a low quality are wide, and in few blocks it is chance to which side numbers fall.
        let (times, plus) = if quality < 50 || width * height < 1000 { (2.0, 100.0) } else { (1.2, 2.0) };
        prop_assert!(error(&ours)? <= error(&theirs)? * times + plus);
    }

    #[test]
    fn any_processor_makes_the_same_file(
        width in 1u32..600, height in 1u32..40, quality in 1u8..=100, seed: u32, flat in 0u8..8,
    ) {
        let raster = raster(width, height, |x, y| {
            let noise = (x ^ seed).wrapping_mul(2_654_435_761) ^ (y ^ seed).wrapping_mul(40_503);
            [noise >> 3, noise >> 8, noise >> 16].map(|channel| channel as u8 >> flat)
        });
        let of = |level| encoded(level, &mut Whole::new(&raster), quality, &MARKS)
            .map_err(|err| TestCaseError::fail(err.to_string()));
        let plain = of(Level::baseline())?;
        for level in levels() {
            prop_assert!(of(level)? == plain, "{level:?}");
        }
    }

    #[test]
    fn any_counts_give_a_code_without_doubt(counts in prop::collection::vec(0u32..5000, 256), steep: bool) {
        let counts: [u32; 256] = std::array::from_fn(|at| {
            // Fibonacci-like counts give the deepest trees.
            if steep { (1.5f64.powi(at as i32 % 45)) as u32 } else { counts[at] }
        });
        let code = Code::best_for(&counts);
        let total: usize = code.lengths.iter().map(|&count| usize::from(count)).sum();
        prop_assert_eq!(total, code.symbols.len());
        // Kraft: the words, and the one of ones alone that is left free, fill the code at most.
        let filled: u64 = (1..).zip(&code.lengths).map(|(length, &count)| u64::from(count) << (16 - length)).sum();
        prop_assert!(filled < 1 << 16);
        for (count, word) in counts.iter().zip(&code.words) {
            prop_assert_eq!(*count > 0, word.1 > 0);
        }
    }
}
