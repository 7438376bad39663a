//! The picture host: links that expire, pictures drawn when they are fetched.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use serde::Deserialize;

use crate::fault::FaultKind;
use crate::job::{Job, JobId, JobStatus};
use crate::world::World;

/// How often a slow download sends something.
const TICK: Duration = Duration::from_millis(100);

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Signature {
    exp: Option<i64>,
    sig: Option<String>,
}

/// Handles a download.
pub(crate) async fn download(
    State(world): State<Arc<World>>,
    Path(file): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if headers.contains_key("api-key") {
        world.desk().totals.leaked_keys += 1;
    }
    let fault = world
        .faults
        .take(&format!("/api/images/ephemeral/{file}"), |fault| {
            fault.kind.is_of_download()
        });
    if let Some(FaultKind::DownloadStatus { status }) = fault {
        return StatusCode::from_u16(status)
            .unwrap_or(StatusCode::FORBIDDEN)
            .into_response();
    }
    if world.config.refuse_default_agents && is_default_agent(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let signature = Query::<Signature>::try_from_uri(&uri)
        .map_or_else(|_| Signature::default(), |query| query.0);
    match opened(&world, &file, &signature) {
        Err(status) => status.into_response(),
        Ok((job, index)) => match world.picture(&job, index).await {
            Ok(Some((png, drawn))) => {
                world.count_download(drawn);
                send(png, fault)
            }
            Ok(None) => StatusCode::NOT_FOUND.into_response(),
            Err(err) => {
                tracing::error!(error = &*err, "cannot draw a picture");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        },
    }
}

/// What is behind a link, if it opens anything.
fn opened(world: &World, file: &str, signature: &Signature) -> Result<(Arc<Job>, u8), StatusCode> {
    let id = file.strip_suffix(".png").ok_or(StatusCode::NOT_FOUND)?;
    let (Some(exp), Some(sig)) = (signature.exp, &signature.sig) else {
        return Err(StatusCode::FORBIDDEN);
    };
    let now = world.clock.now();
    if !world.links.opens(id, exp, sig, now) {
        return Err(StatusCode::FORBIDDEN);
    }
    let (id, index) = JobId::of_picture(id).ok_or(StatusCode::NOT_FOUND)?;
    let job = world.desk().job(id).ok_or(StatusCode::NOT_FOUND)?;
    if job.status(now) != JobStatus::Completed || index >= job.order.images {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok((job, index))
}

fn is_default_agent(headers: &HeaderMap) -> bool {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    agent.is_empty() || agent.starts_with("Python-urllib")
}

fn send(png: Bytes, fault: Option<FaultKind>) -> Response {
    let content_type = if fault == Some(FaultKind::WrongContentType) {
        "text/html"
    } else {
        "image/png"
    };
    let length = png.len();
    let body = match fault {
        Some(FaultKind::TruncatedImage) => Body::from(png.slice(..length / 2)),
        Some(FaultKind::SlowDownload { bytes_per_second }) => trickle(png, bytes_per_second),
        _ => Body::from(png),
    };
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "private, max-age=86400"),
    ];
    (headers, body).into_response()
}

/// Sends `png` at this many bytes a second.
fn trickle(png: Bytes, bytes_per_second: u32) -> Body {
    let chunk = (bytes_per_second as usize / 10).max(1);
    Body::from_stream(stream::unfold(png, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(TICK).await;
        let next = rest.split_to(chunk.min(rest.len()));
        Some((Ok::<_, Infallible>(next), rest))
    }))
}
