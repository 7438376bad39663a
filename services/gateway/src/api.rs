//! The routes, and what all of them share.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bus::Bus;
use domain::{Admission, Code};
use ideogram::Api;
use storage::Store;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::page::Page;
use crate::problem::Problem;
use crate::waiting::Waiting;
use crate::{Config, Keys, assets, create, errors, guard, observe, page, read, search};

/// What every route may use.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) bus: Bus,
    pub(crate) store: Store,
    pub(crate) waiting: Waiting,
    pub(crate) keys: Keys,
    pub(crate) admission: Admission,
    pub(crate) api: Api,
    pub(crate) simulated: Option<bool>,
    /// How links to us begin, without a slash at the end.
    pub(crate) public_url: String,
    pub(crate) page: Page,
    pub(crate) shutdown: CancellationToken,
}

impl App {
    pub(crate) fn new(
        config: Config,
        address: SocketAddr,
        bus: Bus,
        waiting: Waiting,
        shutdown: CancellationToken,
    ) -> Self {
        let public_url = match &config.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{address}"),
        };
        Self {
            page: Page::new(&public_url, &config.keys),
            bus,
            store: config.store,
            waiting,
            keys: config.keys,
            admission: config.admission,
            api: config.api,
            simulated: config.simulated,
            public_url,
            shutdown,
        }
    }
}

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/v1/generations", post(create::create).get(search::search))
        .route("/v1/generations/{id}", get(read::read))
        .route("/v1/errors", get(errors::table))
        .route("/assets/{*key}", get(assets::asset))
        .fallback(async || Problem::not_found("there is no such route"))
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(observe::observe))
        .with_state(app)
}

async fn not_allowed() -> Problem {
    let detail = "the route exists, but not for this method; see the Allow header";
    Problem::new(Code::MethodNotAllowed, detail)
}

fn panicked(_panic: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a route panicked");
    Problem::new(
        Code::Internal,
        "something of ours broke; the log has the cause",
    )
    .into_response()
}
