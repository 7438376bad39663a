//! v2: pictures from pictures.

use super::fields::{
    CHARACTER, CODES, COLLECTION, COMMON, COPYRIGHT, IMAGE_25, IMAGE_50, LARGE_MB, MAGIC, MASK_25,
    MASK_50, MODEL_URI, NEEDS_CHARACTER, NEEDS_IMAGE, NEEDS_MASK, NEGATIVE, NUM_IMAGES, ONE_SHAPE,
    ONE_STYLE, PALETTE, PRESET, PRIVATE, PROMPT, SEED, SHAPE_V3, STYLE, STYLE_OF_CHARACTER,
    STYLE_REFERENCES, WEIGHT, files,
};
use super::generate::GENERATE;
use super::price::{QUALITY_45_EDIT, SPEED_3, SPEED_3_CHARACTER, SPEED_4};
use super::row::{BodyKind, Field, Kind, Mask, Route, Rule, Run, Shape, Work};
use super::size;
use super::words::{RATIOS_NANO_FIXED, RATIOS_V4, V3_RESOLUTIONS, V4_RESOLUTIONS};
use crate::answer::Refusal;
use crate::schema::Asked;

/// A route that needs a source; its size is the source's.
pub(super) const EDIT: Route = Route {
    body: BodyKind::Either,
    work: Work::Blend(50),
    size: size::source,
    fields: &[COMMON, IMAGE_50],
    rules: &[NEEDS_IMAGE],
    ..GENERATE
};

const INPAINT: Route = Route {
    shape: Shape::Sized,
    tiers: &[SPEED_3],
    ..EDIT
};

const REMIX: Route = Route {
    size: size::v3_of_source,
    tiers: &[SPEED_3],
    ..EDIT
};

const FEW_IMAGES: Field = Field::new("num_images", Kind::Whole(1, 4));

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/v2/image/precise-edit/ideogram-4-5",
        shape: Shape::Kind,
        mask: Mask::BlackOfTwo,
        tiers: &[QUALITY_45_EDIT],
        fields: &[
            COMMON,
            IMAGE_50,
            MASK_50,
            &[
                COPYRIGHT,
                files("reference_images", 4, LARGE_MB),
                Field::new("reference_image_asset_identifiers", Kind::Assets(4)),
                Field::new("context_window", Kind::Text(1, 64)),
            ],
        ],
        rules: &[
            NEEDS_IMAGE,
            &[
                Rule::AtMostOne(&["mask", "mask_asset_identifier"]),
                Rule::AtMostOne(&["reference_images", "reference_image_asset_identifiers"]),
                Rule::Also(mask_with_references),
                Rule::Also(context_window),
            ],
        ],
        ..EDIT
    },
    Route {
        path: "/v2/image/inpaint/ideogram-3",
        fields: &[
            COMMON,
            IMAGE_25,
            MASK_25,
            &[MAGIC, COPYRIGHT, CODES, PRESET, STYLE],
            STYLE_REFERENCES,
        ],
        rules: &[NEEDS_IMAGE, NEEDS_MASK, ONE_STYLE],
        ..INPAINT
    },
    Route {
        path: "/v2/image/inpaint/ideogram-3-character",
        tiers: &[SPEED_3_CHARACTER],
        fields: &[
            COMMON,
            IMAGE_25,
            MASK_25,
            CHARACTER,
            &[MAGIC, COPYRIGHT, CODES, STYLE_OF_CHARACTER],
            STYLE_REFERENCES,
        ],
        rules: &[NEEDS_IMAGE, NEEDS_MASK, NEEDS_CHARACTER, ONE_STYLE],
        ..INPAINT
    },
    Route {
        path: "/v2/image/inpaint/ideogram-3-custom-model",
        webhook: false,
        fields: &[
            COMMON,
            IMAGE_25,
            MASK_25,
            &[MODEL_URI.required(), MAGIC, COPYRIGHT, CODES, PRESET],
            STYLE_REFERENCES,
        ],
        rules: &[NEEDS_IMAGE, NEEDS_MASK, ONE_STYLE],
        ..INPAINT
    },
    Route {
        path: "/v2/image/remix/auto",
        size: size::budget,
        estimate: true,
        price: 30_000,
        tiers: &[],
        fields: &[
            COMMON,
            IMAGE_50,
            &[
                WEIGHT,
                MAGIC,
                NEGATIVE,
                CODES,
                PRESET,
                STYLE,
                PALETTE,
                Field::word("aspect_ratio", RATIOS_V4),
                Field::new("resolution", Kind::Pixels),
                Field::word("resolution_tier", "1k 2k"),
                Field::new("style_reference_asset_identifiers", Kind::Assets(10)),
            ],
        ],
        rules: &[NEEDS_IMAGE, ONE_STYLE],
        ..REMIX
    },
    Route {
        path: "/v2/image/remix/ideogram-3",
        fields: &[
            COMMON,
            IMAGE_50,
            &[
                WEIGHT, MAGIC, NEGATIVE, COPYRIGHT, PALETTE, CODES, PRESET, STYLE,
            ],
            SHAPE_V3,
            STYLE_REFERENCES,
        ],
        rules: &[NEEDS_IMAGE, ONE_SHAPE, ONE_STYLE],
        ..REMIX
    },
    Route {
        path: "/v2/image/remix/ideogram-3-character",
        tiers: &[SPEED_3_CHARACTER],
        fields: &[
            COMMON,
            IMAGE_50,
            CHARACTER,
            &[WEIGHT, MAGIC, NEGATIVE, COPYRIGHT, STYLE_OF_CHARACTER],
            SHAPE_V3,
            STYLE_REFERENCES,
        ],
        rules: &[NEEDS_IMAGE, NEEDS_CHARACTER, ONE_SHAPE, ONE_STYLE],
        ..REMIX
    },
    Route {
        path: "/v2/image/remix/ideogram-3-custom-model",
        fields: &[
            COMMON,
            IMAGE_50,
            &[
                MODEL_URI.required(),
                WEIGHT,
                MAGIC,
                NEGATIVE,
                COPYRIGHT,
                PALETTE,
                CODES,
                PRESET,
            ],
            SHAPE_V3,
            STYLE_REFERENCES,
        ],
        rules: &[NEEDS_IMAGE, ONE_SHAPE, ONE_STYLE],
        ..REMIX
    },
    Route {
        path: "/v2/image/remix/ideogram-4",
        size: weighed_v4,
        tiers: &[SPEED_4],
        fields: &[
            &[PROMPT, NUM_IMAGES, PRIVATE, COLLECTION, WEIGHT, COPYRIGHT],
            &[Field::word("resolution", V4_RESOLUTIONS)],
            IMAGE_50,
        ],
        ..REMIX
    },
    Route {
        path: "/v2/image/reframe/ideogram-3",
        webhook: false,
        work: Work::Extend,
        size: size::v3,
        tiers: &[SPEED_3],
        fields: &[
            IMAGE_25,
            &[Field::word("resolution", V3_RESOLUTIONS).required()],
            &[NUM_IMAGES, SEED, PALETTE, CODES, PRESET],
            STYLE_REFERENCES,
        ],
        rules: &[NEEDS_IMAGE, ONE_STYLE],
        ..EDIT
    },
    Route {
        path: "/v2/image/reframe/nano-banana-2",
        run: Run::Always,
        webhook: false,
        shape: Shape::Measured,
        work: Work::Extend,
        size: size::budget,
        price: 67_200,
        fields: &[
            IMAGE_25,
            &[Field::word("aspect_ratio", RATIOS_NANO_FIXED).required()],
            &[FEW_IMAGES, SEED, PRIVATE],
        ],
        ..EDIT
    },
];

