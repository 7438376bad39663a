use std::fmt;
use std::ops::Sub;
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use imaging::{Picture, Preset};
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

use crate::ssim::ssim;

/// What is left out at each edge, so that there is something to shift.
const EDGE: usize = 16;
/// In pixels of the result: sharp's lie half a pixel off where it enlarges, which nobody sees and every
/// measure does.
const SHIFTS: [f64; 5] = [-0.5, -0.25, 0.0, 0.25, 0.5];
/// So that neither side's kernel decides.
const KERNELS: [FilterType; 2] = [FilterType::CatmullRom, FilterType::Lanczos3];

/// How near a file is to what an exact resize in floats gives, where it is nearest; the mean of two
/// kernels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Likeness {
    /// Of the colours, as the eye sees them: 100 is no difference, and 70 is hard to see.
    pub(crate) ssimulacra: f64,
    /// Of brightness, 0 to 1.
    pub(crate) ssim: f64,
    /// Of brightness, in dB.
    pub(crate) psnr: f64,
}

impl Likeness {
    /// Of one and another file, which takes two threads.
    pub(crate) fn of_both(
        picture: &Picture,
        preset: &Preset,
        files: [&[u8]; 2],
    ) -> Result<[Self; 2]> {
        let of = |file| Self::of(picture, preset, file);
        thread::scope(|scope| {
            let other = scope.spawn(|| of(files[1]));
            let one = of(files[0])?;
            Ok([one, other.join().map_err(|_| anyhow!("broke down"))??])
        })
    }

    fn of(picture: &Picture, preset: &Preset, file: &[u8]) -> Result<Self> {
        let cut = Inner::of_file(file, preset)?;
        let mut sum = [0.0; 3];
        for kernel in KERNELS {
            let shift = nearest(&cut, picture, preset, kernel)?;
            let exact = Inner::exact(picture, preset, kernel, shift)?;
            let (a, b) = (cut.luma(), exact.luma());
            let ssimulacra = compute_frame_ssimulacra2(exact.linear()?, cut.linear()?)?;
            let parts = [ssimulacra, ssim(&a, &b, cut.width), psnr(&a, &b)];
            for (sum, part) in sum.iter_mut().zip(parts) {
                *sum += part / KERNELS.len() as f64;
            }
        }
        let [ssimulacra, ssim, psnr] = sum;
        Ok(Self {
            ssimulacra,
            ssim,
            psnr,
        })
    }
}

impl Sub for Likeness {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            ssimulacra: self.ssimulacra - other.ssimulacra,
            ssim: self.ssim - other.ssim,
            psnr: self.psnr - other.psnr,
        }
    }
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ssimulacra,
            ssim,
            psnr,
        } = self;
        write!(f, "{ssimulacra:.2} {ssim:.4} {psnr:.2} dB")
    }
}

/// By how much the grid of a cut is off, found by brightness.
fn nearest(
    cut: &Inner,
    picture: &Picture,
    preset: &Preset,
    kernel: FilterType,
) -> Result<(f64, f64)> {
    let luma = cut.luma();
    let grey: Vec<u8> = (picture.pixels().as_chunks::<3>().0.iter())
        .flat_map(|pixel| brightness(&pixel.map(f32::from)).to_ne_bytes())
        .collect();
    let mut best = (f64::MIN, (0.0, 0.0));
    for x in SHIFTS {
        for y in SHIFTS {
            let exact = resized(picture, &grey, PixelType::F32, preset, kernel, (x, y))?;
            let near = psnr(&luma, &exact);
            if near > best.0 {
                best = (near, (x, y));
            }
        }
    }
    Ok(best.1)
}

/// The middle of a cut, in colours of 0 to 255.
struct Inner {
    width: usize,
    height: usize,
    pixels: Vec<[f32; 3]>,
}

impl Inner {
    fn of_file(file: &[u8], preset: &Preset) -> Result<Self> {
        let image = image::load_from_memory(file)?.into_rgb8();
        ensure!(
            (image.width(), image.height()) == (preset.width(), preset.height()),
            "not of the size that was asked for"
        );
        let (width, height) = (image.width() as usize, image.height() as usize);
        let (pixels, _) = image.as_raw().as_chunks::<3>();
        let rows = pixels
            .chunks_exact(width)
            .skip(EDGE)
            .take(height - 2 * EDGE);
        Ok(Self {
            width: width - 2 * EDGE,
            height: height - 2 * EDGE,
            pixels: rows
                .flat_map(|row| row[EDGE..width - EDGE].iter())
                .map(|pixel| pixel.map(f32::from))
                .collect(),
        })
    }

    fn exact(
        picture: &Picture,
        preset: &Preset,
        kernel: FilterType,
        shift: (f64, f64),
    ) -> Result<Self> {
        let floats: Vec<u8> = (picture.pixels().iter())
            .flat_map(|&value| f32::from(value).to_ne_bytes())
            .collect();
        let exact = resized(picture, &floats, PixelType::F32x3, preset, kernel, shift)?;
        Ok(Self {
            width: preset.width() as usize - 2 * EDGE,
            height: preset.height() as usize - 2 * EDGE,
            pixels: exact.as_chunks().0.to_vec(),
        })
    }

    fn luma(&self) -> Vec<f32> {
        self.pixels.iter().map(brightness).collect()
    }

    fn linear(&self) -> Result<Rgb> {
        Ok(Rgb::new(
            self.pixels
                .iter()
                .map(|pixel| pixel.map(|value| value / 255.0))
                .collect(),
            self.width,
            self.height,
            TransferCharacteristic::SRGB,
            ColorPrimaries::BT709,
        )?)
    }
}

fn brightness([r, g, b]: &[f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// The middle of a cover, resized in floats, with its grid shifted.
fn resized(
    picture: &Picture,
    floats: &[u8],
    kind: PixelType,
    preset: &Preset,
    kernel: FilterType,
    shift: (f64, f64),
) -> Result<Vec<f32>> {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let (out_width, out_height) = (f64::from(preset.width()), f64::from(preset.height()));
    let scale = (width / out_width).min(height / out_height);
    let edge = EDGE as f64;
    let left = (width - out_width * scale) / 2.0 + (edge + shift.0) * scale;
    let top = (height - out_height * scale) / 2.0 + (edge + shift.1) * scale;
    let from = ImageRef::new(picture.width(), picture.height(), floats, kind)?;
    let inner = (
        preset.width() - 2 * EDGE as u32,
        preset.height() - 2 * EDGE as u32,
    );
    let mut to = Image::new(inner.0, inner.1, kind);
    let size = (f64::from(inner.0) * scale, f64::from(inner.1) * scale);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(kernel))
        .crop(left, top, size.0, size.1);
    Resizer::new()
        .resize(&from, &mut to, &options)
        .context("cannot resize")?;
    let (floats, _) = to.buffer().as_chunks::<4>();
    Ok(floats
        .iter()
        .map(|bytes| f32::from_ne_bytes(*bytes).clamp(0.0, 255.0))
        .collect())
}

fn psnr(a: &[f32], b: &[f32]) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / squares).log10()
}
