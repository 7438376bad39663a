//! The shape of a request that leaves it open.

use domain::{AspectRatio, Draft, Model, Request, Resolution};

use super::route::{Ratios, Shapes, Sizes};
use super::sizes::{self, Pixels};
use super::{Call, plan};
use crate::Api;

/// The largest side of a ratio that a request can hold.
const MOST_PARTS: u32 = 32;

/// A shape that a request may be drawn in, and how it asks for it: by ratio wherever a ratio will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The request's `aspect_ratio`.
    pub aspect_ratio: Option<AspectRatio>,
    /// The request's `resolution`, where the ratio is none of those that have a name.
    pub resolution: Option<Resolution>,
    /// The size that is drawn, in pixels.
    pub size: Resolution,
}

/// Gives a request that [leaves its shape open](Draft::leaves_shape_open) the shape that `best` picks,
/// and says whether it did.
///
/// `best` sees the widths and heights of [`shapes`] in pixels, and answers with an index. Every other
/// request stays as it is, and so does one for which `best` picks none.
pub fn fit(
    draft: &Draft,
    request: &mut Request,
    api: Api,
    best: impl FnOnce(&[(u32, u32)]) -> Option<usize>,
) -> bool {
    if !draft.leaves_shape_open() {
        return false;
    }
    let shapes = shapes(request, api);
    let sizes: Vec<Pixels> = shapes.iter().map(|shape| pixels(shape.size)).collect();
    let picked = best(&sizes).and_then(|index| shapes.get(index));
    if let Some(shape) = picked {
        request.aspect_ratio = shape.aspect_ratio;
        request.resolution = shape.resolution;
    }
    picked.is_some()
}

/// The shapes that `request` may be drawn in by the same route and at the same published price as a
/// square, which comes first.
///
/// Those alone whose size is known beforehand: none where the model decides on the size, where a
/// picture decides on the shape, and where nobody published a price, since another shape might have
/// another one.
#[must_use]
pub fn shapes(request: &Request, api: Api) -> Vec<Shape> {
    let mut probe = Request {
        aspect_ratio: Some(AspectRatio::SQUARE),
        resolution: None,
        ..request.clone()
    };
    let Ok(usual) = plan(&probe, api) else {
        return Vec::new();
    };
    let (Some(price), Some(square)) = (usual.upper_bound, usual.resolution) else {
        return Vec::new();
    };
    let fits = |call: &Call| {
        let (size, most) = (call.resolution?, pixels(square));
        // 4.5 is said to be priced by size too; nobody says by how much.
        let is_larger = area(pixels(size)) > area(most);
        let is_same = call.route == usual.route && call.upper_bound == Some(price);
        (is_same && !(request.model == Model::V45 && is_larger)).then_some(size)
    };
    let shape = |(aspect_ratio, resolution)| {
        (probe.aspect_ratio, probe.resolution) = (aspect_ratio, resolution);
        let size = fits(&plan(&probe, api).ok()?)?;
        Some(Shape {
            aspect_ratio,
            resolution,
            size,
        })
    };
    offered(usual.shapes)
        .into_iter()
        .filter_map(shape)
        .collect()
}

type Wish = (Option<AspectRatio>, Option<Resolution>);

/// What a route can be told, each shape once.
fn offered(shapes: Shapes) -> Vec<Wish> {
    match (shapes.ratios, shapes.size) {
        (Ratios::Named(list) | Ratios::Sized(list), _) => {
            let upright = list.iter().map(|&(ratio, _)| ratio);
            let laid = upright.clone().filter(|(width, height)| width != height);
            let laid = laid.map(|(width, height)| (height, width));
            upright
                .chain(laid)
                .map(|ratio| (Some(named(ratio)), None))
                .collect()
        }
        (Ratios::Exact, Some((_, Sizes::List(list) | Sizes::Steps(list)))) => {
            list.iter().map(|&size| wish(list, size)).collect()
        }
        // The model decides on the size, or there is nothing to be told.
        _ => Vec::new(),
    }
}

/// How to ask for one size of a list: by its ratio if that is drawn in this size.
fn wish(list: &[Pixels], (width, height): Pixels) -> Wish {
    let size = Resolution { width, height };
    let divisor = divisor(width, height);
    let ratio = named((width / divisor, height / divisor));
    let is_told = ratio.width.max(ratio.height) <= MOST_PARTS
        && sizes::of_shape(list, ratio).next() == Some(size);
    if is_told {
        (Some(ratio), None)
    } else {
        (None, Some(size))
    }
}

const fn named((width, height): (u32, u32)) -> AspectRatio {
    AspectRatio { width, height }
}

const fn pixels(size: Resolution) -> Pixels {
    (size.width, size.height)
}

const fn area((width, height): Pixels) -> u64 {
    width as u64 * height as u64
}

/// The greatest number that divides both.
const fn divisor(mut one: u32, mut other: u32) -> u32 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    if one == 0 { 1 } else { one }
}
