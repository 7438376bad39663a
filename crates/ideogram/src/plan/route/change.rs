//! v2: pictures from pictures.

use domain::Quality::{High, Low, Medium, VeryLow};
use domain::ResolutionTier::{K1, K2};
use domain::{Model, Operation, Request};

use super::{
    CHARACTER, CHARACTER_MASK, Expects, IMAGE_25, IMAGE_50, MAGIC, MaskSlot, NO_SHAPES, NO_SLOTS,
    PLAIN, Prompt, Qualities, Ratios, Route, SHAPES_3, STYLE_REFERENCES, STYLES_3,
    STYLES_CHARACTER, Shapes, Sizes, Slots, Tiers, Transparency, guests, slot,
};
use crate::plan::file::Polarity;
use crate::plan::{price, sizes};

const AS_SOURCE: Shapes = Shapes {
    of_source: true,
    ..NO_SHAPES
};

const PRECISE_EDIT: Route = Route {
    path: "/v2/image/precise-edit/ideogram-4-5",
    shapes: AS_SOURCE,
    quality: Some(Qualities {
        list: &[VeryLow, Low, Medium, High],
        usual: Some(Medium),
    }),
    slots: Slots {
        // The schema says 50 MB, the page two days earlier 25.
        image: Some(IMAGE_25),
        images: Some(slot("reference_images", 4, 25)),
        mask: Some(MaskSlot {
            slot: slot("mask", 1, 25),
            polarity: Polarity::BlackChanges,
            needed: false,
            further: 3,
        }),
        ..NO_SLOTS
    },
    price: price::of_45_edit,
    ..PLAIN
};

const INPAINT: Route = Route {
    path: "/v2/image/inpaint/ideogram-3",
    magic: MAGIC,
    shapes: AS_SOURCE,
    styles: STYLES_3,
    rendering_speed: true,
    preset: true,
    codes: true,
    slots: Slots {
        image: Some(IMAGE_25),
        mask: Some(MaskSlot {
            slot: slot("mask", 1, 25),
            polarity: Polarity::BlackChanges,
            needed: true,
            further: 0,
        }),
        style_references: Some(STYLE_REFERENCES),
        ..NO_SLOTS
    },
    price: price::of_3,
    ..PLAIN
};
const INPAINT_CHARACTER: Route = Route {
    path: "/v2/image/inpaint/ideogram-3-character",
    styles: STYLES_CHARACTER,
    preset: false,
    slots: Slots {
        character: Some(CHARACTER),
        character_mask: Some(CHARACTER_MASK),
        ..INPAINT.slots
    },
    price: price::of_3_character,
    ..INPAINT
};
const INPAINT_CUSTOM: Route = Route {
    path: "/v2/image/inpaint/ideogram-3-custom-model",
    webhook: false,
    styles: &[],
    custom_model: true,
    price: price::unknown,
    ..INPAINT
};

const REMIX_3: Route = Route {
    path: "/v2/image/remix/ideogram-3",
    magic: MAGIC,
    shapes: SHAPES_3,
    styles: STYLES_3,
    negative_prompt: true,
    rendering_speed: true,
    color_palette: true,
    preset: true,
    codes: true,
    image_weight: true,
    slots: Slots {
        image: Some(IMAGE_50),
        style_references: Some(STYLE_REFERENCES),
        ..NO_SLOTS
    },
    price: price::of_3,
    ..PLAIN
};
const REMIX_CHARACTER: Route = Route {
    path: "/v2/image/remix/ideogram-3-character",
    styles: STYLES_CHARACTER,
    color_palette: false,
    preset: false,
    codes: false,
    slots: Slots {
        character: Some(CHARACTER),
        character_mask: Some(CHARACTER_MASK),
        ..REMIX_3.slots
    },
    price: price::of_3_character,
    ..REMIX_3
};
const REMIX_CUSTOM: Route = Route {
    path: "/v2/image/remix/ideogram-3-custom-model",
    styles: &[],
    custom_model: true,
    price: price::unknown,
    ..REMIX_3
};
const REMIX_4: Route = Route {
    path: "/v2/image/remix/ideogram-4",
    seed: false,
    shapes: Shapes {
        size: Some(("resolution", Sizes::List(sizes::V4))),
        ratios: Ratios::Exact,
        ..NO_SHAPES
    },
    rendering_speed: true,
    image_weight: true,
    slots: Slots {
        image: Some(IMAGE_50),
        ..NO_SLOTS
    },
    price: price::of_4,
    ..PLAIN
};
/// Style references only by the provider's own names for stored pictures.
const REMIX_AUTO: Route = Route {
    path: "/v2/image/remix/auto",
    shapes: Shapes {
        size: Some(("resolution", Sizes::Any)),
        ratios: Ratios::Free(sizes::V4_RATIOS),
        tiers: Some(Tiers {
            field: "resolution_tier",
            list: &[K1, K2],
            upper: false,
        }),
        ..NO_SHAPES
    },
    rendering_speed: false,
    slots: Slots {
        image: Some(IMAGE_50),
        ..NO_SLOTS
    },
    price: price::unknown,
    ..REMIX_3
};

