use std::fmt;

use anyhow::{Context, Result};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use imaging::{Picture, Preset};

/// What is left out at each edge, so that there is something to shift.
const EDGE: usize = 16;
/// In pixels of the result: sharp's lie half a pixel off where it enlarges, which nobody sees and every
/// measure does.
const SHIFTS: [f64; 5] = [-0.5, -0.25, 0.0, 0.25, 0.5];

/// How near a file is to what an exact resize gives, where it is nearest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Likeness {
    ssim: f64,
    psnr: f64,
    shift: (f64, f64),
}

impl Likeness {
    /// The mean of a bicubic and a Lanczos reference, so that neither side's kernel decides.
    pub(crate) fn of(picture: &Picture, preset: &Preset, file: &[u8]) -> Result<Self> {
        let image = image::load_from_memory(file)?.into_rgb8();
        let (width, height) = (image.width() as usize, image.height() as usize);
        let luma: Vec<f32> = image
            .pixels()
            .map(|pixel| luma(pixel.0.map(f32::from)))
            .collect();
        let inner: Vec<f32> = luma
            .chunks_exact(width)
            .skip(EDGE)
            .take(height - 2 * EDGE)
            .flat_map(|row| row[EDGE..width - EDGE].to_vec())
            .collect();
        let mut likenesses = Vec::new();
        for filter in [FilterType::CatmullRom, FilterType::Lanczos3] {
            let at = |shift| -> Result<Self> {
                let reference = reference(picture, preset, filter, shift)?;
                Ok(measured(&inner, &reference, width - 2 * EDGE, shift))
            };
            let mut best = at((0.0, 0.0))?;
            for x in SHIFTS {
                for y in SHIFTS {
                    let other = at((x, y))?;
                    if other.psnr > best.psnr {
                        best = other;
                    }
                }
            }
            likenesses.push(best);
        }
        let [a, b] = likenesses[..] else {
            return Err(anyhow::anyhow!("not two references"));
        };
        Ok(Self {
            ssim: (a.ssim + b.ssim) / 2.0,
            psnr: (a.psnr + b.psnr) / 2.0,
            shift: a.shift,
        })
    }
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.4} {:.2} dB at {:?}",
            self.ssim, self.psnr, self.shift
        )
    }
}

fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// The brightness of the middle of a cover, resized in floats, with its grid shifted.
fn reference(
    picture: &Picture,
    preset: &Preset,
    filter: FilterType,
    shift: (f64, f64),
) -> Result<Vec<f32>> {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let (out_width, out_height) = (f64::from(preset.width()), f64::from(preset.height()));
    let scale = (width / out_width).min(height / out_height);
    let edge = EDGE as f64;
    let left = (width - out_width * scale) / 2.0 + (edge + shift.0) * scale;
    let top = (height - out_height * scale) / 2.0 + (edge + shift.1) * scale;
    let luma: Vec<u8> = picture
        .pixels()
        .chunks_exact(3)
        .flat_map(|pixel| luma([pixel[0], pixel[1], pixel[2]].map(f32::from)).to_ne_bytes())
        .collect();
    let from = ImageRef::new(picture.width(), picture.height(), &luma, PixelType::F32)?;
    let inner = (
        preset.width() - 2 * EDGE as u32,
        preset.height() - 2 * EDGE as u32,
    );
    let mut to = Image::new(inner.0, inner.1, PixelType::F32);
    let size = (f64::from(inner.0) * scale, f64::from(inner.1) * scale);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
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

fn measured(a: &[f32], b: &[f32], width: usize, shift: (f64, f64)) -> Likeness {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    let psnr = 10.0 * (255.0 * 255.0 * a.len() as f64 / squares).log10();
    Likeness {
        ssim: ssim(a, b, width),
        psnr,
        shift,
    }
}

/// Structural similarity (Wang 2004) in squares of 8 pixels, 4 apart.
fn ssim(a: &[f32], b: &[f32], width: usize) -> f64 {
    const SIDE: usize = 8;
    let height = a.len() / width;
    let (mut sum, mut count) = (0.0, 0.0);
    for top in (0..height - SIDE).step_by(4) {
        for left in (0..width - SIDE).step_by(4) {
            let mut sums = [0.0; 5];
            for row in top..top + SIDE {
                let line = row * width + left..row * width + left + SIDE;
                for (&a, &b) in a[line.clone()].iter().zip(&b[line]) {
                    let (a, b) = (f64::from(a), f64::from(b));
                    for (sum, part) in sums.iter_mut().zip([a, b, a * a, b * b, a * b]) {
                        *sum += part;
                    }
                }
            }
            let [ma, mb, aa, bb, ab] = sums.map(|sum| sum / (SIDE * SIDE) as f64);
            let (va, vb, cov) = (aa - ma * ma, bb - mb * mb, ab - ma * mb);
            let (c1, c2) = (6.5025, 58.5225);
            sum += (2.0 * ma * mb + c1) * (2.0 * cov + c2)
                / ((ma * ma + mb * mb + c1) * (va + vb + c2));
            count += 1.0;
        }
    }
    sum / count
}
