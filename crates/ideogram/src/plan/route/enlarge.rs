//! v2: the same picture larger, and in words.

use domain::ResolutionTier::{K1, K2, K4};
use domain::UpscaleFactor::{X2, X4, X8};
use domain::{Model, Operation, Request};

use super::{
    Expects, IMAGE_50, NO_SHAPES, NO_SLOTS, PLAIN, Prompt, Route, Shapes, Slots, Tiers, slot,
};
use crate::plan::price;

/// What enlarging costs grows with the picture, and no list says how: the provider is asked.
const AUTO: Route = Route {
    path: "/v2/image/upscale/auto",
    prompt: Prompt::No,
    images: None,
    factors: &[X2, X4, X8],
    slots: Slots {
        image: Some(IMAGE_50),
        ..NO_SLOTS
    },
    ..PLAIN
};
const TOPAZ_BLOOM: Route = Route {
    path: "/v2/image/upscale/topaz-bloom-2",
    prompt: Prompt::Takes(1_024),
    ..AUTO
};
const TOPAZ_REDEFINE: Route = Route {
    path: "/v2/image/upscale/topaz-redefine",
    ..TOPAZ_BLOOM
};
const TOPAZ_STANDARD: Route = Route {
    path: "/v2/image/upscale/topaz-standard-2",
    seed: false,
    ..AUTO
};
const TOPAZ_TEXT: Route = Route {
    path: "/v2/image/upscale/topaz-text-refine",
    ..AUTO
};
const TOPAZ_WONDER: Route = Route {
    path: "/v2/image/upscale/topaz-wonder-3-5",
    ..AUTO
};
const NANO_PRO: Route = Route {
    path: "/v2/image/upscale/nano-banana-pro",
    prompt: Prompt::Takes(2_000),
    factors: &[],
    shapes: Shapes {
        tiers: Some(Tiers {
            field: "resolution_tier",
            list: &[K1, K2, K4],
            upper: true,
        }),
        ..NO_SHAPES
    },
    ..AUTO
};

/// Never asked for a price: it would take the question for an order.
const DESCRIBE_3: Route = Route {
    path: "/v2/image/describe/ideogram-3",
    expects: Expects::Texts,
    webhook: false,
    private: false,
    prompt: Prompt::No,
    seed: false,
    images: None,
    slots: Slots {
        image: Some(slot("image", 1, 10)),
        ..NO_SLOTS
    },
    price: price::of_description,
    ..PLAIN
};
const DESCRIBE_4: Route = Route {
    path: "/v2/image/describe/ideogram-4",
    ..DESCRIBE_3
};

pub(super) const fn route(request: &Request) -> Option<&'static Route> {
    Some(match (request.operation, request.model) {
        (Operation::Upscale, Model::Auto) => &AUTO,
        (Operation::Upscale, Model::NanoBananaPro) => &NANO_PRO,
        (Operation::Upscale, Model::TopazBloom2) => &TOPAZ_BLOOM,
        (Operation::Upscale, Model::TopazRedefine) => &TOPAZ_REDEFINE,
        (Operation::Upscale, Model::TopazStandard2) => &TOPAZ_STANDARD,
        (Operation::Upscale, Model::TopazTextRefine) => &TOPAZ_TEXT,
        (Operation::Upscale, Model::TopazWonder35) => &TOPAZ_WONDER,
        (Operation::Describe, Model::V3) => &DESCRIBE_3,
        (Operation::Describe, Model::V4) => &DESCRIBE_4,
        _ => return None,
    })
}
