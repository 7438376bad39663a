//! The provider's picture host, with links in every state of decay.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use url::Url;

pub(crate) struct Links {
    base: Url,
    desk: Arc<Desk>,
    server: AbortHandle,
}

struct Desk {
    png: Bytes,
    asked: AtomicU32,
    hurdles: AtomicU32,
}

impl Links {
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}/", listener.local_addr()?).parse()?;
        let desk = Arc::new(Desk {
            png: testkit::png(48, 32)?.into(),
            asked: AtomicU32::new(0),
            hurdles: AtomicU32::new(0),
        });
        let router = Router::new()
            .route("/{kind}", get(serve))
            .with_state(Arc::clone(&desk));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            base,
            desk,
            server: server.abort_handle(),
        })
    }

    /// `whole`, `cut`, `text`, or a status code.
    pub(crate) fn link(&self, kind: &str) -> anyhow::Result<Url> {
        Ok(self.base.join(kind)?)
    }

    /// Lets the next `count` requests fail with 503.
    pub(crate) fn stumble(&self, count: u32) {
        self.desk.hurdles.store(count, Ordering::SeqCst);
    }

    pub(crate) fn asked(&self) -> u32 {
        self.desk.asked.load(Ordering::SeqCst)
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

async fn serve(State(desk): State<Arc<Desk>>, Path(kind): Path<String>) -> Response {
    desk.asked.fetch_add(1, Ordering::SeqCst);
    let fewer = |left: u32| left.checked_sub(1);
    if desk
        .hurdles
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer)
        .is_ok()
    {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match kind.as_str() {
        "whole" => desk.png.clone().into_response(),
        "cut" => desk.png.slice(..desk.png.len() - 8).into_response(),
        "text" => "not what you paid for".into_response(),
        status => status
            .parse()
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::NOT_FOUND)
            .into_response(),
    }
}
