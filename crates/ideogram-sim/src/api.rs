//! The routers of the three listeners.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use crate::account::usage;
use crate::answer::{Refusal, stamp};
use crate::connection::Cut;
use crate::download::download;
use crate::fault::{FaultKind, status_answer, too_many};
use crate::poll::poll;
use crate::submit::submit;
use crate::world::World;
use crate::{admin, catalogue};

/// The provider's API.
pub(crate) fn api(world: Arc<World>) -> Router {
    let jwks = |State(world): State<Arc<World>>| async move { Json(world.keys.jwks()) };
    let router = Router::new()
        .route("/v2/generations/{id}", get(poll))
        .route("/v1/generations/{id}", get(poll))
        .route("/v2/account/usage", get(usage))
        .route("/v1/.well-known/jwks.json", get(jwks));
    catalogue::routes()
        .fold(router, |router, route| {
            router.route(route.path, post(submit))
        })
        .fallback(async || Refusal::unknown_path())
        .method_not_allowed_fallback(async || {
            Refusal::problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "The method is not allowed for this path.",
            )
        })
        .layer(from_fn_with_state(Arc::clone(&world), strike))
        .layer(map_response(stamp))
        .with_state(world)
}

/// The picture host.
pub(crate) fn images(world: Arc<World>) -> Router {
    Router::new()
        .route("/api/images/ephemeral/{file}", get(download))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(map_response(stamp))
        .with_state(world)
}

/// What tests and people use to steer and inspect.
pub(crate) fn admin(world: Arc<World>) -> Router {
    Router::new()
        .route("/sim/bill", get(admin::bill))
        .route("/sim/state", get(admin::state))
        .route(
            "/sim/faults",
            get(admin::faults)
                .post(admin::set_faults)
                .delete(admin::clear_faults),
        )
        .route(
            "/sim/settings",
            get(admin::settings).patch(admin::change_settings),
        )
        .route("/sim/clock/advance", post(admin::advance))
        .route("/sim/keys/rotate", post(admin::rotate))
        .fallback(async || Refusal::unknown_path())
        .layer(map_response(stamp))
        .with_state(world)
}

/// Strikes with the faults that come before anything is looked at.
async fn strike(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let is_quote = request.uri().query().is_some_and(|q| q.contains("dry_run"));
    let paid = catalogue::find(path).is_some() && !is_quote;
    let fault = world.faults.take(path, |fault| {
        fault.kind.is_before_accept() && (paid || fault.route.is_some())
    });
    match fault {
        None => next.run(request).await,
        Some(FaultKind::Status {
            status,
            reject_reason,
            ..
        }) => {
            let limit = world.desk().settings.max_in_flight;
            status_answer(status, reject_reason, limit).into_response()
        }
        Some(FaultKind::TooMany {
            max_inflight_requests,
            retry_after_seconds,
        }) => too_many(max_inflight_requests, retry_after_seconds).into_response(),
        Some(FaultKind::ErrorInside { status_code }) => {
            let body = json!({ "error": "The request failed.", "status_code": status_code });
            Json(body).into_response()
        }
        Some(FaultKind::ResetBeforeAccept) => cut.now().await,
        Some(_) => std::future::pending().await,
    }
}
