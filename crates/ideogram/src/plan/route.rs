//! What each route can say.

mod change;
mod enlarge;
mod generate;
mod guests;
mod legacy;
mod shapes;
mod slots;
mod v1;

use domain::{Model, Operation, Quality, Request, StyleType, UpscaleFactor};

use super::price::{self, Price};
use shapes::{NO_SHAPES, SHAPES_3, Tiers, ratio_named};
pub(crate) use shapes::{Ratios, Shapes, Sizes};
use slots::{
    CHARACTER, CHARACTER_MASK, IMAGE_25, IMAGE_50, NO_SLOTS, STYLE_REFERENCES, Slots, slot,
};
pub(crate) use slots::{MaskSlot, Slot};

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

/// The steps of care that a route takes, and the one that is written out if none is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Qualities {
    pub(crate) list: &'static [Quality],
    pub(crate) usual: Option<Quality>,
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

const MODELS: [Model; 22] = [
    Model::V1,
    Model::V1Turbo,
    Model::V2,
    Model::V2Turbo,
    Model::V2A,
    Model::V2ATurbo,
    Model::V3,
    Model::V4,
    Model::V45,
    Model::Auto,
    Model::PImage,
    Model::ZImage,
    Model::GptImage2,
    Model::GptImage25Flare,
    Model::GptImage25Sunburst,
    Model::NanoBanana2,
    Model::NanoBananaPro,
    Model::TopazBloom2,
    Model::TopazRedefine,
    Model::TopazStandard2,
    Model::TopazTextRefine,
    Model::TopazWonder35,
];

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

    /// The models that do what `request` asks for in this dialect.
    pub(crate) fn models(self, request: &Request) -> impl Iterator<Item = Model> {
        let mut probe = request.clone();
        MODELS.into_iter().filter(move |model| {
            probe.model = *model;
            self.route(&probe).is_some()
        })
    }

    /// The model in this dialect's words.
    pub(crate) const fn name(self, model: Model) -> &'static str {
        match (self, model) {
            (Self::Legacy, Model::V4) => "V_4",
            _ => model.as_str(),
        }
    }
}
