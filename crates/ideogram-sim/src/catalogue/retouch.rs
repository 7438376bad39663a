//! v2: backgrounds and objects taken away, pictures enlarged, and pictures described.

use super::edit::EDIT;
use super::fields::{
    COLLECTION, DESCRIBE_MB, FACTOR, IMAGE_25, IMAGE_50, MASK_50, NEEDS_IMAGE, NEEDS_MASK,
    NUM_IMAGES, PRIVATE, SEED, files,
};
use super::price::SPEED_3;
use super::row::{Field, Kind, Mask, Route, Rule, Run, Shape, Work};
use super::size;
use crate::answer::Refusal;
use crate::schema::Asked;

const UPSCALE: Route = Route {
    shape: Shape::Upscaled,
    work: Work::Blend(0),
    size: size::upscaled,
    ..EDIT
};

const LONG: Field = Field::new("prompt", Kind::Text(1, 4_000)).required();
const CAPTION: Field = Field::new("prompt", Kind::Text(0, 1_024));
const UPSCALE_FIELDS: &[Field] = &[SEED, PRIVATE, COLLECTION];

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/v2/image/replace-background/ideogram-3",
        tiers: &[SPEED_3],
        ..BACKGROUND
    },
    Route {
        path: "/v2/image/replace-background/gpt-image-2",
        price: 226_700,
        fields: &[
            &[
                LONG,
                NUM_IMAGES,
                PRIVATE,
                Field::word("quality", "low medium high"),
            ],
            IMAGE_50,
        ],
        ..BACKGROUND
    },
    Route {
        path: "/v2/image/remove-background/ideogram-1",
        webhook: false,
        shape: Shape::Cutout,
        work: Work::Blend(0),
        transparent: true,
        price: 10_000,
        fields: &[IMAGE_25, &[PRIVATE, COLLECTION]],
        ..EDIT
    },
    Route {
        path: "/v2/image/remove-object/ideogram-1",
        run: Run::Always,
        webhook: false,
        shape: Shape::Id,
        mask: Mask::White,
        price: 30_000,
        fields: &[
            IMAGE_50,
            MASK_50,
            &[
                SEED,
                COLLECTION,
                Field::new("store_assets", Kind::Flag { nullable: true }),
            ],
        ],
        rules: &[NEEDS_IMAGE, NEEDS_MASK],
        ..EDIT
    },
    Route {
        path: "/v2/image/upscale/auto",
        price: 251_659,
        fields: &[IMAGE_50, UPSCALE_FIELDS, &[FACTOR]],
        ..UPSCALE
    },
    Route {
        path: "/v2/image/upscale/nano-banana-pro",
        size: size::budget,
        price: 134_400,
        fields: &[
            IMAGE_50,
            UPSCALE_FIELDS,
            &[
                Field::new("prompt", Kind::Text(0, 2_000)),
                Field::word("resolution_tier", "1K 2K 4K"),
            ],
        ],
        ..UPSCALE
    },
    Route {
        path: "/v2/image/upscale/topaz-bloom-2",
        price: 377_488,
        fields: &[
            IMAGE_50,
            UPSCALE_FIELDS,
            &[FACTOR, CAPTION, CREATIVITY],
            &[Field::new(
                "color_preservation",
                Kind::Flag { nullable: true },
            )],
        ],
        ..UPSCALE
    },
    Route {
        path: "/v2/image/upscale/topaz-redefine",
        price: 251_659,
        fields: &[
            IMAGE_50,
            UPSCALE_FIELDS,
            &[FACTOR, CAPTION, CREATIVITY],
            &[
                Field::new("autoprompt", Kind::Flag { nullable: true }),
                Field::new("texture", Kind::Whole(1, 5)),
                Field::new("detail", Kind::Number(0.0, 1.0)),
                Field::new("detail_strength", Kind::Number(0.0, 10.0)),
            ],
            FACES,
        ],
        ..UPSCALE
    },
    Route {
        path: "/v2/image/upscale/topaz-standard-2",
        price: 125_830,
        fields: &[IMAGE_50, &[PRIVATE, COLLECTION, FACTOR], STANDARD, FACES],
        ..UPSCALE
    },
    Route {
        path: "/v2/image/upscale/topaz-text-refine",
        price: 125_830,
        fields: &[IMAGE_50, UPSCALE_FIELDS, &[FACTOR], STANDARD, FACES],
        ..UPSCALE
    },
    Route {
        path: "/v2/image/upscale/topaz-wonder-3-5",
        price: 251_659,
        fields: &[
            IMAGE_50,
            UPSCALE_FIELDS,
            &[
                FACTOR,
                Field::word("enhancement_strength", "low medium high"),
            ],
        ],
        ..UPSCALE
    },
    Route {
        path: "/v2/image/describe/ideogram-3",
        shape: Shape::Texts,
        ..DESCRIBE
    },
    Route {
        path: "/v2/image/describe/ideogram-4",
        shape: Shape::Structured,
        fields: &[
            DESCRIBED,
            &[
                Field::new("include_bbox", Kind::Flag { nullable: false }),
                Field::new("include_style_descriptions", Kind::Flag { nullable: false }),
                Field::new("include_tags", Kind::Flag { nullable: false }),
            ],
        ],
        ..DESCRIBE
    },
];

const CREATIVITY: Field = Field::new("creativity", Kind::Whole(1, 9));
const STANDARD: &[Field] = &[
    Field::new("denoise", Kind::Number(0.0, 1.0)),
    Field::new("sharpen", Kind::Number(0.0, 1.0)),
    Field::new("fix_compression", Kind::Number(0.0, 1.0)),
    Field::new("strength", Kind::Number(0.01, 1.0)),
];
const FACES: &[Field] = &[
    Field::new("face_enhancement", Kind::Flag { nullable: true }),
    Field::new("face_enhancement_creativity", Kind::Number(0.0, 1.0)),
    Field::new("face_enhancement_strength", Kind::Number(0.0, 1.0)),
    Field::word("subject_detection", "all foreground background"),
];

/// A new background; the source's own is thought to lie outside an ellipse.
const BACKGROUND: Route = Route {
    run: Run::Always,
    shape: Shape::Id,
    work: Work::Behind,
    fields: &[&[LONG, NUM_IMAGES, PRIVATE], IMAGE_50],
    rules: &[NEEDS_IMAGE, &[Rule::Also(says_something)]],
    ..EDIT
};

const DESCRIBED: &[Field] = &[
    files("image", 1, DESCRIBE_MB),
    Field::new("image_asset_identifier", Kind::Asset),
];

/// Answers when it is done, whatever it is asked, and bills even a dry run. It takes a place as an
/// image does: whether the real one does is not published.
pub(super) const DESCRIBE: Route = Route {
    run: Run::Held,
    webhook: false,
    dry_run: false,
    work: Work::Describe,
    price: 10_000,
    fields: &[DESCRIBED],
    ..EDIT
};

fn says_something(asked: &Asked) -> Result<(), Refusal> {
    if asked
        .word("prompt")
        .is_some_and(|prompt| prompt.trim().is_empty())
    {
        return Err(Refusal::schema("the text is blank", "prompt"));
    }
    Ok(())
}
