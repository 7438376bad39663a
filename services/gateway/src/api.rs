//! The routes, and what all of them share.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use bus::Bus;
use domain::{Admission, Code, Invalid};
use ideogram::Api;
use imaging::Presets;
use storage::Store;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use wire::Encoding;

use crate::caller::{Caller, Permission};
use crate::order::Order;
use crate::page::Page;
use crate::problem::Problem;
use crate::signers::Signers;
use crate::waiting::Waiting;
use crate::{
    Config, Keys, account, assets, budgets, callback, command, create, derivations, errors, guard,
    observe, page, read, retry, search, spend, webhook,
};

/// What every route may use.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) bus: Bus,
    pub(crate) store: Store,
    pub(crate) waiting: Waiting,
    pub(crate) keys: Keys,
    pub(crate) admission: Admission,
    pub(crate) presets: Presets,
    pub(crate) cuts_per_second: f64,
    pub(crate) api: Api,
    pub(crate) signers: Signers,
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
            presets: config.presets,
            cuts_per_second: config.cuts_per_second,
            api: config.api,
            signers: Signers::new(config.provider),
            simulated: config.simulated,
            public_url,
            shutdown,
        }
    }

    /// Reads a request of `caller`.
    pub(crate) fn order(
        &self,
        caller: &Caller,
        encoding: Encoding,
        body: &[u8],
    ) -> Result<Order, Invalid> {
        let lane = caller.lane.unwrap_or(self.admission.lane);
        let media = Some(encoding.content_type());
        let order = Order::read(media, body, lane, self)?;
        caller.may_stand_in(order.request.lane)?;
        Ok(order)
    }
}

pub(crate) fn router(app: Arc<App>) -> Router {
    let need = |permission| from_fn_with_state(permission, guard::need);
    Router::new()
        .merge(reading().route_layer(need(Permission::Read)))
        .merge(writing().route_layer(need(Permission::Write)))
        .merge(operating().route_layer(need(Permission::Admin)))
        .route("/", get(page::index))
        .route("/assets/{*key}", get(assets::asset))
        .route("/webhooks/ideogram/{attempt}", post(webhook::announced))
        .route("/webhooks/ideogram-callback", post(callback::received))
        .fallback(async || Problem::not_found("there is no such route"))
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(observe::observe))
        .with_state(app)
}

/// What looks at what the tenant has.
fn reading() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/generations", get(search::search))
        .route("/v1/generations/{id}", get(read::read))
        .route("/v1/spend", get(spend::spend))
        .route("/v1/budgets", get(budgets::list))
        .route("/v1/errors", get(errors::table))
}

/// What costs money, or decides about money that is being spent.
fn writing() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/generations", post(create::create))
        .route("/v1/generations/{id}/cancel", post(command::cancel))
        .route("/v1/generations/{id}/discard", post(command::discard))
        .route("/v1/generations/{id}/retry", post(retry::retry))
        .route("/v1/derivations", post(derivations::derive))
}

/// What concerns the provider account, which all tenants share, and what they may spend.
fn operating() -> Router<Arc<App>> {
    Router::new()
        .route(
            "/v1/budgets/{scope}",
            put(budgets::set).delete(budgets::remove),
        )
        .route("/v1/account", get(account::status))
        .route("/v1/account/pause", post(account::pause))
        .route("/v1/account/resume", post(account::resume))
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
