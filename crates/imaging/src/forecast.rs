use std::cmp::Ordering;

use crate::Preset;
use crate::geometry::Plan;

/// What a preset would do to a source of some size, told before there is a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// The width of the result in pixels.
    pub width: u32,
    /// The height of the result in pixels.
    pub height: u32,
    /// The share of the source's area that would be cut away, 0 to 1. Gravity decides where, not how
    /// much.
    pub crop_loss: f32,
    /// Whether the kept part would be enlarged by more than the half pixel of rounding.
    pub upscaled: bool,
    /// Pixels of the result for each pixel taken, along the side where there are more: 2 is twice as
    /// wide, 0.5 half.
    pub scale: f64,
}

impl Preset {
    /// What this preset would do to a source of `source`, its width and height in pixels as it is
    /// shown. The figures are those that [`cut`](crate::cut()) reports afterwards. A side of 0 counts
    /// as 1.
    #[must_use]
    pub fn forecast(&self, source: (u32, u32)) -> Forecast {
        let source = (source.0.max(1), source.1.max(1));
        let plan = Plan::new(source, self);
        let horizontal = f64::from(plan.inner.0) / plan.crop.width;
        let vertical = f64::from(plan.inner.1) / plan.crop.height;
        let (width, height) = plan.canvas;
        Forecast {
            width,
            height,
            crop_loss: plan.crop_loss(source),
            upscaled: plan.upscaled(),
            scale: horizontal.max(vertical),
        }
    }
}

/// The index of the one of `sizes`, widths and heights in pixels, that serves all `presets` best.
///
/// That is where the least is cut away on average, then where the least has to be enlarged, then where
/// there are the fewest pixels to make and to keep. What differs by less than a thousandth is equal,
/// and of equals the first wins. None where there are no presets or no sizes, so that there is nothing
/// to choose by.
#[must_use]
pub fn best_source(presets: &[&Preset], sizes: &[(u32, u32)]) -> Option<usize> {
    if presets.is_empty() {
        return None;
    }
    let costs = sizes.iter().map(|size| Cost::of(presets, *size));
    costs
        .enumerate()
        .min_by(|(_, one), (_, other)| one.order(other))
        .map(|(index, _)| index)
}

/// The index of the one of `sizes` that serves all `presets` best, if it serves them better than
/// `usual`: less is cut away, or less enlarged. Fewer pixels alone are no reason to leave what is
/// usual.
#[must_use]
pub fn better_source(
    presets: &[&Preset],
    usual: (u32, u32),
    sizes: &[(u32, u32)],
) -> Option<usize> {
    let best = best_source(presets, sizes)?;
    let figures = |size| {
        let cost = Cost::of(presets, size);
        (cost.loss, cost.enlargement)
    };
    let size = sizes.get(best)?;
    (figures(*size) < figures(usual)).then_some(best)
}

/// What a size costs, the worst first. Thousandths as whole numbers: the grid on which crops lie
/// makes sizes of one ratio differ in the fifth digit.
struct Cost {
    loss: u64,
    enlargement: u64,
    pixels: u64,
}

impl Cost {
    fn of(presets: &[&Preset], size: (u32, u32)) -> Self {
        let (mut loss, mut enlargement) = (0.0, 0.0);
        for preset in presets {
            let forecast = preset.forecast(size);
            loss += f64::from(forecast.crop_loss);
            if forecast.upscaled {
                enlargement += forecast.scale - 1.0;
            }
        }
        let mean = |sum: f64| (1000.0 * sum / presets.len() as f64).round() as u64;
        Self {
            loss: mean(loss),
            enlargement: mean(enlargement),
            pixels: u64::from(size.0) * u64::from(size.1),
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        let parts = |cost: &Self| (cost.loss, cost.enlargement, cost.pixels);
        parts(self).cmp(&parts(other))
    }
}
