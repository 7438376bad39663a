//! The first page: what runs here, and how to make the first request. A gallery it is not yet.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ring::digest::{SHA256, digest};

use crate::Keys;
use crate::api::App;

const HTML: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const WITH_KEY: &str = " \\\n     -H 'Authorization: Bearer dk_…'";

/// The page as it is sent.
#[derive(Debug)]
pub(crate) struct Page {
    html: Bytes,
    /// Allows the one style that is in the page, by its hash, and nothing else.
    policy: HeaderValue,
}

impl Page {
    pub(crate) fn new(public_url: &str, keys: &Keys) -> Self {
        let key = if keys.is_empty() { "" } else { WITH_KEY };
        let html = HTML
            .replace("{style}", STYLE)
            .replace("{url}", &escaped(public_url))
            .replace("{key}", key)
            .replace("{version}", env!("CARGO_PKG_VERSION"));
        let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
        // Base 64 is ASCII; should it ever not be, the page is shown without its style.
        let policy = HeaderValue::try_from(policy)
            .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"));
        Self {
            html: html.into(),
            policy,
        }
    }
}

/// `GET /`
pub(crate) async fn index(State(app): State<Arc<App>>) -> Response {
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (CONTENT_SECURITY_POLICY, app.page.policy.clone()),
    ];
    (headers, app.page.html.clone()).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "%27")
}
