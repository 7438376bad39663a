//! The fields and rules that several rows share.

use super::row::{Field, Kind, Rule};
use super::words::{
    RATIOS_AUTO, STYLE_PRESETS, STYLES_CHARACTER, STYLES_V3, Spelling, V3_RESOLUTIONS,
};

/// The largest seed the provider takes.
pub(crate) const MAX_SEED: u32 = i32::MAX as u32;
/// Megabytes of an input file, by the routes' pages.
pub(super) const DESCRIBE_MB: usize = 10;
pub(super) const LEGACY_MB: usize = 10;
pub(super) const INPUT_MB: usize = 25;
pub(super) const LARGE_MB: usize = 50;

const NULLABLE: Kind = Kind::Flag { nullable: true };

pub(super) const PROMPT: Field = Field::new("prompt", Kind::Text(1, 10_000)).required();
pub(super) const NUM_IMAGES: Field = Field::new("num_images", Kind::Whole(1, 8));
pub(super) const SEED: Field = Field::new("seed", Kind::Whole(0, MAX_SEED));
pub(super) const PRIVATE: Field = Field::new("private", NULLABLE);
pub(super) const COLLECTION: Field = Field::new("target_collection_id", Kind::Id);
pub(super) const NEGATIVE: Field = Field::new("negative_prompt", Kind::Text(0, 10_000));
pub(super) const MAGIC: Field = Field::word("magic_prompt", "auto on off");
pub(super) const MAGIC_V1: Field = Field::capitals("magic_prompt", "auto on off");
pub(super) const COPYRIGHT: Field = Field::new("enable_copyright_detection", NULLABLE);
pub(super) const WEIGHT: Field = Field::new("image_weight", Kind::Whole(1, 100));
pub(super) const CODES: Field = Field::new("style_codes", Kind::Codes);
pub(super) const PRESET: Field = Field::word("style_preset", STYLE_PRESETS);
pub(super) const STYLE: Field = Field::word("style_type", STYLES_V3);
pub(super) const STYLE_OF_CHARACTER: Field = Field::word("style_type", STYLES_CHARACTER);
pub(super) const PALETTE: Field = Field::new("color_palette", Kind::Palette(Spelling::Listed));
pub(super) const MODEL_URI: Field = Field::new("custom_model_uri", Kind::ModelUri);
pub(super) const FACTOR: Field = Field::word("upscale_factor", "x2 x4 x8");

/// What most v2 routes take.
pub(super) const COMMON: &[Field] = &[PROMPT, NUM_IMAGES, SEED, PRIVATE, COLLECTION];

/// The shape of a 3.0 picture.
pub(super) const SHAPE_V3: &[Field] = &[
    Field::word("resolution", V3_RESOLUTIONS),
    Field::word("aspect_ratio", RATIOS_AUTO),
];

/// One source of references for a style.
pub(super) const STYLE_REFERENCES: &[Field] = &[
    files("style_reference_images", 10, INPUT_MB),
    Field::new("style_reference_asset_identifiers", Kind::Assets(10)),
    Field::new("style_reference_collection_id", Kind::Id),
    Field::new("style_reference_collection_version_id", Kind::Text(1, 64)),
];

/// One source of references for a character.
pub(super) const CHARACTER: &[Field] = &[
    files("character_reference_images", 1, INPUT_MB),
    Field::new("character_reference_asset_identifiers", Kind::Assets(1)),
    Field::new("character_reference_collection_id", Kind::Id),
    files("character_reference_mask", 1, INPUT_MB),
];

/// A picture to work on, by file or by name.
pub(super) const IMAGE_25: &[Field] = &[files("image", 1, INPUT_MB), IMAGE_ASSET];
pub(super) const IMAGE_50: &[Field] = &[files("image", 1, LARGE_MB), IMAGE_ASSET];
const IMAGE_ASSET: Field = Field::new("image_asset_identifier", Kind::Asset);

/// What of it to change.
pub(super) const MASK_25: &[Field] = &[files("mask", 1, INPUT_MB), MASK_ASSET];
pub(super) const MASK_50: &[Field] = &[files("mask", 1, LARGE_MB), MASK_ASSET];
const MASK_ASSET: Field = Field::new("mask_asset_identifier", Kind::Asset);

pub(super) const fn files(name: &'static str, most: usize, megabytes: usize) -> Field {
    Field::new(name, Kind::Files(most, megabytes))
}

pub(super) const NEEDS_IMAGE: &[Rule] = &[Rule::One(
    "A source image is required: provide image or image_asset_identifier.",
    &["image", "image_asset_identifier"],
)];
pub(super) const NEEDS_MASK: &[Rule] = &[Rule::One(
    "A mask is required: provide mask or mask_asset_identifier.",
    &["mask", "mask_asset_identifier"],
)];
pub(super) const ONE_SHAPE: &[Rule] = &[Rule::AtMostOne(&["resolution", "aspect_ratio"])];
pub(super) const NEEDS_CHARACTER: &[Rule] = &[Rule::One(
    "A character reference is required: provide a character_reference_collection_id, \
     character_reference_asset_identifiers, or character_reference_images",
    &[
        "character_reference_collection_id",
        "character_reference_asset_identifiers",
        "character_reference_images",
    ],
)];
/// Preset, codes and references are three ways to a style: one may be gone.
pub(super) const ONE_STYLE: &[Rule] = &[
    Rule::AtMostOne(REFERENCES_OF_STYLE),
    Rule::Excludes("style_codes", &["style_type"]),
    Rule::Excludes("style_preset", &["style_codes"]),
    Rule::Excludes("style_preset", REFERENCES_OF_STYLE),
    Rule::Excludes("style_codes", REFERENCES_OF_STYLE),
];
const REFERENCES_OF_STYLE: &[&str] = &[
    "style_reference_images",
    "style_reference_asset_identifiers",
    "style_reference_collection_id",
];

/// `color_palette` with the names in capitals.
pub(super) const PALETTE_V1: Field = Field::new("color_palette", Kind::Palette(Spelling::Capitals));
