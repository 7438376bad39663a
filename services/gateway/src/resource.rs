//! The generation as HTTP shows it: every field is there, `null` where it is not known.

use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::{AspectRatio, Derivative, Failure, Generation, Image, Request};
use serde::Serialize;

use crate::api::App;
use crate::find::Found;

const SQUARE: AspectRatio = AspectRatio {
    width: 1,
    height: 1,
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resource {
    id: String,
    custom_id: Option<String>,
    status: &'static str,
    prompt: Option<String>,
    negative_prompt: Option<String>,
    model: Option<&'static str>,
    style_type: Option<&'static str>,
    aspect_ratio: Option<String>,
    seed: Option<u32>,
    campaign: Option<String>,
    tags: Vec<String>,
    metadata: BTreeMap<String, String>,
    provider: Option<String>,
    simulated: Option<bool>,
    created_at: String,
    completed_at: Option<String>,
    ready_at: Option<String>,
    deletes_at: Option<String>,
    duplicate_of: Option<String>,
    retry_of: Option<String>,
    supersedes: Option<String>,
    cost: Cost,
    images: Vec<Picture>,
    texts: Vec<String>,
    error: Option<Error>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cost {
    reserved_usd_micros: i64,
    settled_usd_micros: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Picture {
    id: String,
    index: u32,
    url: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    seed: Option<i64>,
    format: Option<String>,
    bytes: Option<u64>,
    sha256: Option<String>,
    state: &'static str,
    derivatives: Vec<Cut>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cut {
    preset: String,
    url: String,
    width: u32,
    height: u32,
    format: String,
    bytes: u64,
    crop_loss: f32,
    upscaled: bool,
}

#[derive(Debug, Serialize)]
struct Error {
    code: &'static str,
    message: String,
    phase: &'static str,
    billed: &'static str,
    retryable: bool,
}

impl Resource {
    /// `found`, as `app` shows it.
    pub(crate) fn of(found: &Found, app: &App) -> Self {
        let resource = Self::of_generation(&found.generation, &app.public_url);
        match found.order {
            Some(_) => Self {
                simulated: app.simulated,
                ..resource
            },
            None => resource,
        }
    }

    /// A generation that the generator has seen, with links that begin with `public_url`.
    pub(crate) fn of_generation(generation: &Generation, public_url: &str) -> Self {
        let job = generation.job.as_ref();
        let request = job.map(|job| &job.request);
        Self {
            id: generation.id.to_string(),
            custom_id: generation.custom_id.clone(),
            status: generation.status.as_str(),
            prompt: request.map(|request| request.prompt.clone()),
            negative_prompt: request.and_then(|request| request.negative_prompt.clone()),
            model: request.map(|request| request.model.as_str()),
            style_type: request.and_then(|request| Some(request.style_type?.as_str())),
            aspect_ratio: request.and_then(aspect_ratio),
            seed: request.and_then(|request| request.seed),
            campaign: request.and_then(|request| request.campaign.clone()),
            tags: request
                .map(|request| request.tags.clone())
                .unwrap_or_default(),
            metadata: request
                .map(|request| request.metadata.clone())
                .unwrap_or_default(),
            provider: job.map(|job| job.provider.clone()),
            simulated: job.map(|job| job.simulated),
            created_at: generation.created_at.to_string(),
            completed_at: generation.completed_at.map(|at| at.to_string()),
            ready_at: generation.ready_at.map(|at| at.to_string()),
            deletes_at: None,
            duplicate_of: None,
            retry_of: None,
            supersedes: None,
            cost: Cost {
                reserved_usd_micros: generation.cost.reserved.micros(),
                settled_usd_micros: generation.cost.settled.map(domain::Usd::micros),
            },
            images: generation
                .images
                .iter()
                .map(|image| picture(image, public_url))
                .collect(),
            texts: Vec::new(),
            error: generation.error.as_ref().map(error),
        }
    }
}

impl IntoResponse for Resource {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// The shape that was asked for, or the one that follows from asking for none.
fn aspect_ratio(request: &Request) -> Option<String> {
    let square = request.resolution.is_none().then_some(SQUARE);
    Some(request.aspect_ratio.or(square)?.to_string())
}

fn picture(image: &Image, public_url: &str) -> Picture {
    let link = image.key.as_ref().map(|key| link(public_url, key));
    Picture {
        id: image.id.to_string(),
        index: image.index,
        url: link.or_else(|| image.url.clone()),
        width: known(image.width),
        height: known(image.height),
        seed: image.seed,
        format: Some(image.format.clone()).filter(|format| !format.is_empty()),
        bytes: known(image.bytes),
        sha256: Some(image.sha256.clone()).filter(|digest| !digest.is_empty()),
        state: image.state.as_str(),
        derivatives: image
            .derivatives
            .iter()
            .map(|derivative| cut(derivative, public_url))
            .collect(),
    }
}

fn cut(derivative: &Derivative, public_url: &str) -> Cut {
    Cut {
        preset: derivative.preset.clone(),
        url: link(public_url, &derivative.key),
        width: derivative.width,
        height: derivative.height,
        format: derivative.format.clone(),
        bytes: derivative.bytes,
        crop_loss: derivative.crop_loss,
        upscaled: derivative.upscaled,
    }
}

/// Made anew from the key, so that old pictures follow when the gateway moves.
fn link(public_url: &str, key: &str) -> String {
    format!("{public_url}/assets/{key}")
}

/// Events say 0 for what is not known.
fn known<T: Default + PartialEq>(number: T) -> Option<T> {
    Some(number).filter(|number| *number != T::default())
}

fn error(failure: &Failure) -> Error {
    Error {
        code: failure.code.as_str(),
        message: failure.message.clone(),
        phase: failure.phase.as_str(),
        billed: failure.billed.as_str(),
        retryable: failure.code.is_retryable(),
    }
}
