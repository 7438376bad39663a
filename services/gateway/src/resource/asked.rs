//! What was asked for, after defaults: every field of a request, by the name it is asked for with.

use std::collections::BTreeMap;

use domain::{AspectRatio, Operation, Request, Source};
use serde::Serialize;
use wire::v1;

/// Empty where the request could not be read.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    operation: Option<&'static str>,
    prompt: Option<String>,
    negative_prompt: Option<String>,
    model: Option<&'static str>,
    custom_model: Option<String>,
    style_type: Option<&'static str>,
    aspect_ratio: Option<String>,
    resolution: Option<String>,
    resolution_tier: Option<&'static str>,
    magic_prompt: Option<&'static str>,
    seed: Option<u32>,
    num_images: Option<u32>,
    rendering_speed: Option<&'static str>,
    quality: Option<&'static str>,
    color_palette: Option<v1::ColorPalette>,
    style_preset: Option<String>,
    style_codes: Vec<String>,
    image_weight: Option<u32>,
    upscale_factor: Option<&'static str>,
    transparent: Option<bool>,
    source_images: Vec<String>,
    mask: Option<String>,
    style_references: Vec<String>,
    character_reference: Option<String>,
    character_mask: Option<String>,
    presets: v1::PresetList,
    campaign: Option<String>,
    tags: Vec<String>,
    metadata: BTreeMap<String, String>,
    lane: Option<&'static str>,
    deadline: Option<String>,
    on_duplicate: Option<&'static str>,
    on_withheld: Option<&'static str>,
    on_unknown: Option<&'static str>,
}

impl Asked {
    pub(crate) fn of(request: &Request) -> Self {
        let inputs = &request.inputs;
        Self {
            operation: Some(request.operation.as_str()),
            prompt: Some(request.prompt.clone()),
            negative_prompt: request.negative_prompt.clone(),
            model: Some(request.model.as_str()),
            custom_model: request.custom_model.clone(),
            style_type: request.style_type.map(|style| style.as_str()),
            aspect_ratio: aspect_ratio(request),
            resolution: request.resolution.map(|size| size.to_string()),
            resolution_tier: request.resolution_tier.map(|tier| tier.as_str()),
            magic_prompt: Some(request.magic_prompt.as_str()),
            seed: request.seed,
            num_images: Some(request.num_images),
            rendering_speed: request.rendering_speed.map(|speed| speed.as_str()),
            quality: request.quality.map(|quality| quality.as_str()),
            color_palette: request.color_palette.as_ref().map(Into::into),
            style_preset: request.style_preset.clone(),
            style_codes: request.style_codes.clone(),
            image_weight: request.image_weight,
            upscale_factor: request.upscale_factor.map(|factor| factor.as_str()),
            transparent: Some(request.transparent),
            source_images: several(&inputs.sources),
            mask: inputs.mask.as_ref().map(origin),
            style_references: several(&inputs.style_references),
            character_reference: inputs.character_reference.as_ref().map(origin),
            character_mask: inputs.character_mask.as_ref().map(origin),
            presets: request.presets.as_slice().into(),
            campaign: request.campaign.clone(),
            tags: request.tags.clone(),
            metadata: request.metadata.clone(),
            lane: Some(request.lane.as_str()),
            deadline: request.deadline.map(|at| at.to_string()),
            on_duplicate: Some(request.on_duplicate.as_str()),
            on_withheld: Some(request.on_withheld.as_str()),
            on_unknown: Some(request.on_unknown.as_str()),
        }
    }
}

/// The shape that was asked for, or the one that follows from asking for none.
fn aspect_ratio(request: &Request) -> Option<String> {
    let free = request.resolution.is_none() && request.resolution_tier.is_none();
    let square = (free && request.operation == Operation::Generate).then_some(AspectRatio::SQUARE);
    Some(request.aspect_ratio.or(square)?.to_string())
}

fn several(sources: &[Source]) -> Vec<String> {
    sources.iter().map(origin).collect()
}

/// As the requester named it; where our copy is does not concern anybody.
fn origin(source: &Source) -> String {
    source.origin.to_string()
}
