//! `GET /assets/{key}`: the bytes of a picture. The key cannot be guessed, so it is all one needs.
//! With `?download` it is the file that people keep: see [`download`](crate::download).

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, LOCATION,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use storage::{Key, Object, Store};
use url::Url;

use crate::api::App;
use crate::download;
use crate::problem::Problem;
use crate::range::{self, Wanted};

/// An object never changes, and a year is the most that caches believe.
pub(crate) const FOREVER: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");
/// Nothing in a picture may run, whatever is in it.
pub(crate) const POLICY: (HeaderName, HeaderValue) = (
    CONTENT_SECURITY_POLICY,
    HeaderValue::from_static("default-src 'none'; sandbox"),
);
const LINK_LIFE: Duration = Duration::from_secs(15 * 60);
/// Shorter than the link's life, so that a cached redirect still leads somewhere; and soon after a
/// picture is deleted nobody is sent for it any more.
const REDIRECT_CACHE: HeaderValue = HeaderValue::from_static("private, max-age=300");
/// What may be read by whoever knows its name: not what users have handed in.
const OPEN: [&str; 2] = ["generated/", "derived/"];

pub(crate) async fn asset(
    State(app): State<Arc<App>>,
    key: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path(key) = key.map_err(|_| none())?;
    let key = Key::parse(&key).map_err(|_| none())?;
    if !OPEN.iter().any(|prefix| key.as_str().starts_with(prefix)) {
        return Err(none());
    }
    let head = app.store.head(&key).await?.ok_or_else(none)?;
    if download::is_wanted(query.as_deref()) {
        return download::download(&app, &key, head, &headers).await;
    }
    if let Some(link) = elsewhere(&app.store, &key).await? {
        return Ok(redirect(link.as_str()));
    }

    let etag = format!("\"{key}\"");
    if range::is_known(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, fixed(&key, &etag)).into_response());
    }
    let part = match range::wanted(&headers, &etag, head.size) {
        Wanted::Nothing => return Ok(out_of_range(head.size)),
        Wanted::Part(part) => Some(part),
        Wanted::Whole => None,
    };
    let is_part = part.is_some();
    let object = app.store.open_object(&key, part).await?.ok_or_else(none)?;
    Ok(bytes(&key, &etag, object, is_part))
}

/// There is none of that name, any more or at all.
pub(crate) fn none() -> Problem {
    Problem::not_found("there is no such picture, or it was deleted")
}

/// Where the bytes are read without us: from the CDN before the store, else from the store itself.
async fn elsewhere(store: &Store, key: &Key) -> Result<Option<Url>, storage::Error> {
    match store.public_url(key) {
        Some(url) => Ok(Some(url)),
        None => store.presign_get(key, LINK_LIFE).await,
    }
}

fn bytes(key: &Key, etag: &str, object: Object, is_part: bool) -> Response {
    let range = object.range;
    let length = HeaderValue::from(range.end - range.start);
    let mut response = Body::from_stream(object.stream).into_response();
    response.headers_mut().extend(fixed(key, etag));
    response.headers_mut().insert(CONTENT_LENGTH, length);
    if is_part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let last = range.end.saturating_sub(1);
        let served = format!("bytes {}-{last}/{}", range.start, object.size);
        response
            .headers_mut()
            .extend(header(CONTENT_RANGE, &served));
    }
    response
}

/// The headers that say what the object is.
fn fixed(key: &Key, etag: &str) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static(key.content_type())),
        (CACHE_CONTROL, FOREVER),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        POLICY,
    ]);
    headers.extend(header(ETAG, etag));
    headers
}

fn redirect(link: &str) -> Response {
    let mut response = StatusCode::FOUND.into_response();
    let headers = response.headers_mut();
    headers.extend(header(LOCATION, link));
    headers.insert(CACHE_CONTROL, REDIRECT_CACHE);
    response
}

fn out_of_range(size: u64) -> Response {
    let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    response
        .headers_mut()
        .extend(header(CONTENT_RANGE, &format!("bytes */{size}")));
    response
}

/// Keys, links and numbers are all ASCII; what were not would be left out.
pub(crate) fn header(name: HeaderName, value: &str) -> Option<(HeaderName, HeaderValue)> {
    HeaderValue::from_str(value).ok().map(|value| (name, value))
}
