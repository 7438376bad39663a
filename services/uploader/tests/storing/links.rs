//! The provider's picture host, with links in every state of decay.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::net::TcpListener;
use tokio::sync::{Barrier, watch};
use tokio::task::AbortHandle;
use url::Url;

/// How many have to ask for `together` at once.
pub(crate) const TOGETHER: usize = 4;

pub(crate) struct Links {
    base: Url,
    desk: Arc<Desk>,
    server: AbortHandle,
}

struct Desk {
    png: Bytes,
    asked: Mutex<Vec<String>>,
    hurdles: AtomicU32,
    open: watch::Sender<bool>,
    together: Barrier,
    port: u16,
}

impl Links {
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let base = format!("http://{address}/").parse()?;
        let desk = Arc::new(Desk {
            png: testkit::png(48, 32)?.into(),
            asked: Mutex::default(),
            hurdles: AtomicU32::new(0),
            open: watch::Sender::new(true),
            together: Barrier::new(TOGETHER),
            port: address.port(),
        });
        let router = Router::new()
            .route("/{kind}", get(serve))
            .route("/hops/{left}", get(hop))
            .with_state(Arc::clone(&desk));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            base,
            desk,
            server: server.abort_handle(),
        })
    }

    /// `whole`, `cut`, `text`, `endless`, `drip`, a status code; `together` for those who come so many
    /// at once; `astray` to where nobody may go; `hops/3` for three redirects; `held-…` for who waits
    /// until the gate is opened.
    pub(crate) fn link(&self, kind: &str) -> anyhow::Result<Url> {
        Ok(self.base.join(kind)?)
    }

    /// Lets the next `count` requests fail with 503.
    pub(crate) fn stumble(&self, count: u32) {
        self.desk.hurdles.store(count, Ordering::SeqCst);
    }

    /// Makes what is held wait, or wait no more.
    pub(crate) fn hold(&self, closed: bool) {
        self.desk.open.send_replace(!closed);
    }

    /// What was asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = self.desk.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn png(&self) -> Bytes {
        self.desk.png.clone()
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Desk {
    fn hears(&self, kind: &str) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(kind.to_owned());
    }
}

async fn hop(State(desk): State<Arc<Desk>>, Path(left): Path<u32>) -> Response {
    desk.hears("hop");
    match left.checked_sub(1) {
        Some(left) => Redirect::temporary(&format!("/hops/{left}")).into_response(),
        None => desk.png.clone().into_response(),
    }
}

async fn serve(State(desk): State<Arc<Desk>>, Path(kind): Path<String>) -> Response {
    desk.hears(&kind);
    let fewer = |left: u32| left.checked_sub(1);
    if desk
        .hurdles
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer)
        .is_ok()
    {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if kind.starts_with("held-") {
        let mut open = desk.open.subscribe();
        // Only the test can take the gate away.
        open.wait_for(|open| *open).await.ok();
        return desk.png.clone().into_response();
    }
    match kind.as_str() {
        "whole" => desk.png.clone().into_response(),
        "cut" => desk.png.slice(..desk.png.len() - 8).into_response(),
        "text" => "not what you paid for".into_response(),
        "together" => {
            desk.together.wait().await;
            desk.png.clone().into_response()
        }
        // Another name of the same machine, which nobody has allowed.
        "astray" => {
            Redirect::temporary(&format!("http://localhost:{}/whole", desk.port)).into_response()
        }
        "endless" => {
            let zeros = Bytes::from_static(&[0; 1 << 20]);
            let zeros = stream::repeat(zeros).map(Ok::<_, Infallible>);
            Body::from_stream(zeros).into_response()
        }
        "drip" => {
            let bytes = stream::iter(desk.png.clone()).then(|byte| async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok::<_, Infallible>(Bytes::copy_from_slice(&[byte]))
            });
            Body::from_stream(bytes).into_response()
        }
        status => status
            .parse()
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::NOT_FOUND)
            .into_response(),
    }
}
