//! The pictures that come with an order: fetched where they are named, decoded, and held against
//! the rules that need their pixels.

use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::Value;

use crate::answer::Refusal;
use crate::catalogue::{Kind, Mask, Route};
use crate::job::{JobId, JobStatus};
use crate::picture::Source;
use crate::schema::Asked;
use crate::world::World;

/// The fields that hold what is worked on; of several pictures, the first.
const IMAGE: &[&str] = &[
    "image",
    "image_asset_identifier",
    "images",
    "image_asset_identifiers",
    "image_file",
];
const MASK: &[&str] = &["mask", "mask_asset_identifier"];
const CHARACTER_MASKS: &[&str] = &[
    "character_reference_mask",
    "character_reference_images_mask",
];
const COLLECTIONS: &[&str] = &[
    "style_reference_collection_id",
    "character_reference_collection_id",
];

/// The pictures of an order.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// What is worked on.
    pub(crate) image: Option<Source>,
    /// What of it is to change.
    pub(crate) mask: Option<Source>,
    /// All others.
    pub(crate) references: Vec<Source>,
}

impl Inputs {
    /// Opens the pictures of an order.
    pub(crate) async fn open(world: &World, route: &Route, asked: &Asked) -> Result<Self, Refusal> {
        if COLLECTIONS.iter().any(|name| asked.has(name)) {
            return Err(not_found("Collection not found."));
        }
        let mut files: Vec<(&'static str, Bytes)> = Vec::new();
        for (name, list) in &asked.files {
            files.extend(list.iter().map(|file| (*name, file.clone())));
        }
        for field in route.fields() {
            if let (Kind::Asset | Kind::Assets(_), Some(value)) =
                (field.kind, asked.value(field.name))
            {
                for asset in value
                    .as_array()
                    .map_or(std::slice::from_ref(value), Vec::as_slice)
                {
                    files.push((field.name, stored(world, asset).await?));
                }
            }
        }
        if files.is_empty() {
            return Ok(Self::default());
        }
        let (names, files): (Vec<_>, Vec<_>) = files.into_iter().unzip();
        let sources = world
            .pictures
            .read(files)
            .await
            .map_err(|err| internal(&err))?;
        let Some(sources) = sources else {
            return Err(Refusal::invalid("Could not read a source image."));
        };
        let named = names.into_iter().zip(sources).collect();
        Self::sorted(named, route.mask)
    }

    fn sorted(named: Vec<(&'static str, Source)>, edits: Mask) -> Result<Self, Refusal> {
        check_character_masks(&named)?;
        let mut inputs = Self::default();
        for (name, source) in named {
            if IMAGE.contains(&name) && inputs.image.is_none() {
                inputs.image = Some(source);
            } else if MASK.contains(&name) {
                inputs.mask = Some(source);
            } else {
                inputs.references.push(source);
            }
        }
        if let Some(mask) = &inputs.mask {
            check_mask(mask, inputs.image.as_ref(), edits)?;
        }
        Ok(inputs)
    }

    /// What has to be kept to draw the pictures later.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Source> {
        self.image.iter().chain(&self.mask)
    }
}

/// An image that the provider has: here, one that it made.
async fn stored(world: &World, asset: &Value) -> Result<Bytes, Refusal> {
    let missing = || not_found("Asset not found.");
    let id = asset.get("asset_id").and_then(Value::as_str);
    let (id, index) = id.and_then(JobId::of_picture).ok_or_else(missing)?;
    let job = world.desk().job(id).ok_or_else(missing)?;
    if job.status(world.clock.now()) != JobStatus::Completed || index >= job.order.images {
        return Err(missing());
    }
    match world.picture(&job, index).await {
        Ok(Some((png, _))) => Ok(png),
        Ok(None) => Err(missing()),
        Err(err) => Err(internal(&err)),
    }
}

fn check_mask(mask: &Source, image: Option<&Source>, edits: Mask) -> Result<(), Refusal> {
    let Some(image) = image else {
        return Err(Refusal::invalid("A mask needs a source image."));
    };
    if mask.size != image.size {
        return Err(Refusal::invalid(
            "The mask must have the same size as the image.",
        ));
    }
    if edits == Mask::BlackOfTwo && !mask.two_coloured {
        return Err(Refusal::invalid(
            "The mask must contain both black and white pixels.",
        ));
    }
    Ok(())
}

/// One mask for each character, and of its size.
fn check_character_masks(named: &[(&'static str, Source)]) -> Result<(), Refusal> {
    let sizes = |wanted: &[&str]| -> Vec<_> {
        let of = named.iter().filter(|(name, _)| wanted.contains(name));
        of.map(|(_, source)| source.size).collect()
    };
    let masks = sizes(CHARACTER_MASKS);
    let references = [
        "character_reference_images",
        "character_reference_asset_identifiers",
    ];
    if !masks.is_empty() && masks != sizes(&references) {
        return Err(Refusal::invalid(
            "Character masks must match the character references in number and size.",
        ));
    }
    Ok(())
}

fn not_found(error: &str) -> Refusal {
    Refusal::semantic(StatusCode::NOT_FOUND, error)
}

fn internal(err: &anyhow::Error) -> Refusal {
    tracing::error!(error = &**err, "cannot work on a picture");
    Refusal::Empty(StatusCode::INTERNAL_SERVER_ERROR)
}
