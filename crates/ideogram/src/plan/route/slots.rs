//! The pictures that a route takes, and the fields that they go into.

use crate::plan::file::Polarity;

/// A field that takes files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) field: &'static str,
    pub(crate) most: usize,
    /// Of each file, in millions of bytes: whether the provider counts in 2^20 is not known.
    pub(crate) megabytes: u64,
}

/// What a route makes of a mask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MaskSlot {
    pub(crate) slot: Slot,
    pub(crate) polarity: Polarity,
    /// Whether there must be one.
    pub(crate) needed: bool,
    /// How many sources beside the first there may be with it.
    pub(crate) further: usize,
}

/// The pictures that a route takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slots {
    /// For the first source alone.
    pub(crate) image: Option<Slot>,
    /// For the sources, or those after the first.
    pub(crate) images: Option<Slot>,
    /// Whether a source must lie between 1:6 and 6:1.
    pub(crate) within_six: bool,
    pub(crate) mask: Option<MaskSlot>,
    pub(crate) style_references: Option<Slot>,
    pub(crate) character: Option<Slot>,
    pub(crate) character_mask: Option<Slot>,
}

pub(super) const NO_SLOTS: Slots = Slots {
    image: None,
    images: None,
    within_six: false,
    mask: None,
    style_references: None,
    character: None,
    character_mask: None,
};

pub(super) const IMAGE_25: Slot = slot("image", 1, 25);
pub(super) const IMAGE_50: Slot = slot("image", 1, 50);
pub(super) const STYLE_REFERENCES: Slot = slot("style_reference_images", 10, 25);
pub(super) const CHARACTER: Slot = slot("character_reference_images", 1, 25);
pub(super) const CHARACTER_MASK: Slot = slot("character_reference_mask", 1, 25);

pub(super) const fn slot(field: &'static str, most: usize, megabytes: u64) -> Slot {
    Slot {
        field,
        most,
        megabytes,
    }
}