fn mask_with_references(asked: &Asked) -> Result<(), Refusal> {
    let masked = asked.has("mask") || asked.has("mask_asset_identifier");
    let references =
        asked.count("reference_images") + asked.count("reference_image_asset_identifiers");
    if masked && references > 3 {
        return Err(Refusal::invalid(
            "At most 3 reference images are allowed with a mask.",
        ));
    }
    Ok(())
}

/// `none`, `auto`, or four pixel positions: top, left, bottom, right.
fn context_window(asked: &Asked) -> Result<(), Refusal> {
    let text = asked.word("context_window").unwrap_or("none");
    if matches!(text, "none" | "auto") {
        return Ok(());
    }
    let sides: Option<Vec<u64>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
    let window = match sides.as_deref() {
        Some(&[top, left, bottom, right]) => bottom.checked_sub(top).zip(right.checked_sub(left)),
        _ => None,
    };
    match window {
        Some((height, width))
            if height.min(width) >= 256
                && height
                    .checked_mul(width)
                    .is_some_and(|area| area <= 4_194_304) =>
        {
            Ok(())
        }
        _ => Err(Refusal::invalid(format!(
            "Invalid context_window: '{text}'."
        ))),
    }
}

/// A weight binds the picture to the shape of its source.
fn weighed_v4(asked: &Asked, source: Option<size::Size>) -> Result<size::Size, Refusal> {
    let size = size::v4(asked, source)?;
    let shape = |(width, height): size::Size| f64::from(width) / f64::from(height);
    if asked.has("image_weight")
        && asked.has("resolution")
        && source.is_some_and(|source| (shape(size) / shape(source) - 1.0).abs() > 0.02)
    {
        return Err(Refusal::invalid(
            "image_weight cannot be combined with a resolution of another shape than the source.",
        ));
    }
    Ok(size)
}
