//! v1: the images come in the answer; words in capitals, files in multipart.

use domain::UpscaleFactor::{X1, X2, X4};
use domain::{Model, Operation, Request};

use super::{
    CHARACTER, Dialect, Expects, IMAGE_25, MAGIC, Magic, MaskSlot, NO_SHAPES, NO_SLOTS, PLAIN,
    Prompt, Ratios, Route, SHAPES_3, STYLE_REFERENCES, STYLES_3, Shapes, Sizes, Slots,
    Transparency, ratio_named, slot,
};
use crate::plan::file::Polarity;
use crate::plan::{price, sizes};

const PLAIN_V1: Route = Route {
    dialect: Dialect::V1,
    expects: Expects::Images,
    webhook: false,
    private: false,
    rendering_speed: true,
    ..PLAIN
};
/// One route takes characters and models of one's own too.
const GENERATE_3: Route = Route {
    path: "/v1/ideogram-v3/generate",
    magic: MAGIC,
    shapes: SHAPES_3,
    styles: STYLES_3,
    negative_prompt: true,
    color_palette: true,
    preset: true,
    codes: true,
    custom_model: true,
    slots: Slots {
        style_references: Some(STYLE_REFERENCES),
        character: Some(CHARACTER),
        character_mask: Some(slot("character_reference_images_mask", 1, 25)),
        ..NO_SLOTS
    },
    price: price::of_3_v1,
    ..PLAIN_V1
};
const TRANSPARENT_3: Route = Route {
    path: "/v1/ideogram-v3/generate-transparent",
    magic: MAGIC,
    shapes: ratio_named(sizes::RATIOS),
    negative_prompt: true,
    custom_model: true,
    factors: &[X1, X2, X4],
    transparency: Transparency::Always,
    price: price::of_3_transparent,
    ..PLAIN_V1
};
const REMIX_3: Route = Route {
    path: "/v1/ideogram-v3/remix",
    image_weight: true,
    slots: Slots {
        image: Some(IMAGE_25),
        ..GENERATE_3.slots
    },
    ..GENERATE_3
};
const INPAINT_3: Route = Route {
    path: "/v1/ideogram-v3/inpaint",
    shapes: Shapes {
        of_source: true,
        ..NO_SHAPES
    },
    negative_prompt: false,
    image_weight: false,
    slots: Slots {
        mask: Some(MaskSlot {
            slot: slot("mask", 1, 25),
            polarity: Polarity::BlackChanges,
            needed: true,
            further: 0,
        }),
        ..REMIX_3.slots
    },
    ..REMIX_3
};
const REFRAME_3: Route = Route {
    path: "/v1/ideogram-v3/reframe",
    prompt: Prompt::No,
    shapes: Shapes {
        size: Some(("resolution", Sizes::List(sizes::V3))),
        ratios: Ratios::Sized(sizes::RATIOS),
        needed: true,
        ..NO_SHAPES
    },
    color_palette: true,
    preset: true,
    codes: true,
    slots: Slots {
        image: Some(IMAGE_25),
        style_references: Some(STYLE_REFERENCES),
        ..NO_SLOTS
    },
    price: price::of_3,
    ..PLAIN_V1
};
const BACKGROUND_3: Route = Route {
    path: "/v1/ideogram-v3/replace-background",
    prompt: Prompt::Needs("prompt", 10_000),
    magic: MAGIC,
    shapes: Shapes {
        of_source: true,
        ..NO_SHAPES
    },
    ..REFRAME_3
};
/// A prompt in words is always rewritten here.
const GENERATE_4: Route = Route {
    path: "/v1/ideogram-v4/generate",
    prompt: Prompt::Needs("text_prompt", 10_000),
    magic: Magic::Always,
    images: None,
    shapes: Shapes {
        size: Some(("resolution", Sizes::List(sizes::V4))),
        ratios: Ratios::Exact,
        ..NO_SHAPES
    },
    price: price::of_4,
    ..PLAIN_V1
};
const REMIX_4: Route = Route {
    path: "/v1/ideogram-v4/remix",
    seed: false,
    image_weight: true,
    slots: Slots {
        image: Some(IMAGE_25),
        ..NO_SLOTS
    },
    ..GENERATE_4
};
const REMOVE_BACKGROUND: Route = Route {
    path: "/v1/remove-background",
    prompt: Prompt::No,
    seed: false,
    images: None,
    rendering_speed: false,
    shapes: Shapes {
        of_source: true,
        ..NO_SHAPES
    },
    transparency: Transparency::Always,
    slots: Slots {
        image: Some(slot("image", 1, 10)),
        ..NO_SLOTS
    },
    price: price::of_cutout,
    ..PLAIN_V1
};
const DESCRIBE_4: Route = Route {
    path: "/v1/ideogram-v4/describe",
    expects: Expects::Texts,
    shapes: NO_SHAPES,
    transparency: Transparency::Never,
    slots: Slots {
        image: Some(slot("image_file", 1, 10)),
        ..NO_SLOTS
    },
    price: price::of_description,
    ..REMOVE_BACKGROUND
};

pub(super) const fn route(request: &Request) -> Option<&'static Route> {
    Some(match (request.operation, request.model) {
        (Operation::Generate, Model::V3) if request.transparent => &TRANSPARENT_3,
        (Operation::Generate, Model::V3) => &GENERATE_3,
        (Operation::Generate, Model::V4) => &GENERATE_4,
        (Operation::Edit, Model::V3) => &INPAINT_3,
        (Operation::Remix, Model::V3) => &REMIX_3,
        (Operation::Remix, Model::V4) => &REMIX_4,
        (Operation::Reframe, Model::V3) => &REFRAME_3,
        (Operation::ReplaceBackground, Model::V3) => &BACKGROUND_3,
        (Operation::RemoveBackground, Model::Auto) => &REMOVE_BACKGROUND,
        (Operation::Describe, Model::V4) => &DESCRIBE_4,
        _ => return None,
    })
}
