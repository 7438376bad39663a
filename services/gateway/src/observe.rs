//! One span, one line, one count for each request, and the headers of every answer.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use bus::trace;
use tracing::{Instrument, field, info, info_span};
use wire::header::TRACEPARENT;

use crate::metrics;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    // The pattern, not the path: paths hold keys, and there is no end of them.
    let route = matched.as_ref().map_or("other", MatchedPath::as_str);

    let span = info_span!(
        "request",
        http.method = %method,
        http.route = route,
        request.id = field::Empty
    );
    let traceparent = match accepted(request.headers()) {
        Some(theirs) => {
            trace::adopt(&span, &theirs);
            theirs
        }
        None => trace::of(&span).unwrap_or_else(trace::fresh),
    };
    let id = trace_id(&traceparent).to_owned();
    span.record("request.id", &id);
    let work = trace::within(Some(traceparent), next.run(request));
    let mut response = work.instrument(span.clone()).await;

    let status = response.status();
    let seconds = started.elapsed().as_secs_f64();
    metrics::REQUESTS
        .with_label_values(&[method_label(method.as_str()), route, status.as_str()])
        .inc();
    metrics::SECONDS
        .with_label_values(&[route])
        .observe(seconds);
    span.in_scope(|| {
        info!(
            http.status = status.as_u16(),
            duration_ms = seconds * 1e3,
            "answered"
        )
    });
    finish(response.headers_mut(), &id);
    response
}

/// The trace that the client belongs to, if it says so in a form that we can pass on (W3C Trace
/// Context §3.2).
fn accepted(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else {
        return None;
    };
    let is_hex = |text: &str, length: usize| {
        let digits = text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        digits && text.len() == length
    };
    let is_set = |text: &str| text.bytes().any(|b| b != b'0');
    let valid = *version == "00"
        && (is_hex(trace, 32) && is_set(trace))
        && (is_hex(parent, 16) && is_set(parent))
        && is_hex(flags, 2);
    valid.then(|| text.to_owned())
}

fn trace_id(traceparent: &str) -> &str {
    traceparent.split('-').nth(1).unwrap_or_default()
}

/// There is no end of methods either: whoever asks may invent one.
fn method_label(method: &str) -> &str {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
        _ => "other",
    }
}

fn finish(headers: &mut HeaderMap, id: &str) {
    headers.extend(HeaderValue::from_str(id).ok().map(|id| (REQUEST_ID, id)));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn only_a_whole_traceparent_is_passed_on() {
        let of = |value| {
            accepted(&HeaderMap::from_iter([(
                HeaderName::from_static(TRACEPARENT),
                HeaderValue::from_static(value),
            )]))
        };

        assert_eq!(of(VALID).as_deref(), Some(VALID));
        assert_eq!(trace_id(VALID), "4bf92f3577b34da6a3ce929d0e0e4736");
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
