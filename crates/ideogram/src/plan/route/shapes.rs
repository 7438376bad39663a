//! How a route is told the size.

use domain::ResolutionTier;

use crate::plan::sizes::{self, Pixels, Ratio};

/// The sizes in pixels that a field takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sizes {
    /// These.
    List(&'static [Pixels]),
    /// These multiples: sides of 32 n, at least 256, at most 2048x2048 in all and 6:1 in shape.
    Steps(&'static [Pixels]),
    /// All that a request can hold.
    Any,
}

/// How a shape is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Ratios {
    /// By its name; it has the size of the list.
    Named(&'static [(Ratio, Pixels)]),
    /// By its name; the model decides on the size.
    Free(&'static [Ratio]),
    /// By the size that the list gives it.
    Sized(&'static [(Ratio, Pixels)]),
    /// By the first size of the list of sizes that has it.
    Exact,
    /// Not at all.
    No,
}

/// How a budget of pixels is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tiers {
    pub(crate) field: &'static str,
    pub(crate) list: &'static [ResolutionTier],
    /// `1K` rather than `1k`.
    pub(crate) upper: bool,
}

/// How a route is told the size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shapes {
    /// The field that takes a size, and which it takes.
    pub(crate) size: Option<(&'static str, Sizes)>,
    pub(crate) ratios: Ratios,
    /// `16:9` rather than `16x9`.
    pub(crate) colon: bool,
    pub(crate) tiers: Option<Tiers>,
    /// Whether size or shape must be told.
    pub(crate) needed: bool,
    /// Whether the picture is as large as the first source.
    pub(crate) of_source: bool,
}

pub(super) const NO_SHAPES: Shapes = Shapes {
    size: None,
    ratios: Ratios::No,
    colon: false,
    tiers: None,
    needed: false,
    of_source: false,
};
/// The shape of what model 3.0 draws.
pub(super) const SHAPES_3: Shapes = Shapes {
    size: Some(("resolution", Sizes::List(sizes::V3))),
    ratios: Ratios::Named(sizes::RATIOS),
    ..NO_SHAPES
};

pub(super) const fn ratio_named(list: &'static [(Ratio, Pixels)]) -> Shapes {
    Shapes {
        ratios: Ratios::Named(list),
        ..NO_SHAPES
    }
}
