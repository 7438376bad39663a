//! v2: pictures from text, with references where a model takes some.

use super::fields::{
    CHARACTER, CODES, COMMON, COPYRIGHT, INPUT_MB, MAGIC, MODEL_URI, NEEDS_CHARACTER, NEGATIVE,
    ONE_SHAPE, ONE_STYLE, PALETTE, PRESET, SHAPE_V3, STYLE, STYLE_OF_CHARACTER, STYLE_REFERENCES,
    files,
};
use super::price::{
    QUALITY_45, QUALITY_45_EDIT, SPEED_2, SPEED_2A, SPEED_3, SPEED_3_CHARACTER,
    SPEED_3_TRANSPARENT, SPEED_4, TRANSPARENT_FACTOR,
};
use super::row::{BodyKind, Field, Kind, Mask, Route, Rule, Run, Shape, Work};
use super::size;
use super::words::{RATIOS_AUTO, RATIOS_V4, STYLES_V2, V4_RESOLUTIONS};
use crate::answer::Refusal;
use crate::schema::Asked;

/// What the rows below differ from.
pub(super) const GENERATE: Route = Route {
    path: "",
    body: BodyKind::Json,
    envelope: None,
    run: Run::Asked,
    webhook: true,
    dry_run: true,
    estimate: false,
    shape: Shape::Images,
    work: Work::Draw,
    mask: Mask::Black,
    transparent: false,
    size: size::v3,
    price: 0,
    tiers: &[],
    fields: &[COMMON],
    rules: &[],
    variant: None,
};

const SHAPE_V2: &[Field] = &[
    Field::word("aspect_ratio", RATIOS_AUTO),
    Field::word("style_type", STYLES_V2),
];
const RESOLUTION_V4: Field = Field::word("resolution", V4_RESOLUTIONS);

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/v2/image/generate/ideogram-2",
        tiers: &[SPEED_2],
        fields: &[COMMON, &[MAGIC, NEGATIVE, COPYRIGHT], SHAPE_V2],
        ..GENERATE
    },
    Route {
        path: "/v2/image/generate/ideogram-2a",
        tiers: &[SPEED_2A],
        fields: &[COMMON, &[MAGIC, COPYRIGHT], SHAPE_V2],
        ..GENERATE
    },
    Route {
        path: "/v2/image/generate/ideogram-3",
        body: BodyKind::Either,
        tiers: &[SPEED_3],
        fields: &[
            COMMON,
            &[MAGIC, NEGATIVE, COPYRIGHT, STYLE, PRESET, CODES, PALETTE],
            SHAPE_V3,
            STYLE_REFERENCES,
        ],
        rules: &[ONE_SHAPE, ONE_STYLE],
        ..GENERATE
    },
    Route {
        path: "/v2/image/generate/ideogram-3-character",
        body: BodyKind::Either,
        tiers: &[SPEED_3_CHARACTER],
        fields: &[
            COMMON,
            &[MAGIC, NEGATIVE, COPYRIGHT, STYLE_OF_CHARACTER],
            CHARACTER,
            SHAPE_V3,
            STYLE_REFERENCES,
        ],
        rules: &[NEEDS_CHARACTER, ONE_SHAPE, ONE_STYLE],
        ..GENERATE
    },
    Route {
        path: "/v2/image/generate/ideogram-3-custom-model",
        body: BodyKind::Either,
        tiers: &[SPEED_3],
        fields: &[
            COMMON,
            &[
                MODEL_URI.required(),
                MAGIC,
                NEGATIVE,
                COPYRIGHT,
                PRESET,
                CODES,
                PALETTE,
            ],
            SHAPE_V3,
            STYLE_REFERENCES,
        ],
        rules: &[ONE_SHAPE, ONE_STYLE],
        ..GENERATE
    },
    Route {
        path: "/v2/image/generate/ideogram-3-transparent",
        transparent: true,
        size: size::transparent_v3,
        tiers: &[SPEED_3_TRANSPARENT, TRANSPARENT_FACTOR],
        fields: &[
            COMMON,
            &[
                MAGIC,
                NEGATIVE,
                COPYRIGHT,
                Field::word("aspect_ratio", RATIOS_AUTO),
            ],
        ],
        ..GENERATE
    },
    Route {
        path: "/v2/image/generate/ideogram-4",
        size: size::v4,
        tiers: &[SPEED_4],
        fields: &[COMMON, &[MAGIC, COPYRIGHT, RESOLUTION_V4]],
        ..GENERATE
    },
    Route {
        path: "/v2/image/generate/ideogram-4-custom-model",
        size: size::v4,
        tiers: &[SPEED_4],
        fields: &[
            COMMON,
            &[
                MODEL_URI.required(),
                Field::new("stacked_custom_models", Kind::ModelUris),
                MAGIC,
                COPYRIGHT,
                RESOLUTION_V4,
            ],
        ],
        ..GENERATE
    },
    Route {
        path: "/v2/image/generate/ideogram-4-transparent",
        transparent: true,
        size: size::budget,
        tiers: &[SPEED_4],
        fields: &[
            COMMON,
            &[
                MAGIC,
                COPYRIGHT,
                Field::word("aspect_ratio", RATIOS_V4),
                Field::word("output_resolution", "1k 2k 4k 8k"),
            ],
        ],
        ..GENERATE
    },
    Route {
        tiers: &[QUALITY_45],
        variant: Some((
            &["images", "image_asset_identifiers", "mask"],
            &Route {
                tiers: &[QUALITY_45_EDIT],
                ..V45
            },
        )),
        ..V45
    },
];

pub(super) const ONE_SET: &[Rule] = &[Rule::AtMostOne(&["images", "image_asset_identifiers"])];

const V45: Route = Route {
    path: "/v2/image/generate/ideogram-4-5",
    body: BodyKind::Either,
    shape: Shape::Kind,
    mask: Mask::BlackOfTwo,
    size: size::v45,
    fields: &[
        COMMON,
        &[
            MAGIC,
            COPYRIGHT,
            Field::new("size", Kind::Text(1, 32)),
            files("images", 5, INPUT_MB),
            Field::new("image_asset_identifiers", Kind::Assets(5)),
            files("mask", 1, INPUT_MB),
        ],
    ],
    rules: &[
        ONE_SET,
        &[
            Rule::Excludes("mask", &["size"]),
            Rule::Also(mask_with_images),
        ],
    ],
    ..GENERATE
};

/// A mask counts as one of the inputs beside the image that it belongs to.
fn mask_with_images(asked: &Asked) -> Result<(), Refusal> {
    if asked.has("mask") && asked.count("images") + asked.count("image_asset_identifiers") > 4 {
        return Err(Refusal::invalid(
            "At most 3 further images are allowed with a mask.",
        ));
    }
    Ok(())
}
