use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::Error;
use crate::geometry::Plan;
use crate::raster::Raster;
use crate::strips::Strips;

/// Rows of a strip: few enough to stay near the processor until they are encoded, and enough for the
/// few that two strips both need to be none of the matter.
const ROWS: u32 = 128;

/// A picture without alpha that is cropped and resized strip by strip.
pub(crate) struct Resized<'a> {
    source: &'a Raster,
    plan: &'a Plan,
    resizer: Resizer,
    /// How many rows have been made.
    done: u32,
    /// Used again for each strip.
    strip: Vec<u8>,
}

impl<'a> Resized<'a> {
    pub(crate) fn new(source: &'a Raster, plan: &'a Plan) -> Self {
        Self {
            source,
            plan,
            resizer: Resizer::new(),
            done: 0,
            strip: Vec::new(),
        }
    }
}

impl Strips for Resized<'_> {
    fn size(&self) -> (u32, u32) {
        self.plan.inner
    }

    fn next(&mut self) -> Result<Option<&[u8]>, Error> {
        let rows = ROWS.min(self.plan.inner.1 - self.done);
        if rows == 0 {
            return Ok(None);
        }
        let pixels = std::mem::take(&mut self.strip);
        let strip = part(
            &mut self.resizer,
            self.source,
            self.plan,
            (self.done, rows),
            pixels,
        )?;
        self.done += rows;
        self.strip = strip.pixels;
        Ok(Some(&self.strip))
    }
}

/// Crops and resizes in one pass.
pub(crate) fn resize(source: &Raster, plan: &Plan) -> Result<Raster, Error> {
    part(
        &mut Resizer::new(),
        source,
        plan,
        (0, plan.inner.1),
        Vec::new(),
    )
}

/// Makes some rows of the result, from the first of them, in the memory that `pixels` has.
fn part(
    resizer: &mut Resizer,
    source: &Raster,
    plan: &Plan,
    (first, rows): (u32, u32),
    mut pixels: Vec<u8>,
) -> Result<Raster, Error> {
    let pixel_type = source.pixel_type();
    let from = ImageRef::new(source.width, source.height, &source.pixels, pixel_type)
        .map_err(Error::Pixels)?;
    pixels.resize(plan.inner.0 as usize * rows as usize * pixel_type.size(), 0);
    let mut to =
        Image::from_vec_u8(plan.inner.0, rows, pixels, pixel_type).map_err(Error::Pixels)?;
    // Bicubic draws no rings around lettering when it enlarges and costs a third less; Lanczos keeps
    // more detail when it shrinks. Without alpha there is nothing to multiply by.
    let filter = if plan.upscaled() {
        FilterType::CatmullRom
    } else {
        FilterType::Lanczos3
    };
    let crop = plan.crop;
    let scale = crop.height / f64::from(plan.inner.1);
    let top = crop.top + f64::from(first) * scale;
    // No rounding may put the last strip beyond the picture.
    let height = (f64::from(rows) * scale).min(f64::from(source.height) - top);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .crop(crop.left, top, crop.width, height)
        .use_alpha(source.alpha);
    resizer
        .resize(&from, &mut to, &options)
        .map_err(Error::Resize)?;
    Ok(Raster {
        width: plan.inner.0,
        height: rows,
        alpha: source.alpha,
        pixels: to.into_vec(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Presets;

    fn raster(width: u32, height: u32, seed: u32) -> Raster {
        let noise = |at: u32| ((at ^ seed).wrapping_mul(2_654_435_761) >> 24) as u8;
        Raster {
            width,
            height,
            alpha: false,
            pixels: (0..width * height * 3).map(noise).collect(),
        }
    }

    fn in_strips(source: &Raster, plan: &Plan) -> Result<Vec<u8>, Error> {
        let mut strips = Resized::new(source, plan);
        let mut pixels = Vec::new();
        while let Some(strip) = strips.next()? {
            pixels.extend_from_slice(strip);
        }
        Ok(pixels)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn strips_make_the_same_picture_as_the_whole(
            source in (1u32..300, 1u32..500), size in (1u32..200, 1u32..700), fit in 0usize..2, seed: u32,
        ) {
            let (width, height) = size;
            let fit = ["cover", "inside"][fit];
            let lines = format!("[a]\nwidth = {width}\nheight = {height}\nfit = \"{fit}\"\nformat = \"jpeg\"");
            let presets = Presets::parse(&lines).map_err(|err| TestCaseError::fail(err.to_string()))?;
            let Some(preset) = presets.get("a") else {
                return Err(TestCaseError::fail("no preset"));
            };
            let plan = Plan::new(source, preset);
            let source = raster(source.0, source.1, seed);
            let whole = resize(&source, &plan).map_err(|err| TestCaseError::fail(err.to_string()))?;
            let strips = in_strips(&source, &plan).map_err(|err| TestCaseError::fail(err.to_string()))?;
            prop_assert_eq!(whole.pixels.len(), strips.len());
            // A step for each of the two passes, rounded otherwise. Of noise, a row too high or low differs by dozens.
            let most = whole.pixels.iter().zip(&strips).map(|(a, b)| a.abs_diff(*b)).max();
            prop_assert!(most <= Some(2), "{most:?}");
        }
    }
}
