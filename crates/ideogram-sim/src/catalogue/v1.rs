//! v1: model 3.0, with the words in capitals and files in multipart only.

use super::fields::{
    CODES, INPUT_MB, MAGIC_V1, MODEL_URI, NEGATIVE, NUM_IMAGES, ONE_SHAPE, PALETTE_V1, PROMPT,
    SEED, WEIGHT, files,
};
use super::generate::GENERATE;
use super::price::{SPEED_V1, SPEED_V1_CHARACTER, SPEED_V1_TRANSPARENT, TRANSPARENT_FACTOR_V1};
use super::row::{BodyKind, Field, Route, Rule, Run, Shape, Tier, Work};
use super::size;
use super::words::{RATIOS, STYLE_PRESETS, STYLES_V3, V3_RESOLUTIONS};

const COMMON: &[Field] = &[PROMPT, NUM_IMAGES, SEED];
const RATIO: Field = Field::word("aspect_ratio", RATIOS);
const RESOLUTION: Field = Field::word("resolution", V3_RESOLUTIONS);
const STYLE: Field = Field::capitals("style_type", STYLES_V3);
const PRESET: Field = Field::capitals("style_preset", STYLE_PRESETS);
const STYLE_IMAGES: Field = files("style_reference_images", 10, INPUT_MB);
const IMAGE: Field = files("image", 1, INPUT_MB).required();
const MASK: Field = files("mask", 1, INPUT_MB).required();
/// Only the first is used; which are given decides the price.
const CHARACTERS: &[Field] = &[
    files("character_reference_images", 10, INPUT_MB),
    files("character_reference_images_mask", 10, INPUT_MB),
];
/// What a style is made of, where a model may be named too.
const STYLES: &[Field] = &[STYLE, PRESET, CODES, PALETTE_V1, MODEL_URI, STYLE_IMAGES];

const STYLE_RULES: &[Rule] = &[
    Rule::Excludes("style_codes", &["style_type", "style_reference_images"]),
    Rule::Excludes("style_preset", &["style_codes"]),
];

/// The fields that make a call dearer.
const OF_CHARACTERS: &[&str] = &["character_reference_images"];
const SPEED: &[Tier] = &[SPEED_V1];
const DEARER: &[Tier] = &[SPEED_V1_CHARACTER];

const V1: Route = Route {
    body: BodyKind::Multipart,
    run: Run::Held,
    webhook: false,
    dry_run: false,
    shape: Shape::V1,
    tiers: SPEED,
    ..GENERATE
};

const DRAWN: Route = Route {
    path: "/v1/ideogram-v3/generate",
    body: BodyKind::Either,
    fields: &[
        COMMON,
        &[RATIO, RESOLUTION, MAGIC_V1, NEGATIVE],
        STYLES,
        CHARACTERS,
    ],
    rules: &[ONE_SHAPE, STYLE_RULES],
    ..V1
};

const INPAINT: Route = Route {
    path: "/v1/ideogram-v3/inpaint",
    work: Work::Blend(50),
    size: size::source,
    fields: &[COMMON, &[IMAGE, MASK, MAGIC_V1], STYLES, CHARACTERS],
    rules: &[STYLE_RULES],
    ..V1
};

const REMIX: Route = Route {
    path: "/v1/ideogram-v3/remix",
    work: Work::Blend(50),
    size: size::v3_of_source,
    fields: &[
        COMMON,
        &[IMAGE, WEIGHT, RATIO, RESOLUTION, MAGIC_V1, NEGATIVE],
        STYLES,
        CHARACTERS,
    ],
    rules: &[ONE_SHAPE, STYLE_RULES],
    ..V1
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        variant: Some((
            OF_CHARACTERS,
            &Route {
                tiers: DEARER,
                ..DRAWN
            },
        )),
        ..DRAWN
    },
    Route {
        path: "/v1/ideogram-v3/generate-transparent",
        body: BodyKind::Either,
        transparent: true,
        size: size::transparent_v3,
        tiers: &[SPEED_V1_TRANSPARENT, TRANSPARENT_FACTOR_V1],
        fields: &[COMMON, &[RATIO, MAGIC_V1, NEGATIVE, MODEL_URI]],
        ..V1
    },
    Route {
        variant: Some((
            OF_CHARACTERS,
            &Route {
                tiers: DEARER,
                ..INPAINT
            },
        )),
        ..INPAINT
    },
    // Deprecated by the provider, which still serves it under the schema of its successor.
    Route {
        path: "/v1/ideogram-v3/edit",
        variant: Some((
            OF_CHARACTERS,
            &Route {
                path: "/v1/ideogram-v3/edit",
                tiers: DEARER,
                ..INPAINT
            },
        )),
        ..INPAINT
    },
    Route {
        variant: Some((
            OF_CHARACTERS,
            &Route {
                tiers: DEARER,
                ..REMIX
            },
        )),
        ..REMIX
    },
    Route {
        path: "/v1/ideogram-v3/reframe",
        work: Work::Extend,
        fields: &[
            &[IMAGE, RESOLUTION.required(), NUM_IMAGES, SEED],
            &[PRESET, CODES, PALETTE_V1, STYLE_IMAGES],
        ],
        rules: &[STYLE_RULES],
        ..V1
    },
    Route {
        path: "/v1/ideogram-v3/replace-background",
        work: Work::Behind,
        size: size::source,
        fields: &[
            COMMON,
            &[IMAGE, MAGIC_V1, PRESET, CODES, PALETTE_V1, STYLE_IMAGES],
        ],
        rules: &[STYLE_RULES],
        ..V1
    },
];
