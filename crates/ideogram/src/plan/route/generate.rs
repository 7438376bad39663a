//! v2: drawing from words with the provider's own models.

use domain::Quality::{High, Low, Medium, VeryLow};
use domain::ResolutionTier::{K1, K2, K4, K8};
use domain::UpscaleFactor::{X1, X2, X4};
use domain::{Model, Request, StyleType};

use super::{
    CHARACTER, CHARACTER_MASK, MAGIC, MaskSlot, NO_SHAPES, NO_SLOTS, PLAIN, Qualities, Ratios,
    Route, SHAPES_3, STYLE_REFERENCES, STYLES_3, STYLES_CHARACTER, Shapes, Sizes, Slots, Tiers,
    Transparency, guests, ratio_named, slot,
};
use crate::plan::file::Polarity;
use crate::plan::{price, sizes};

const STYLES_2: &[StyleType] = &[
    StyleType::Auto,
    StyleType::General,
    StyleType::Realistic,
    StyleType::Design,
    StyleType::Render3D,
    StyleType::Anime,
];

const IDEOGRAM_2A: Route = Route {
    path: "/v2/image/generate/ideogram-2a",
    magic: MAGIC,
    shapes: ratio_named(sizes::RATIOS),
    styles: STYLES_2,
    price: price::by_model,
    ..PLAIN
};
const IDEOGRAM_2: Route = Route {
    path: "/v2/image/generate/ideogram-2",
    negative_prompt: true,
    ..IDEOGRAM_2A
};
const IDEOGRAM_3: Route = Route {
    path: "/v2/image/generate/ideogram-3",
    magic: MAGIC,
    shapes: SHAPES_3,
    styles: STYLES_3,
    negative_prompt: true,
    rendering_speed: true,
    color_palette: true,
    preset: true,
    codes: true,
    slots: Slots {
        style_references: Some(STYLE_REFERENCES),
        ..NO_SLOTS
    },
    price: price::of_3,
    ..PLAIN
};
const IDEOGRAM_3_CHARACTER: Route = Route {
    path: "/v2/image/generate/ideogram-3-character",
    styles: STYLES_CHARACTER,
    color_palette: false,
    preset: false,
    codes: false,
    slots: Slots {
        character: Some(CHARACTER),
        character_mask: Some(CHARACTER_MASK),
        ..IDEOGRAM_3.slots
    },
    price: price::of_3_character,
    ..IDEOGRAM_3
};
const IDEOGRAM_3_CUSTOM: Route = Route {
    path: "/v2/image/generate/ideogram-3-custom-model",
    styles: &[],
    custom_model: true,
    price: price::unknown,
    ..IDEOGRAM_3
};
const IDEOGRAM_3_TRANSPARENT: Route = Route {
    path: "/v2/image/generate/ideogram-3-transparent",
    magic: MAGIC,
    shapes: ratio_named(sizes::RATIOS),
    negative_prompt: true,
    rendering_speed: true,
    factors: &[X1, X2, X4],
    transparency: Transparency::Always,
    price: price::of_3_transparent,
    ..PLAIN
};
const IDEOGRAM_4: Route = Route {
    path: "/v2/image/generate/ideogram-4",
    magic: MAGIC,
    shapes: Shapes {
        size: Some(("resolution", Sizes::List(sizes::V4))),
        ratios: Ratios::Exact,
        ..NO_SHAPES
    },
    rendering_speed: true,
    price: price::of_4,
    ..PLAIN
};
const IDEOGRAM_4_CUSTOM: Route = Route {
    path: "/v2/image/generate/ideogram-4-custom-model",
    custom_model: true,
    price: price::unknown,
    ..IDEOGRAM_4
};
const IDEOGRAM_4_TRANSPARENT: Route = Route {
    path: "/v2/image/generate/ideogram-4-transparent",
    shapes: Shapes {
        ratios: Ratios::Free(sizes::V4_RATIOS),
        tiers: Some(Tiers {
            field: "output_resolution",
            list: &[K1, K2, K4, K8],
            upper: false,
        }),
        ..NO_SHAPES
    },
    transparency: Transparency::Always,
    price: price::of_4_transparent,
    ..IDEOGRAM_4
};
const IDEOGRAM_45: Route = Route {
    path: "/v2/image/generate/ideogram-4-5",
    magic: MAGIC,
    shapes: Shapes {
        size: Some(("size", Sizes::List(sizes::V45))),
        ratios: Ratios::Exact,
        ..NO_SHAPES
    },
    quality: Some(Qualities {
        list: &[Low, Medium, High],
        usual: Some(High),
    }),
    price: price::of_45,
    ..PLAIN
};
const IDEOGRAM_45_IMAGES: Route = Route {
    shapes: Shapes {
        size: Some(("size", Sizes::Steps(sizes::V45))),
        ..IDEOGRAM_45.shapes
    },
    quality: Some(Qualities {
        list: &[VeryLow, Low, Medium, High],
        usual: Some(Medium),
    }),
    slots: Slots {
        images: Some(slot("images", 5, 25)),
        within_six: true,
        ..NO_SLOTS
    },
    price: price::of_45_edit,
    ..IDEOGRAM_45
};
/// The picture stays as large as it is: no size may be told.
const IDEOGRAM_45_MASK: Route = Route {
    shapes: Shapes {
        of_source: true,
        ..NO_SHAPES
    },
    slots: Slots {
        mask: Some(MaskSlot {
            slot: slot("mask", 1, 25),
            polarity: Polarity::BlackChanges,
            needed: false,
            further: 3,
        }),
        ..IDEOGRAM_45_IMAGES.slots
    },
    ..IDEOGRAM_45_IMAGES
};
pub(super) fn route(request: &Request) -> Option<&'static Route> {
    Some(match request.model {
        Model::V2 | Model::V2Turbo => &IDEOGRAM_2,
        Model::V2A | Model::V2ATurbo => &IDEOGRAM_2A,
        Model::V3 if request.transparent => &IDEOGRAM_3_TRANSPARENT,
        Model::V3 if request.inputs.character_reference.is_some() => &IDEOGRAM_3_CHARACTER,
        Model::V3 if request.custom_model.is_some() => &IDEOGRAM_3_CUSTOM,
        Model::V3 => &IDEOGRAM_3,
        Model::V4 if request.transparent => &IDEOGRAM_4_TRANSPARENT,
        Model::V4 if request.custom_model.is_some() => &IDEOGRAM_4_CUSTOM,
        Model::V4 => &IDEOGRAM_4,
        Model::V45 if request.inputs.mask.is_some() => &IDEOGRAM_45_MASK,
        Model::V45 if !request.inputs.sources.is_empty() => &IDEOGRAM_45_IMAGES,
        Model::V45 => &IDEOGRAM_45,
        _ => return guests::route(request.model),
    })
}
