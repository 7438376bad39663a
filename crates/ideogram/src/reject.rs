use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;

/// Why the provider refused before running anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectKind {
    /// 400: the request breaks the schema or its rules.
    BadRequest,
    /// 401: bad key; also seen while the account's keys are paused for lack of funds.
    Unauthorized,
    /// 403: the account may not do this, or not with what the request names.
    Forbidden,
    /// The account has not the feature that the request is for; others may be served.
    FeatureLimit,
    /// 404: no such path, model or generation, or another organization's.
    NotFound,
    /// 413: the upload is too large.
    TooLarge,
    /// 422: the prompt or an input image failed the safety check.
    Unsafe,
    /// 429: the account has all its places taken.
    InflightLimit {
        /// How many places the account has, if the answer says so.
        max: Option<u32>,
    },
    /// 429: too many requests.
    RateLimited {
        /// How long to wait, if the answer says so.
        retry_after: Option<Duration>,
    },
    /// 402: no credits left.
    InsufficientFunds,
    /// The account needs a subscription first.
    SubscriptionRequired,
    /// The account has spent what it may spend in a day.
    DailyLimit,
    /// Another status by which HTTP says that nothing was done.
    Other,
}

impl RejectKind {
    /// Whether the account is to blame rather than the request, so that it may be repeated
    /// unchanged once the account is well.
    #[must_use]
    pub const fn is_of_account(self) -> bool {
        match self {
            Self::Unauthorized
            | Self::InflightLimit { .. }
            | Self::RateLimited { .. }
            | Self::InsufficientFunds
            | Self::SubscriptionRequired
            | Self::DailyLimit => true,
            Self::BadRequest
            | Self::Forbidden
            | Self::FeatureLimit
            | Self::NotFound
            | Self::TooLarge
            | Self::Unsafe
            | Self::Other => false,
        }
    }
}

/// What a status and its body say, if the status says that nothing was run.
///
/// The provider documents 400, 401, 402, 403, 404, 413, 422 and 429 as rejected before running and
/// not billed; 405, 406, 411, 414, 415, 417 and 431 mean by RFC 9110 and 6585 that the server would
/// not process the request. Every other status, 408 and 409 among them, leaves that open.
pub(crate) fn kind(
    status: StatusCode,
    body: &Value,
    retry_after: Option<Duration>,
) -> Option<RejectKind> {
    let reason = body.get("reject_reason").and_then(Value::as_str);
    let max = body.get("max_inflight_requests").and_then(Value::as_u64);
    let told = match reason {
        Some("insufficient_funds" | "priority_credit_required") => {
            Some(RejectKind::InsufficientFunds)
        }
        Some("subscription_required") => Some(RejectKind::SubscriptionRequired),
        Some("daily_limit") => Some(RejectKind::DailyLimit),
        Some("feature_limit") => Some(RejectKind::FeatureLimit),
        _ => None,
    };
    Some(match status.as_u16() {
        400 => RejectKind::BadRequest,
        401 => RejectKind::Unauthorized,
        402 => told.unwrap_or(RejectKind::InsufficientFunds),
        403 => told.unwrap_or(RejectKind::Forbidden),
        404 => RejectKind::NotFound,
        413 => RejectKind::TooLarge,
        422 => RejectKind::Unsafe,
        429 if reason == Some("inflight_limit") || max.is_some() => RejectKind::InflightLimit {
            max: max.and_then(|max| u32::try_from(max).ok()),
        },
        429 => told.unwrap_or(RejectKind::RateLimited { retry_after }),
        405 | 406 | 411 | 414 | 415 | 417 | 431 => RejectKind::Other,
        _ => return None,
    })
}

/// The sentence of an error body, if it has one of the three known shapes.
///
/// `error` is of the provider's own checks, `detail` and `title` of a problem document (RFC 9457),
/// `message` of the gate in front of both.
pub(crate) fn sentence(body: &Value) -> Option<&str> {
    ["error", "detail", "title", "message"]
        .into_iter()
        .filter_map(|field| body.get(field).and_then(Value::as_str))
        .find(|text| !text.trim().is_empty())
}
