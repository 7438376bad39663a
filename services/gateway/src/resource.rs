//! The generation as HTTP shows it: every field is there, `null` where it is not known.

mod asked;
mod figures;
mod picture;

use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::{Failure, Generation, GenerationId};
use serde::Serialize;

use crate::api::App;
use crate::find::Found;
use crate::forecast::Outlook;
pub(crate) use asked::Asked;
pub(crate) use figures::billed;
use figures::{Cost, Counts};
use picture::Picture;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resource {
    id: String,
    custom_id: Option<String>,
    status: &'static str,
    #[serde(flatten)]
    asked: Asked,
    #[serde(flatten)]
    outlook: Outlook,
    provider: Option<String>,
    simulated: Option<bool>,
    api_key: Option<String>,
    created_at: String,
    completed_at: Option<String>,
    ready_at: Option<String>,
    deletes_at: Option<String>,
    duplicate_of: Option<String>,
    retry_of: Option<String>,
    supersedes: Option<String>,
    #[serde(flatten)]
    counts: Counts,
    cost: Cost,
    images: Vec<Picture>,
    texts: Vec<String>,
    error: Option<Error>,
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
        let resource = Self::of_generation(&found.generation, app);
        match found.order {
            Some(_) => Self {
                simulated: app.simulated,
                ..resource
            },
            None => resource,
        }
    }

    /// A generation that the generator has seen.
    pub(crate) fn of_generation(generation: &Generation, app: &App) -> Self {
        let job = generation.job.as_ref();
        let outlook = job.map(|job| Outlook::of(&job.request, &app.presets, app.api));
        let name = |id: Option<GenerationId>| id.map(|id| id.to_string());
        Self {
            id: generation.id.to_string(),
            custom_id: generation.custom_id.clone(),
            status: generation.status.as_str(),
            asked: job.map(|job| Asked::of(&job.request)).unwrap_or_default(),
            outlook: outlook.unwrap_or_default(),
            provider: job.map(|job| job.provider.clone()),
            simulated: job.map(|job| job.simulated),
            api_key: job.and_then(|job| job.api_key.clone()),
            created_at: generation.created_at.to_string(),
            completed_at: generation.completed_at.map(|at| at.to_string()),
            ready_at: generation.ready_at.map(|at| at.to_string()),
            deletes_at: None,
            duplicate_of: name(job.and_then(|job| job.duplicate_of)),
            retry_of: name(job.and_then(|job| job.retry_of)),
            supersedes: None,
            counts: Counts::of(generation),
            cost: Cost::of(generation),
            images: generation
                .images
                .iter()
                .map(|image| Picture::of(image, &app.public_url))
                .collect(),
            texts: generation.texts.clone(),
            error: generation.error.as_ref().map(error),
        }
    }
}

impl IntoResponse for Resource {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
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
