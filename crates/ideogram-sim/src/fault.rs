//! What can be made to go wrong while the simulator runs.

use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::answer::Refusal;

/// A fault that strikes until its count is used up or it is cleared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// How many times. `None`: until cleared.
    #[serde(default)]
    pub count: Option<u32>,
    /// Only paths that contain this text. Without it, faults of the call strike paid submissions
    /// only; faults of the body strike submissions and polls. The path of a webhook's fault is that
    /// of the submission.
    #[serde(default)]
    pub route: Option<String>,
}

/// What goes wrong. In JSON: `{"kind": "status", "status": 503}`, `{"kind": "hang_after_accept"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// An answer with this status, in the provider's shape for it.
    Status {
        /// 400–599.
        status: u16,
        /// For example `subscription_required` with 402.
        #[serde(default)]
        reject_reason: Option<String>,
        /// Whether the job is accepted, runs and is billed all the same.
        #[serde(default)]
        after_accept: bool,
    },
    /// A 429 with as much or as little as the provider says.
    TooMany {
        /// How many images may be in progress; with it goes the reason `inflight_limit`.
        #[serde(default)]
        max_inflight_requests: Option<u32>,
        /// The header `Retry-After`, as a poll over the limit has it.
        #[serde(default)]
        retry_after_seconds: Option<u64>,
    },
    /// A 200 that holds an error and no job, as removing a background may answer.
    ErrorInside {
        /// The status that it should have had.
        status_code: u16,
    },
    /// No answer and no job.
    HangBeforeAccept,
    /// No answer, but the job runs and is billed.
    HangAfterAccept,
    /// A TCP reset and no job.
    ResetBeforeAccept,
    /// A TCP reset, but the job runs and is billed.
    ResetAfterAccept,
    /// The first half of the answer, with a matching length.
    TruncatedJson,
    /// An edge's page of HTML with status 200.
    HtmlBody,
    /// A 200 without a byte.
    EmptyBody,
    /// `data` is an empty array. Strikes only where there is data.
    EmptyData,
    /// Items of a poll without `object_type`. Strikes only where there is one.
    MissingObjectType,
    /// Fields that nobody has documented, at the top and in each item.
    ExtraFields,
    /// The webhook is never sent.
    WebhookDropped,
    /// The webhook is sent twice.
    WebhookDuplicated,
    /// The webhook comes so much later.
    WebhookDelayed {
        /// In seconds of the simulated clock.
        seconds: u32,
    },
    /// The picture trickles.
    SlowDownload {
        /// At least 1.
        bytes_per_second: u32,
    },
    /// The first half of the picture, with a matching length.
    TruncatedImage,
    /// The picture, called `text/html`.
    WrongContentType,
    /// The picture host answers with this status.
    DownloadStatus {
        /// 400–599.
        status: u16,
    },
}

impl Fault {
    /// Strikes `count` times.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    /// Strikes only paths that contain `route`.
    #[must_use]
    pub fn on(mut self, route: impl Into<String>) -> Self {
        self.route = Some(route.into());
        self
    }

    /// Why this fault cannot be set, if it cannot.
    pub(crate) fn objection(&self) -> Option<&'static str> {
        match self.kind {
            FaultKind::Status { status, .. } | FaultKind::DownloadStatus { status }
                if !(400..600).contains(&status) =>
            {
                Some("`status` must be between 400 and 599")
            }
            FaultKind::SlowDownload {
                bytes_per_second: 0,
            } => Some("`bytes_per_second` must be at least 1"),
            _ if self.count == Some(0) => Some("`count` must be at least 1, or absent"),
            _ => None,
        }
    }
}

impl From<FaultKind> for Fault {
    fn from(kind: FaultKind) -> Self {
        Self {
            kind,
            count: None,
            route: None,
        }
    }
}

impl FaultKind {
    pub(crate) fn is_before_accept(&self) -> bool {
        matches!(
            self,
            Self::Status {
                after_accept: false,
                ..
            } | Self::TooMany { .. }
                | Self::ErrorInside { .. }
                | Self::HangBeforeAccept
                | Self::ResetBeforeAccept
        )
    }

    pub(crate) fn is_after_accept(&self) -> bool {
        matches!(
            self,
            Self::Status {
                after_accept: true,
                ..
            } | Self::HangAfterAccept
                | Self::ResetAfterAccept
        )
    }

    /// Whether it changes a body such as this one.
    pub(crate) fn changes(&self, body: &serde_json::Value) -> bool {
        match self {
            Self::TruncatedJson | Self::HtmlBody | Self::EmptyBody | Self::ExtraFields => true,
            Self::EmptyData => body.get("data").is_some(),
            Self::MissingObjectType => body.pointer("/data/0/object_type").is_some(),
            _ => false,
        }
    }

    pub(crate) fn is_of_webhook(&self) -> bool {
        matches!(
            self,
            Self::WebhookDropped | Self::WebhookDuplicated | Self::WebhookDelayed { .. }
        )
    }

    pub(crate) fn is_of_download(&self) -> bool {
        matches!(
            self,
            Self::SlowDownload { .. }
                | Self::TruncatedImage
                | Self::WrongContentType
                | Self::DownloadStatus { .. }
        )
    }
}

/// The 429 of a fault.
pub(crate) fn too_many(max_in_flight: Option<u32>, retry_after_s: Option<u64>) -> Refusal {
    Refusal::Semantic {
        status: StatusCode::TOO_MANY_REQUESTS,
        error: "Too many requests.".to_owned(),
        reject_reason: max_in_flight.map(|_| "inflight_limit".to_owned()),
        max_in_flight,
        retry_after_s,
    }
}

/// The answer that a status fault gives.
pub(crate) fn status_answer(status: u16, reason: Option<String>, max_in_flight: u32) -> Refusal {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match (status.as_u16(), reason) {
        (401, _) => Refusal::bad_key(),
        (403, None) => Refusal::unauthorized_account(),
        (402, None) => Refusal::funds(),
        (429, None) => Refusal::in_flight(max_in_flight),
        (500.., _) => Refusal::Empty(status),
        (_, reject_reason) => Refusal::Semantic {
            status,
            error: "The request was refused.".to_owned(),
            reject_reason,
            max_in_flight: (status == StatusCode::TOO_MANY_REQUESTS).then_some(max_in_flight),
            retry_after_s: None,
        },
    }
}

/// The faults that are switched on, in the order in which they were set.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(fault);
    }

    pub(crate) fn replace(&self, faults: Vec<Fault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The first fault that strikes `path` and that `strikes` wants, one of its times used up.
    pub(crate) fn take(&self, path: &str, strikes: impl Fn(&Fault) -> bool) -> Option<FaultKind> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = |fault: &Fault| {
            fault
                .route
                .as_ref()
                .is_none_or(|route| path.contains(route.as_str()))
        };
        let position = faults
            .iter()
            .position(|fault| here(fault) && strikes(fault))?;
        let fault = &mut faults[position];
        let kind = fault.kind.clone();
        if let Some(count) = &mut fault.count {
            *count = count.saturating_sub(1);
            if *count == 0 {
                faults.remove(position);
            }
        }
        Some(kind)
    }
}
