//! The provider's three shapes of error bodies, and what every answer carries.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::keys::random_id;

/// Why a request is refused, in the shape that the provider uses for it.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// A problem document: faults of the schema, unknown paths.
    Problem { status: StatusCode, detail: String },
    /// `{"error": …}`: faults of meaning, funds, limits, safety.
    Semantic {
        status: StatusCode,
        error: String,
        reject_reason: Option<String>,
        max_in_flight: Option<u32>,
        /// Sent as `Retry-After`.
        retry_after_s: Option<u64>,
    },
    /// `{"message": …}`: keys and accounts.
    Account {
        status: StatusCode,
        message: &'static str,
    },
    /// An edge that answers for the service.
    Empty(StatusCode),
}

impl Refusal {
    /// A schema fault: `detail` is the message and the field, as the provider writes it.
    pub(crate) fn schema(message: impl std::fmt::Display, field: &str) -> Self {
        Self::problem(StatusCode::BAD_REQUEST, format!("{message} - '{field}'"))
    }

    pub(crate) fn problem(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::Problem {
            status,
            detail: detail.into(),
        }
    }

    pub(crate) fn semantic(status: StatusCode, error: impl Into<String>) -> Self {
        Self::Semantic {
            status,
            error: error.into(),
            reject_reason: None,
            max_in_flight: None,
            retry_after_s: None,
        }
    }

    pub(crate) fn invalid(error: impl Into<String>) -> Self {
        Self::semantic(StatusCode::BAD_REQUEST, error)
    }

    pub(crate) fn bad_key() -> Self {
        Self::Account {
            status: StatusCode::UNAUTHORIZED,
            message: "Access denied. Please verify your API Token is valid.",
        }
    }

    pub(crate) fn unauthorized_account() -> Self {
        Self::Account {
            status: StatusCode::FORBIDDEN,
            message: "This account is not authorized for this operation.",
        }
    }

    pub(crate) fn funds() -> Self {
        Self::Semantic {
            status: StatusCode::PAYMENT_REQUIRED,
            error: "Add a payment method and credits to use this API key.".to_owned(),
            reject_reason: Some("insufficient_funds".to_owned()),
            max_in_flight: None,
            retry_after_s: None,
        }
    }

    pub(crate) fn in_flight(limit: u32) -> Self {
        Self::Semantic {
            status: StatusCode::TOO_MANY_REQUESTS,
            error: "Too many generations in progress. Wait for some to finish.".to_owned(),
            reject_reason: Some("inflight_limit".to_owned()),
            max_in_flight: Some(limit),
            retry_after_s: None,
        }
    }

    pub(crate) fn polled_too_often(retry_after_s: u64) -> Self {
        Self::Semantic {
            status: StatusCode::TOO_MANY_REQUESTS,
            error: "Too many requests. Poll less often.".to_owned(),
            reject_reason: None,
            max_in_flight: None,
            retry_after_s: Some(retry_after_s),
        }
    }

    pub(crate) fn unsafe_prompt() -> Self {
        Self::semantic(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Prompt failed the safety check.",
        )
    }

    pub(crate) fn unknown_path() -> Self {
        Self::problem(
            StatusCode::NOT_FOUND,
            "The requested URL was not found on the server.",
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Problem { status, detail } => problem(status, &detail),
            Self::Semantic {
                status,
                error,
                reject_reason,
                max_in_flight,
                retry_after_s,
            } => {
                let mut body = json!({ "error": error });
                if let Some(reason) = reject_reason {
                    body["reject_reason"] = Value::from(reason);
                }
                if let Some(limit) = max_in_flight {
                    body["max_inflight_requests"] = Value::from(limit);
                }
                let mut response = (status, Json(body)).into_response();
                if let Some(seconds) = retry_after_s {
                    let headers = response.headers_mut();
                    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                response
            }
            Self::Account { status, message } => {
                (status, Json(json!({ "message": message }))).into_response()
            }
            Self::Empty(status) => status.into_response(),
        }
    }
}

fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "detail": detail,
        "status": status.as_u16(),
    });
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    response
}

/// Marks an answer as the simulator's, and gives it a request id as the provider does.
pub(crate) async fn stamp(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert("x-darkroom-simulator", HeaderValue::from_static("1"));
    if let Ok(id) = HeaderValue::from_str(&random_id()) {
        headers.insert("x-request-id", id);
    }
    response
}
