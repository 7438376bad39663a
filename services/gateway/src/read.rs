//! `GET /v1/generations/{id}`

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use domain::GenerationId;

use crate::api::App;
use crate::caller::Caller;
use crate::find;
use crate::prefer;
use crate::problem::Problem;
use crate::resource::Resource;

/// An id in a path, which may be anything.
pub(crate) type Named = Result<Path<String>, PathRejection>;

/// What cannot be the id of a generation names none.
pub(crate) fn named(id: Named) -> Result<GenerationId, Problem> {
    let Path(id) = id.map_err(|_| none())?;
    id.parse().map_err(|_| none())
}

/// There is none of that name that the caller may know of.
pub(crate) fn none() -> Problem {
    Problem::not_found("there is no such generation")
}

pub(crate) async fn read(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    id: Named,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = named(id)?;
    let wait = prefer::wait(&headers).and_then(|limit| Some((app.waiting.place(id)?, limit)));

    let found = find::find(&app, &caller.tenant, id).await?;
    let mut found = found.ok_or_else(none)?;
    let Some((place, limit)) = wait else {
        return Ok(Resource::of(&found, &app).into_response());
    };
    if !found.is_final() {
        // What happened before the place was taken is not told again.
        found.refresh(&app).await;
    }
    let found = place.hold(&app, found, limit).await;
    let applied = [(prefer::APPLIED, prefer::applied(limit))];
    Ok((applied, Resource::of(&found, &app)).into_response())
}
