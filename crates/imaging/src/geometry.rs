use crate::{Fit, Gravity, Preset};

/// Crop boxes lie on a grid of 1/256 pixel: such numbers add up without rounding, so a box that
/// touches the edge of the source never sticks out of it by the last bit of a float.
const GRID: f64 = 256.0;

/// What is taken from the source, to what size it goes, and where that lies in the result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plan {
    pub(crate) crop: Crop,
    /// The size of the resized part in pixels.
    pub(crate) inner: (u32, u32),
    /// The size of the result in pixels.
    pub(crate) canvas: (u32, u32),
    /// The left and top of the resized part in the result.
    pub(crate) offset: (u32, u32),
}

/// A part of the source, in its pixels; sides may lie between two of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crop {
    /// From the left edge of the source.
    pub left: f64,
    /// From its top.
    pub top: f64,
    /// Never 0.
    pub width: f64,
    /// Never 0.
    pub height: f64,
}

impl Plan {
    /// Decides how `source`, its width and height in pixels, gets into `preset`. Gravities that look
    /// at the picture count as the middle here.
    pub(crate) fn new(source: (u32, u32), preset: &Preset) -> Self {
        Self::aimed(source, preset, preset.gravity)
    }

    /// The same with another gravity than the preset's.
    pub(crate) fn aimed(source: (u32, u32), preset: &Preset, gravity: Gravity) -> Self {
        let target = (preset.width, preset.height);
        let whole = Crop {
            left: 0.0,
            top: 0.0,
            width: source.0.into(),
            height: source.1.into(),
        };
        match preset.fit {
            Fit::Cover => Self::filled(cover(source, target, gravity), target),
            Fit::Inside => Self::filled(
                whole,
                scaled(source, fitting(source, target).min(1.0), target),
            ),
            Fit::Contain | Fit::Extend => {
                let inner = scaled(source, fitting(source, target), target);
                let room = (target.0 - inner.0, target.1 - inner.1);
                Self {
                    crop: whole,
                    inner,
                    canvas: target,
                    offset: share(room, gravity),
                }
            }
        }
    }

    fn filled(crop: Crop, size: (u32, u32)) -> Self {
        Self {
            crop,
            inner: size,
            canvas: size,
            offset: (0, 0),
        }
    }

    /// The share of the source's area that is cut away, 0 to 1.
    pub(crate) fn crop_loss(&self, source: (u32, u32)) -> f32 {
        let kept = self.crop.width * self.crop.height;
        (1.0 - kept / (f64::from(source.0) * f64::from(source.1))) as f32
    }

    /// Whether there are more pixels than were taken. Half a pixel is rounding, not enlargement.
    pub(crate) fn upscaled(&self) -> bool {
        f64::from(self.inner.0) > self.crop.width + 0.5
            || f64::from(self.inner.1) > self.crop.height + 0.5
    }
}

/// The largest part of `source` with the ratio of `target`.
fn cover(source: (u32, u32), target: (u32, u32), gravity: Gravity) -> Crop {
    let (source_width, source_height) = (f64::from(source.0), f64::from(source.1));
    let ratio = f64::from(target.0) / f64::from(target.1);
    let width = on_grid(source_width.min(source_height * ratio)).max(1.0 / GRID);
    let height = on_grid(source_height.min(source_width / ratio)).max(1.0 / GRID);
    let (left, top) = match gravity {
        Gravity::Anchor { x, y } => ((source_width - width) * x, (source_height - height) * y),
        Gravity::Focal { x, y } => (
            (x * source_width - width / 2.0).clamp(0.0, source_width - width),
            (y * source_height - height / 2.0).clamp(0.0, source_height - height),
        ),
        Gravity::Attention | Gravity::TextSafe => {
            ((source_width - width) / 2.0, (source_height - height) / 2.0)
        }
    };
    Crop {
        left: on_grid(left),
        top: on_grid(top),
        width,
        height,
    }
}

fn on_grid(length: f64) -> f64 {
    (length * GRID).floor() / GRID
}

/// The scale at which the whole of `source` just fits into `target`.
fn fitting(source: (u32, u32), target: (u32, u32)) -> f64 {
    let horizontal = f64::from(target.0) / f64::from(source.0);
    horizontal.min(f64::from(target.1) / f64::from(source.1))
}

fn scaled(source: (u32, u32), scale: f64, most: (u32, u32)) -> (u32, u32) {
    let side = |side: u32, most: u32| ((f64::from(side) * scale).round() as u32).clamp(1, most);
    (side(source.0, most.0), side(source.1, most.1))
}

/// Where the picture lies on a canvas with `room` to spare. All of the picture is visible, so that
/// nothing in it needs a side.
fn share(room: (u32, u32), gravity: Gravity) -> (u32, u32) {
    let (x, y) = match gravity {
        Gravity::Anchor { x, y } => (x, y),
        Gravity::Focal { .. } | Gravity::Attention | Gravity::TextSafe => (0.5, 0.5),
    };
    (
        (f64::from(room.0) * x) as u32,
        (f64::from(room.1) * y) as u32,
    )
}

#[cfg(test)]
mod tests;
