//! What is known about the money when a call was not answered, or not with an answer.

use reqwest::StatusCode;

use crate::exchange::Reply;
use crate::key::Key;
use crate::{Action, Error};

const NO_ANSWER: &str = "no answer came in time";
const UNREACHABLE: &str = "the provider cannot be reached";
const BROKEN: &str = "the connection broke before an answer came";

/// What is known when no answer began: without a connection nothing was sent.
pub(crate) fn lost(err: reqwest::Error) -> Error {
    if err.is_connect() || err.is_builder() {
        return Error::NotSent(err);
    }
    let reason = silence(&err);
    Error::Ambiguous {
        reason,
        status: None,
        excerpt: String::new(),
        source: Some(err),
    }
}

/// What is known when a paid call got an answer that is none.
pub(crate) fn ambiguous(reply: Reply, key: &Key) -> Error {
    let excerpt = key.excerpt(&reply.body);
    let status = Some(reply.status.as_u16());
    let (reason, source) = why(reply);
    Error::Ambiguous {
        reason,
        status,
        excerpt,
        source,
    }
}

/// What is known when a question got no answer.
pub(crate) fn unanswered(action: Action, err: reqwest::Error) -> Error {
    let reason = if err.is_connect() {
        UNREACHABLE
    } else {
        silence(&err)
    };
    Error::Unavailable {
        action,
        reason,
        status: None,
        retry_after: None,
        source: Some(err),
    }
}

/// What is known when a question got an answer that is none.
pub(crate) fn unreadable(action: Action, reply: Reply) -> Error {
    let (status, retry_after) = (Some(reply.status.as_u16()), reply.retry_after);
    let (reason, source) = why(reply);
    Error::Unavailable {
        action,
        reason,
        status,
        retry_after,
        source,
    }
}

fn silence(err: &reqwest::Error) -> &'static str {
    if err.is_timeout() { NO_ANSWER } else { BROKEN }
}

/// In words: what is wrong with an answer.
fn why(reply: Reply) -> (&'static str, Option<reqwest::Error>) {
    let status = reply.status;
    match reply.cut {
        Some(cut) => (cut.reason, cut.source),
        None if status == StatusCode::TOO_MANY_REQUESTS => ("it was asked too often", None),
        None if status.is_server_error() => ("the provider answered with a fault of its own", None),
        None if status.is_success() => ("its answer is of no known shape", None),
        None => ("the provider answered with an unexpected status", None),
    }
}
