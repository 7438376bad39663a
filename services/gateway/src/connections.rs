//! Connections: at most so many, none of them silent for ever, all of them finished at the end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::{pin, time};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::metrics::CONNECTIONS;

/// Further clients wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 1_024;
/// How long a head may take, counted from the end of the last answer: so it ends idle ones, too.
const HEAD: Duration = Duration::from_secs(30);
const MAX_HEADERS: usize = 64;
const BUFFER_BYTES: usize = 64 << 10;
/// How long answers under way may take once the process is to end.
const GRACE: Duration = Duration::from_secs(30);
/// After an error that a moment's patience may cure, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then finishes the requests under way.
pub(crate) async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    loop {
        let accepted = shutdown.run_until_cancelled(async {
            let place = Arc::clone(&room).acquire_owned().await.ok();
            (listener.accept().await, place)
        });
        let Some((accepted, place)) = accepted.await else {
            break;
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(err) => {
                warn!(
                    error = &err as &dyn std::error::Error,
                    "connection not accepted"
                );
                time::sleep(PAUSE).await;
                continue;
            }
        };
        let (router, shutdown) = (router.clone(), shutdown.clone());
        connections.spawn(async move {
            CONNECTIONS.inc();
            connection(stream, router, shutdown).await;
            CONNECTIONS.dec();
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(stream: TcpStream, router: Router, shutdown: CancellationToken) {
    if let Err(err) = stream.set_nodelay(true) {
        debug!(
            error = &err as &dyn std::error::Error,
            "small answers may be late"
        );
    }
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(MAX_HEADERS)
        .max_buf_size(BUFFER_BYTES);
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match time::timeout(GRACE, connection).await {
                Ok(outcome) => outcome,
                Err(_) => return warn!("an answer took too long, connection cut"),
            }
        }
    };
    if let Err(err) = outcome {
        debug!(
            error = err.as_ref() as &dyn std::error::Error,
            "connection ended badly"
        );
    }
}
