//! v2: pictures from text by other makers' models, and by whichever the service picks.

use super::fields::{COMMON, COPYRIGHT, INPUT_MB, LARGE_MB, MAGIC, NEGATIVE, files};
use super::generate::{GENERATE, ONE_SET};
use super::row::{BodyKind, Field, Kind, Mask, Route};
use super::size;
use super::words::{RATIOS, RATIOS_COLON, RATIOS_NANO, RATIOS_V4};

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/v2/image/generate/auto",
        body: BodyKind::Either,
        webhook: false,
        estimate: true,
        size: size::budget,
        price: 30_000,
        fields: &[
            COMMON,
            &[
                MAGIC,
                NEGATIVE,
                Field::word("aspect_ratio", RATIOS_V4),
                Field::new("resolution", Kind::Pixels),
                Field::word("resolution_tier", "1k 2k 4k"),
                Field::new("style_reference_asset_identifiers", Kind::Assets(10)),
                Field::new("category_id", Kind::Id),
                files("images", 10, INPUT_MB),
                Field::new("image_asset_identifiers", Kind::Assets(10)),
            ],
        ],
        rules: &[ONE_SET],
        ..GENERATE
    },
    Route {
        path: "/v2/image/generate/p-image-ideogram",
        size: size::budget,
        price: 10_000,
        fields: &[
            COMMON,
            &[
                MAGIC,
                COPYRIGHT,
                Field::word("quality", "very_low low medium high very_high"),
                Field::word("aspect_ratio", RATIOS),
                Field::word("resolution", "1k 2k"),
                Field::new("custom_width", Kind::Whole(64, 4_096)),
                Field::new("custom_height", Kind::Whole(64, 4_096)),
            ],
        ],
        ..GENERATE
    },
    Route {
        path: "/v2/image/generate/z-image",
        size: size::budget,
        price: 5_000,
        fields: &[
            COMMON,
            &[
                Field::new("resolution", Kind::Pixels),
                Field::new("num_inference_steps", Kind::Whole(1, 128)),
            ],
        ],
        ..GENERATE
    },
    Route {
        path: "/v2/image/generate/gpt-image-2",
        price: 211_000,
        ..GPT
    },
    Route {
        path: "/v2/image/generate/gpt-image-2-5-flare",
        ..GPT_25
    },
    Route {
        path: "/v2/image/generate/gpt-image-2-5-sunburst",
        ..GPT_25
    },
    Route {
        path: "/v2/image/generate/nano-banana-2",
        price: 67_200,
        fields: &[
            COMMON,
            &[Field::word("aspect_ratio", RATIOS_NANO)],
            NANO_FIELDS,
        ],
        ..NANO
    },
    Route {
        path: "/v2/image/generate/nano-banana-pro",
        price: 134_400,
        fields: &[
            COMMON,
            &[Field::word("aspect_ratio", RATIOS_COLON)],
            NANO_FIELDS,
        ],
        ..NANO
    },
];

const GPT_FIELDS: &[Field] = &[
    files("images", 16, LARGE_MB),
    Field::new("image_asset_identifiers", Kind::Assets(16)),
    Field::word("aspect_ratio", RATIOS_COLON),
    Field::new("resolution", Kind::Pixels),
];

const GPT: Route = Route {
    body: BodyKind::Either,
    size: size::budget,
    fields: &[COMMON, GPT_FIELDS],
    rules: &[ONE_SET],
    ..GENERATE
};

const GPT_25: Route = Route {
    mask: Mask::Transparent,
    price: 52_900,
    fields: &[
        COMMON,
        GPT_FIELDS,
        &[
            Field::word("quality", "auto low medium high"),
            Field::word("background", "auto transparent opaque"),
            files("mask", 1, LARGE_MB),
        ],
    ],
    ..GPT
};

const NANO_FIELDS: &[Field] = &[
    Field::word("resolution_tier", "1K 2K 4K"),
    files("images", 10, INPUT_MB),
    Field::new("image_asset_identifiers", Kind::Assets(10)),
];

const NANO: Route = Route {
    body: BodyKind::Either,
    size: size::budget,
    rules: &[ONE_SET],
    ..GENERATE
};