const REFRAME_3: Route = Route {
    path: "/v2/image/reframe/ideogram-3",
    webhook: false,
    private: false,
    prompt: Prompt::No,
    shapes: Shapes {
        size: Some(("resolution", Sizes::List(sizes::V3))),
        ratios: Ratios::Sized(sizes::RATIOS),
        needed: true,
        ..NO_SHAPES
    },
    rendering_speed: true,
    color_palette: true,
    preset: true,
    codes: true,
    slots: Slots {
        image: Some(IMAGE_25),
        style_references: Some(STYLE_REFERENCES),
        ..NO_SLOTS
    },
    price: price::of_3,
    ..PLAIN
};
const REFRAME_NANO: Route = Route {
    path: "/v2/image/reframe/nano-banana-2",
    expects: Expects::Id,
    webhook: false,
    prompt: Prompt::No,
    images: Some(4),
    shapes: Shapes {
        ratios: Ratios::Free(sizes::NANO_RATIOS),
        colon: true,
        needed: true,
        ..NO_SHAPES
    },
    slots: Slots {
        image: Some(IMAGE_25),
        ..NO_SLOTS
    },
    ..PLAIN
};

const BACKGROUND_3: Route = Route {
    path: "/v2/image/replace-background/ideogram-3",
    expects: Expects::Id,
    prompt: Prompt::Needs("prompt", 4_000),
    seed: false,
    shapes: AS_SOURCE,
    rendering_speed: true,
    slots: Slots {
        image: Some(IMAGE_25),
        ..NO_SLOTS
    },
    price: price::of_3,
    ..PLAIN
};
const BACKGROUND_GPT: Route = Route {
    path: "/v2/image/replace-background/gpt-image-2",
    rendering_speed: false,
    quality: Some(Qualities {
        list: &[Low, Medium, High],
        usual: None,
    }),
    price: price::of_gpt_background,
    ..BACKGROUND_3
};
const REMOVE_BACKGROUND: Route = Route {
    path: "/v2/image/remove-background/ideogram-1",
    webhook: false,
    prompt: Prompt::No,
    seed: false,
    images: None,
    shapes: AS_SOURCE,
    transparency: Transparency::Always,
    slots: Slots {
        image: Some(IMAGE_25),
        ..NO_SLOTS
    },
    price: price::of_cutout,
    ..PLAIN
};

pub(super) fn route(request: &Request) -> Option<&'static Route> {
    let character = request.inputs.character_reference.is_some();
    let custom = request.custom_model.is_some();
    Some(match (request.operation, request.model) {
        (Operation::Edit, Model::V3) if character => &INPAINT_CHARACTER,
        (Operation::Edit, Model::V3) if custom => &INPAINT_CUSTOM,
        (Operation::Edit, Model::V3) => &INPAINT,
        (Operation::Edit, Model::V45) => &PRECISE_EDIT,
        (Operation::Edit, Model::GptImage25Flare | Model::GptImage25Sunburst) => {
            return guests::route(request.model);
        }
        (Operation::Remix, Model::V3) if character => &REMIX_CHARACTER,
        (Operation::Remix, Model::V3) if custom => &REMIX_CUSTOM,
        (Operation::Remix, Model::V3) => &REMIX_3,
        (Operation::Remix, Model::V4) => &REMIX_4,
        (Operation::Remix, Model::Auto) => &REMIX_AUTO,
        (Operation::Reframe, Model::V3) => &REFRAME_3,
        (Operation::Reframe, Model::NanoBanana2) => &REFRAME_NANO,
        (Operation::ReplaceBackground, Model::V3) => &BACKGROUND_3,
        (Operation::ReplaceBackground, Model::GptImage2) => &BACKGROUND_GPT,
        (Operation::RemoveBackground, Model::Auto) => &REMOVE_BACKGROUND,
        _ => return None,
    })
}
