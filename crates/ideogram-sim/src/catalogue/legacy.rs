//! The routes without a version: the body names the model.

use super::fields::{
    LEGACY_MB, NEGATIVE, NUM_IMAGES, ONE_SHAPE, PALETTE_V1, PROMPT, SEED, WEIGHT, files,
};
use super::generate::GENERATE;
use super::price::{LEGACY_EDIT_MODEL, LEGACY_MODEL};
use super::retouch::DESCRIBE;
use super::row::{BodyKind, Field, Kind, Route, Rule, Run, Shape, Work};
use super::size;
use super::words::Spelling::{Aspect, Resolution};
use super::words::{LEGACY_RATIOS, LEGACY_RESOLUTIONS, STYLES_LEGACY};
use crate::answer::Refusal;
use crate::schema::Asked;

const RATIO: Field = Field::new("aspect_ratio", Kind::Word(LEGACY_RATIOS, Aspect));
const RESOLUTION: Field = Field::new("resolution", Kind::Word(LEGACY_RESOLUTIONS, Resolution));
const STYLE: Field = Field::capitals("style_type", STYLES_LEGACY);
const MAGIC: Field = Field::capitals("magic_prompt_option", "auto on off");
const IMAGE: Field = files("image_file", 1, LEGACY_MB).required();

const COMMON: &[Field] = &[PROMPT, NUM_IMAGES, SEED, MAGIC, STYLE];
const SHAPED: &[Field] = &[RATIO, RESOLUTION, NEGATIVE, PALETTE_V1];

const LEGACY: Route = Route {
    body: BodyKind::Multipart,
    run: Run::Held,
    webhook: false,
    dry_run: false,
    shape: Shape::Legacy,
    size: size::legacy,
    tiers: &[LEGACY_MODEL],
    rules: &[ONE_SHAPE, MODELS],
    ..GENERATE
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/generate",
        body: BodyKind::Json,
        envelope: Some("image_request"),
        fields: &[COMMON, SHAPED],
        ..LEGACY
    },
    Route {
        path: "/remix",
        envelope: Some("image_request"),
        work: Work::Blend(50),
        fields: &[COMMON, SHAPED, &[IMAGE, WEIGHT]],
        ..LEGACY
    },
    Route {
        path: "/edit",
        work: Work::Blend(50),
        size: size::source,
        tiers: &[LEGACY_EDIT_MODEL],
        fields: &[COMMON, &[IMAGE, files("mask", 1, LEGACY_MB).required()]],
        ..LEGACY
    },
    Route {
        path: "/reframe",
        work: Work::Extend,
        fields: &[&[IMAGE, RESOLUTION.required(), NUM_IMAGES, SEED, STYLE]],
        ..LEGACY
    },
    Route {
        path: "/upscale",
        envelope: Some("image_request"),
        work: Work::Blend(0),
        size: size::upscaled,
        price: 60_000,
        tiers: &[],
        fields: &[&[
            IMAGE,
            Field::new("prompt", Kind::Text(0, 10_000)),
            Field::new("resemblance", Kind::Whole(1, 100)),
            Field::new("detail", Kind::Whole(1, 100)),
            MAGIC,
            NUM_IMAGES,
            SEED,
        ]],
        ..LEGACY
    },
    Route {
        path: "/describe",
        body: BodyKind::Multipart,
        shape: Shape::LegacyTexts,
        fields: &[&[
            IMAGE,
            Field::capitals("describe_model_version", "v_2 v_3 v_4"),
        ]],
        rules: &[],
        ..DESCRIBE
    },
];

/// What a model does not know.
const MODELS: &[Rule] = &[Rule::Also(fits_model)];

fn fits_model(asked: &Asked) -> Result<(), Refusal> {
    let model = asked.word("model").unwrap_or("v_2");
    let first = matches!(model, "v_1" | "v_1_turbo");
    let second = matches!(model, "v_2" | "v_2_turbo");
    let second_a = matches!(model, "v_2a" | "v_2a_turbo");
    for (field, known) in [
        ("resolution", second),
        ("style_type", !first),
        ("negative_prompt", first || second),
        ("color_palette", !first && !second_a),
    ] {
        if asked.has(field) && !known {
            return Err(Refusal::invalid(format!(
                "{field} is not supported by this model."
            )));
        }
    }
    Ok(())
}
