//! `GET /v1/generations/{id}`

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use domain::{GenerationId, Tenant};

use crate::api::App;
use crate::find;
use crate::prefer;
use crate::problem::Problem;
use crate::resource::Resource;

pub(crate) async fn read(
    State(app): State<Arc<App>>,
    Extension(tenant): Extension<Tenant>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let none = || Problem::not_found("there is no such generation");
    let Path(id) = id.map_err(|_| none())?;
    let id: GenerationId = id.parse().map_err(|_| none())?;
    let wait = prefer::wait(&headers).and_then(|limit| Some((app.waiting.place(id)?, limit)));

    let mut found = find::find(&app, &tenant, id).await?.ok_or_else(none)?;
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
