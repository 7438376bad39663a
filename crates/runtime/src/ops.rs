//! The operations port: `/livez`, `/readyz` and `/metrics`, for probes and scrapers. It asks nobody
//! for a key, so it belongs on loopback or on a network of the operator's.

use std::{fmt::Write as _, net::SocketAddr};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus::{TEXT_FORMAT, TextEncoder};
use tokio::{net::TcpListener, task::AbortHandle};
use tokio_util::sync::CancellationToken;

use crate::{Error, Health};

/// Where the port is when `DARKROOM_OPS_LISTEN` does not say.
pub const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9090);

/// The open operations port; dropping it closes the port.
#[derive(Debug)]
pub struct Ops {
    addr: SocketAddr,
    server: AbortHandle,
}

impl Ops {
    /// Where it listens: the kernel's choice of port, if port 0 was asked for.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Ops {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Opens the operations port. It stays open while the process drains, so that a probe can tell
/// draining from dead.
///
/// # Errors
///
/// [`Error::Listen`] if the address is taken or not ours.
pub async fn serve(
    addr: SocketAddr,
    health: Health,
    shutdown: CancellationToken,
) -> Result<Ops, Error> {
    let failed = |source| Error::Listen { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let router = router(health, shutdown);
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    tracing::info!(%addr, "operations port open");
    Ok(Ops {
        addr,
        server: server.abort_handle(),
    })
}

/// The three routes of the operations port.
///
/// `/livez` is 200 while the process answers at all; `/readyz` is 200 when every
/// component is ready and `shutdown` has not been asked for, else 503 with one reason a line;
/// `/metrics` is the default registry in the Prometheus text format.
pub fn router(health: Health, shutdown: CancellationToken) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz).with_state((health, shutdown)))
        .route("/metrics", get(metrics))
}

async fn readyz(
    State((health, shutdown)): State<(Health, CancellationToken)>,
) -> (StatusCode, String) {
    if shutdown.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned());
    }
    let reasons = health.reasons();
    if reasons.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let lines = reasons
        .iter()
        .fold(String::new(), |mut lines, (name, why)| {
            // Writing to a String cannot fail.
            writeln!(lines, "{name}: {why}").ok();
            lines
        });
    (StatusCode::SERVICE_UNAVAILABLE, lines)
}

async fn metrics() -> Response {
    match TextEncoder::new().encode_to_string(&prometheus::gather()) {
        Ok(text) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(err) => {
            tracing::error!(
                error = &err as &dyn std::error::Error,
                "cannot encode metrics"
            );
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
