//! What each route can say.

mod change;
mod enlarge;
mod generate;
mod legacy;
mod v1;

use domain::{Model, Operation, Quality, Request, ResolutionTier, StyleType, UpscaleFactor};

use super::file::Polarity;
use super::price::{self, Price};
use super::sizes::{self, Pixels, Ratio};

/// How a route spells its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Lower case, asynchronous, private.
    V2,
    /// Upper case.
    V1,
    /// Upper case, the model by name.
    Legacy,
}

/// What a route answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expects {
    /// An id, if it is asked not to wait.
    IdIfAsked,
    /// An id, always.
    Id,
    /// Images, when they are done.
    Images,
    /// A description, when it is done.
    Texts,
}

/// What a route does with the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// Must have one, of so many characters at most, in the field of this name.
    Needs(&'static str, usize),
    /// May have one.
    Takes(usize),
    /// Has no such field.
    No,
}

/// What a route lets one say about the rewriting of the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Magic {
    /// Everything, in the field of this name.
    Field(&'static str),
    /// Nothing: it always does.
    Always,
    /// Nothing, and nobody says what it does.
    Unsaid,
}

/// The sizes in pixels that a field takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sizes {
    /// These.
    List(&'static [Pixels]),
    /// These multiples: sides of 32 n, at least 256, at most 2048x2048 in all and 6:1 in shape.
    Steps(&'static [Pixels]),
    /// All that a request can hold.
    Any,
}

/// How a shape is told.
#[derive(Debug, Clone, Copy)]
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
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiers {
    pub(crate) field: &'static str,
    pub(crate) list: &'static [ResolutionTier],
    /// `1K` rather than `1k`.
    pub(crate) upper: bool,
}

/// How a route is told the size.
#[derive(Debug, Clone, Copy)]
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

/// The steps of care that a route takes, and the one that is written out if none is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Qualities {
    pub(crate) list: &'static [Quality],
    pub(crate) usual: Option<Quality>,
}

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

/// What a route makes of the wish for a transparent background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transparency {
    /// It cannot.
    Never,
    /// It does nothing else.
    Always,
    /// Where it is asked for.
    Asked,
}

/// A route and what it can say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) dialect: Dialect,
    pub(crate) expects: Expects,
    /// Whether it knows `webhook_url`.
    pub(crate) webhook: bool,
    /// Whether it knows `private`.
    pub(crate) private: bool,
    /// The field whose object holds all others but files.
    pub(crate) envelope: Option<&'static str>,
    /// The field that names the model.
    pub(crate) model: Option<&'static str>,
    pub(crate) prompt: Prompt,
    pub(crate) magic: Magic,
    pub(crate) seed: bool,
    /// The most images at once; none if it makes one and has no such field.
    pub(crate) images: Option<u32>,
    pub(crate) shapes: Shapes,
    pub(crate) styles: &'static [StyleType],
    pub(crate) negative_prompt: bool,
    pub(crate) rendering_speed: bool,
    pub(crate) quality: Option<Qualities>,
    pub(crate) color_palette: bool,
    /// `style_preset`.
    pub(crate) preset: bool,
    /// `style_codes`.
    pub(crate) codes: bool,
    pub(crate) custom_model: bool,
    pub(crate) image_weight: bool,
    /// The factors it enlarges by; the first is written out if none is asked for.
    pub(crate) factors: &'static [UpscaleFactor],
    pub(crate) transparency: Transparency,
    pub(crate) slots: Slots,
    pub(crate) price: Price,
}

const NO_SHAPES: Shapes = Shapes {
    size: None,
    ratios: Ratios::No,
    colon: false,
    tiers: None,
    needed: false,
    of_source: false,
};
const NO_SLOTS: Slots = Slots {
    image: None,
    images: None,
    within_six: false,
    mask: None,
    style_references: None,
    character: None,
    character_mask: None,
};

/// What the routes of v2 differ from.
const PLAIN: Route = Route {
    path: "",
    dialect: Dialect::V2,
    expects: Expects::IdIfAsked,
    webhook: true,
    private: true,
    envelope: None,
    model: None,
    prompt: Prompt::Needs("prompt", 10_000),
    magic: Magic::Unsaid,
    seed: true,
    images: Some(8),
    shapes: NO_SHAPES,
    styles: &[],
    negative_prompt: false,
    rendering_speed: false,
    quality: None,
    color_palette: false,
    preset: false,
    codes: false,
    custom_model: false,
    image_weight: false,
    factors: &[],
    transparency: Transparency::Never,
    slots: NO_SLOTS,
    price: price::unknown,
};

