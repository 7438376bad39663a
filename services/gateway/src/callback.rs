//! `POST /webhooks/ideogram-callback`: the address that the callbacks of jobs are often sent to.
//! Those of our own jobs tell us nothing that we did not say ourselves.

use axum::Json;
use axum::body::Body;
use axum::http::HeaderMap;
use domain::{Code, GenerationId, Invalid};
use serde::Deserialize;

use crate::body;
use crate::problem::Problem;
use crate::webhook::Receipt;

/// A callback, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Callback {
    job_id: Option<String>,
}

pub(crate) async fn received(headers: HeaderMap, body: Body) -> Result<Json<Receipt>, Problem> {
    let callback: Callback = body::json(&headers, body).await?;
    let job = callback.job_id.ok_or_else(|| {
        Problem::new(
            Code::InvalidBody,
            "expected a callback with a `jobId`, as `ideogram.generation.completed` has one",
        )
    })?;
    match job.parse::<GenerationId>() {
        Ok(_) => Ok(Receipt::received()),
        Err(_) => Err(Invalid::unsupported(
            "jobId",
            "is no job of Darkroom's, and callbacks of other systems are not taken in",
        )
        .into()),
    }
}
