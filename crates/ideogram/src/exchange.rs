//! One request, one bounded answer, and what is known if there is none.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tracing::{debug, info};

use crate::key::Key;
use crate::{Action, Error, reject};

/// The simulator puts it on every answer, so that nobody takes its images for paid ones.
const SIMULATED: &str = "x-darkroom-simulator";
const REQUEST_ID: &str = "x-request-id";
/// Of an answer: eight images with long prompts take a tenth of it.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// An answer that began; whether all of it came is for its reader to mind.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) simulated: bool,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
    /// Why the body is not whole.
    pub(crate) cut: Option<Cut>,
}

/// Where a body ended too early.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) reason: &'static str,
    pub(crate) source: Option<reqwest::Error>,
}

impl Reply {
    /// The body as JSON, or null if it is none or not whole.
    pub(crate) fn json(&self) -> Value {
        if self.cut.is_some() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The refusal, if the status says that nothing was run.
    pub(crate) fn rejection(&self, action: Action, key: &Key) -> Option<Error> {
        if self.status.is_success() {
            return None;
        }
        let body = self.json();
        let kind = reject::kind(self.status, &body, self.retry_after)?;
        let said = reject::sentence(&body).map_or(self.body.as_slice(), str::as_bytes);
        let mut message = key.excerpt(said);
        if message.trim().is_empty() {
            message = self
                .status
                .canonical_reason()
                .unwrap_or("no reason given")
                .to_owned();
        }
        Some(Error::Rejected {
            action,
            status: self.status.as_u16(),
            kind,
            message,
        })
    }
}

/// Sends `request` and reads the answer. An error means that no answer began.
pub(crate) async fn exchange(request: RequestBuilder) -> Result<Reply, reqwest::Error> {
    let mut response = request.send().await.map_err(reqwest::Error::without_url)?;
    let headers = response.headers();
    let mut reply = Reply {
        status: response.status(),
        simulated: headers.contains_key(SIMULATED),
        retry_after: retry_after(headers),
        body: Vec::new(),
        cut: None,
    };
    note(reply.status, headers);
    reply.cut = read(&mut response, &mut reply.body).await.err();
    Ok(reply)
}

/// The provider's people find a call by its `x-request-id`, so one that went wrong must not pass
/// without it.
fn note(status: StatusCode, headers: &HeaderMap) {
    let request_id = headers
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default();
    let status = status.as_u16();
    if (200..300).contains(&status) {
        debug!(
            provider.status = status,
            provider.request_id = request_id,
            "provider answered"
        );
    } else {
        info!(
            provider.status = status,
            provider.request_id = request_id,
            "provider refused"
        );
    }
}

async fn read(response: &mut Response, body: &mut Vec<u8>) -> Result<(), Cut> {
    let broken = |err: reqwest::Error| Cut {
        reason: if err.is_timeout() {
            "its answer took too long"
        } else {
            "its answer broke off"
        },
        source: Some(err.without_url()),
    };
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(Cut {
                reason: "its answer is larger than 4 MiB",
                source: None,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(())
}

/// Only seconds are documented; a date is taken for no answer.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}