const MAGIC: Magic = Magic::Field("magic_prompt");
const STYLES_3: &[StyleType] = &[
    StyleType::Auto,
    StyleType::General,
    StyleType::Realistic,
    StyleType::Design,
    StyleType::Fiction,
];
const STYLES_CHARACTER: &[StyleType] = &[StyleType::Auto, StyleType::Realistic, StyleType::Fiction];
/// The shape of what model 3.0 draws.
const SHAPES_3: Shapes = Shapes {
    size: Some(("resolution", Sizes::List(sizes::V3))),
    ratios: Ratios::Named(sizes::RATIOS),
    ..NO_SHAPES
};
const IMAGE_25: Slot = slot("image", 1, 25);
const IMAGE_50: Slot = slot("image", 1, 50);
const STYLE_REFERENCES: Slot = slot("style_reference_images", 10, 25);
const CHARACTER: Slot = slot("character_reference_images", 1, 25);
const CHARACTER_MASK: Slot = slot("character_reference_mask", 1, 25);

const fn slot(field: &'static str, most: usize, megabytes: u64) -> Slot {
    Slot {
        field,
        most,
        megabytes,
    }
}

const fn ratio_named(list: &'static [(Ratio, Pixels)]) -> Shapes {
    Shapes {
        ratios: Ratios::Named(list),
        ..NO_SHAPES
    }
}

impl Route {
    /// Whether it can tell its price without running.
    pub(crate) const fn quotes(&self) -> bool {
        matches!(self.dialect, Dialect::V2) && !matches!(self.expects, Expects::Texts)
    }

    /// Whether it takes any file at all.
    pub(crate) const fn takes_sources(&self) -> bool {
        self.slots.image.is_some() || self.slots.images.is_some()
    }
}

impl Dialect {
    /// The route that does it in this dialect, if there is one.
    pub(crate) fn route(self, request: &Request) -> Option<&'static Route> {
        match self {
            Self::V2 => match request.operation {
                Operation::Generate => generate::route(request),
                Operation::Upscale | Operation::Describe => enlarge::route(request),
                _ => change::route(request),
            },
            Self::V1 => v1::route(request),
            Self::Legacy => legacy::route(request),
        }
    }

    /// The models that do it in this dialect, for people; nothing if none does.
    pub(crate) const fn models(self, operation: Operation) -> &'static str {
        use Operation as Op;
        match (self, operation) {
            (Self::V2, Op::Generate) => {
                "V_2, V_2_TURBO, V_2A, V_2A_TURBO, V_3, ideogram-4, ideogram-4-5, auto, \
                 p-image-ideogram, z-image, gpt-image-2, gpt-image-2-5-flare, \
                 gpt-image-2-5-sunburst, nano-banana-2, nano-banana-pro"
            }
            (Self::V2, Op::Edit) => {
                "V_3, ideogram-4-5, gpt-image-2-5-flare, gpt-image-2-5-sunburst"
            }
            (Self::V2, Op::Remix) => "auto, V_3, ideogram-4",
            (Self::V2, Op::Reframe) => "V_3, nano-banana-2",
            (Self::V2, Op::ReplaceBackground) => "V_3, gpt-image-2",
            (Self::V2, Op::RemoveBackground) | (Self::V1, Op::RemoveBackground) => "auto",
            (Self::V2, Op::Upscale) => {
                "auto, nano-banana-pro, topaz-bloom-2, topaz-redefine, topaz-standard-2, \
                 topaz-text-refine, topaz-wonder-3-5"
            }
            (Self::V2, Op::Describe) => "V_3, ideogram-4",
            (Self::V1, Op::Generate | Op::Remix) => "V_3, ideogram-4",
            (Self::V1, Op::Edit | Op::Reframe | Op::ReplaceBackground) => "V_3",
            (Self::V1, Op::Describe) => "ideogram-4",
            (Self::V1, Op::Upscale) => "",
            (Self::Legacy, Op::Generate | Op::Remix) => {
                "V_1, V_1_TURBO, V_2, V_2_TURBO, V_2A, V_2A_TURBO"
            }
            (Self::Legacy, Op::Edit | Op::Reframe) => "V_2, V_2_TURBO",
            (Self::Legacy, Op::Upscale) => "auto",
            (Self::Legacy, Op::Describe) => "V_2, V_3, ideogram-4",
            (Self::Legacy, Op::ReplaceBackground | Op::RemoveBackground) => "",
        }
    }

    /// The model in this dialect's words.
    pub(crate) const fn name(self, model: Model) -> &'static str {
        match (self, model) {
            (Self::Legacy, Model::V4) => "V_4",
            _ => model.as_str(),
        }
    }
}
