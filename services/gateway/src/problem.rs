//! The only place where an error becomes a response (RFC 9457). Causes are logged, never sent.

use std::time::Duration;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::{Billed, Code, Invalid};
use serde::Serialize;
use tracing::{error, warn};

const BUSY: Duration = Duration::from_secs(5);

/// A request that is not answered with what it asked for.
#[derive(Debug)]
pub(crate) struct Problem {
    code: Code,
    detail: String,
    field: Option<String>,
    billed: Billed,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The body: RFC 9457 §3, and our own members.
#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    retryable: bool,
    billed: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            field: None,
            // Most of what is refused here never reached the provider.
            billed: Billed::No,
            headers: Vec::new(),
        }
    }

    /// There is no such thing, or it is somebody else's: nobody learns which.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    /// We cannot serve it now; `detail` says what became of the request.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self::new(Code::Overloaded, detail).with(RETRY_AFTER, HeaderValue::from(BUSY.as_secs()))
    }

    pub(crate) fn unauthorized(detail: &'static str) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"darkroom\"");
        Self::new(Code::Unauthorized, detail).with(WWW_AUTHENTICATE, challenge)
    }

    /// It is about something that was sent to the provider before.
    #[must_use]
    pub(crate) const fn billed(mut self, billed: Billed) -> Self {
        self.billed = billed;
        self
    }

    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn internal(err: &(dyn std::error::Error + 'static)) -> Self {
        error!(error = err, "request failed");
        Self::new(
            Code::Internal,
            "something of ours broke; the log has the cause",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = Body {
            r#type: format!("/v1/errors#{}", self.code),
            title: self.code.meaning(),
            status: status.as_u16(),
            detail: &self.detail,
            code: self.code.as_str(),
            retryable: self.code.is_retryable(),
            billed: self.billed.as_str(),
            field: self.field.as_deref(),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.extend(self.headers);
        response
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let detail = invalid.to_string();
        let field = Some(invalid.field).filter(|field| field != "body");
        Self {
            field,
            ..Self::new(invalid.code, detail)
        }
    }
}

impl From<bus::Error> for Problem {
    fn from(err: bus::Error) -> Self {
        match &err {
            bus::Error::Full { .. } => Self::busy("the queue is full; nothing was accepted"),
            bus::Error::Publish { .. } => {
                warn!(
                    error = &err as &dyn std::error::Error,
                    "request not confirmed"
                );
                Self::busy(
                    "the queue did not confirm the request; it is safe to repeat it with the same \
                     customId or Idempotency-Key",
                )
            }
            bus::Error::Read { .. } => {
                warn!(error = &err as &dyn std::error::Error, "ledger not read");
                Self::busy("what was asked for cannot be read at the moment; try again")
            }
            bus::Error::Refused {
                status: 404 | 503, ..
            } => Self::busy("whoever decides that is changing hands; try again"),
            bus::Error::Unanswered { .. } => {
                warn!(
                    error = &err as &dyn std::error::Error,
                    "question not answered"
                );
                Self::busy("whoever answers this does not at the moment; asking again does no harm")
            }
            _ => Self::internal(&err),
        }
    }
}

impl From<storage::Error> for Problem {
    fn from(err: storage::Error) -> Self {
        if err.is_permanent() {
            return Self::internal(&err);
        }
        warn!(error = &err as &dyn std::error::Error, "object not read");
        Self::busy("the object store does not answer; try again")
    }
}

impl From<wire::DecodeError> for Problem {
    fn from(err: wire::DecodeError) -> Self {
        Self::internal(&err)
    }
}
