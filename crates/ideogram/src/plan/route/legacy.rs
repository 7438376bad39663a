//! The routes without a version: the images come in the answer, the body names the model.

use domain::{Model, Operation, Request, StyleType};

use super::{
    Dialect, Expects, Magic, MaskSlot, NO_SHAPES, NO_SLOTS, PLAIN, Prompt, Ratios, Route, Shapes,
    Sizes, Slots, ratio_named, slot,
};
use crate::plan::file::Polarity;
use crate::plan::{price, sizes};

const STYLES: &[StyleType] = &[
    StyleType::Auto,
    StyleType::General,
    StyleType::Realistic,
    StyleType::Design,
    StyleType::Render3D,
    StyleType::Anime,
    StyleType::Fiction,
];
const SLOTS: Slots = Slots {
    image: Some(slot("image_file", 1, 10)),
    ..NO_SLOTS
};

const GENERATE_2A: Route = Route {
    path: "/generate",
    dialect: Dialect::Legacy,
    expects: Expects::Images,
    webhook: false,
    private: false,
    envelope: Some("image_request"),
    model: Some("model"),
    magic: Magic::Field("magic_prompt_option"),
    shapes: ratio_named(sizes::LEGACY_RATIOS),
    styles: STYLES,
    price: price::by_model,
    ..PLAIN
};
const GENERATE_2: Route = Route {
    shapes: Shapes {
        size: Some(("resolution", Sizes::List(sizes::LEGACY))),
        ..GENERATE_2A.shapes
    },
    negative_prompt: true,
    color_palette: true,
    ..GENERATE_2A
};
const GENERATE_1: Route = Route {
    shapes: ratio_named(sizes::V1_RATIOS),
    styles: &[],
    negative_prompt: true,
    ..GENERATE_2A
};
const REMIX_2A: Route = remix(GENERATE_2A);
const REMIX_2: Route = remix(GENERATE_2);
const REMIX_1: Route = remix(GENERATE_1);
const EDIT: Route = Route {
    path: "/edit",
    envelope: None,
    shapes: Shapes {
        of_source: true,
        ..NO_SHAPES
    },
    slots: Slots {
        mask: Some(MaskSlot {
            slot: slot("mask", 1, 10),
            polarity: Polarity::BlackChanges,
            needed: true,
            further: 0,
        }),
        ..SLOTS
    },
    ..GENERATE_2A
};
const REFRAME: Route = Route {
    path: "/reframe",
    envelope: None,
    prompt: Prompt::No,
    magic: Magic::Unsaid,
    shapes: Shapes {
        size: Some(("resolution", Sizes::List(sizes::LEGACY))),
        ratios: Ratios::Sized(sizes::LEGACY_RATIOS),
        needed: true,
        ..NO_SHAPES
    },
    slots: SLOTS,
    ..GENERATE_2A
};
const UPSCALE: Route = Route {
    path: "/upscale",
    model: None,
    prompt: Prompt::Takes(10_000),
    shapes: NO_SHAPES,
    styles: &[],
    slots: SLOTS,
    price: price::of_old_upscale,
    ..GENERATE_2A
};
const DESCRIBE: Route = Route {
    path: "/describe",
    expects: Expects::Texts,
    envelope: None,
    model: Some("describe_model_version"),
    prompt: Prompt::No,
    magic: Magic::Unsaid,
    seed: false,
    images: None,
    price: price::of_description,
    ..UPSCALE
};

const fn remix(route: Route) -> Route {
    Route {
        path: "/remix",
        image_weight: true,
        slots: SLOTS,
        ..route
    }
}

pub(super) const fn route(request: &Request) -> Option<&'static Route> {
    Some(match (request.operation, request.model) {
        (Operation::Generate, Model::V1 | Model::V1Turbo) => &GENERATE_1,
        (Operation::Generate, Model::V2 | Model::V2Turbo) => &GENERATE_2,
        (Operation::Generate, Model::V2A | Model::V2ATurbo) => &GENERATE_2A,
        (Operation::Remix, Model::V1 | Model::V1Turbo) => &REMIX_1,
        (Operation::Remix, Model::V2 | Model::V2Turbo) => &REMIX_2,
        (Operation::Remix, Model::V2A | Model::V2ATurbo) => &REMIX_2A,
        (Operation::Edit, Model::V2 | Model::V2Turbo) => &EDIT,
        (Operation::Reframe, Model::V2 | Model::V2Turbo) => &REFRAME,
        (Operation::Upscale, Model::Auto) => &UPSCALE,
        (Operation::Describe, Model::V2 | Model::V3 | Model::V4) => &DESCRIBE,
        _ => return None,
    })
}
