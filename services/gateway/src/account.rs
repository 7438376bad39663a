//! `/v1/account`: how the provider account is doing, and the switch that stops it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use domain::Invalid;
use serde::Deserialize;
use wire::{ask, v1};

use crate::api::App;
use crate::body;
use crate::problem::Problem;

const MAX_REASON: usize = 512;

/// Why, for those who wonder.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Reason {
    reason: String,
}

/// `GET /v1/account`
pub(crate) async fn status(
    State(app): State<Arc<App>>,
) -> Result<Json<v1::AccountStatus>, Problem> {
    command(&app, ask::STATUS, Reason::default()).await
}

/// `POST /v1/account/pause`
pub(crate) async fn pause(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<v1::AccountStatus>, Problem> {
    let reason: Reason = body::json(&headers, body).await?;
    if reason.reason.trim().is_empty() {
        let why = "say why, for those who wonder where their pictures are";
        return Err(Invalid::missing("reason", why).into());
    }
    command(&app, ask::PAUSE, reason).await
}

/// `POST /v1/account/resume`
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<v1::AccountStatus>, Problem> {
    let reason = body::json(&headers, body).await?;
    command(&app, ask::RESUME, reason).await
}

async fn command(
    app: &App,
    subject: &'static str,
    Reason { reason }: Reason,
) -> Result<Json<v1::AccountStatus>, Problem> {
    if reason.chars().count() > MAX_REASON {
        let why = format!("must have at most {MAX_REASON} characters");
        return Err(Invalid::field("reason", why).into());
    }
    let question = v1::AccountCommand { reason };
    match app.bus.ask(subject, ask::write(&question)).await {
        Ok(status) => Ok(Json(ask::read(&status)?)),
        Err(err) => Err(err.into()),
    }
}
