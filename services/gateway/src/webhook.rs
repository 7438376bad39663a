//! `POST /webhooks/ideogram/{attempt}`: the provider says by itself that an attempt is done. It is
//! believed no further than that: whoever made the attempt asks what came of it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use domain::{Announced, Code, GenerationId};
use ideogram::webhook::Unverified;
use jiff::Timestamp;
use serde::Serialize;
use tokio::time;
use tracing::{info, warn};

use crate::api::App;
use crate::body;
use crate::problem::Problem;
use crate::signers::Rejected;

const MAX_TOKEN: usize = 64;
/// The provider does not wait for ever either, and sends it again.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the sender of a webhook is told once it is safe with us.
#[derive(Debug, Serialize)]
pub(crate) struct Receipt {
    received: bool,
}

impl Receipt {
    pub(crate) const fn received() -> Json<Self> {
        Json(Self { received: true })
    }
}

pub(crate) async fn announced(
    State(app): State<Arc<App>>,
    attempt: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Receipt>, Problem> {
    let none = || Problem::not_found("there is no such attempt");
    let Path(attempt) = attempt.map_err(|_| none())?;
    let (id, token) = parse(&attempt).ok_or_else(none)?;
    let body = body::read(&headers, body).await?;
    let notice = app
        .signers
        .verify(&headers, &body)
        .await
        .map_err(rejected)?;

    info!(generation = %id, provider_id = notice.provider_id, "the provider announces an attempt");
    let announced = Announced {
        id,
        token: token.to_owned(),
        provider_id: notice.provider_id,
        at: Timestamp::now(),
    };
    let stored = time::timeout(PATIENCE, app.bus.announce_attempt(announced)).await;
    match stored {
        Ok(Ok(())) => Ok(Receipt::received()),
        Ok(Err(err)) => {
            let error = &err as &dyn std::error::Error;
            warn!(error, "announcement not stored");
            Err(unstored())
        }
        Err(_) => Err(unstored()),
    }
}

/// The generation and the token of an attempt, which is named by both with a hyphen between.
fn parse(attempt: &str) -> Option<(GenerationId, &str)> {
    let (id, token) = attempt.split_once('-')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let fits = (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(plain);
    Some((id.parse().ok()?, token)).filter(|_| fits)
}

fn unstored() -> Problem {
    Problem::busy("the announcement could not be stored; send it again")
}

fn rejected(why: Rejected) -> Problem {
    match why {
        Rejected::NoKeys => {
            Problem::busy("the keys that would verify it cannot be fetched; send it again")
        }
        Rejected::Unverified(why @ Unverified::Body) => {
            Problem::new(Code::InvalidBody, why.to_string())
        }
        Rejected::Unverified(why) => Problem::new(Code::Unauthorized, why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_a_generation_and_a_token() {
        let id = GenerationId::generate();
        let good = format!("{id}-0123abcd");
        assert_eq!(parse(&good), Some((id, "0123abcd")));

        let long = format!("{id}-{}", "x".repeat(65));
        for bad in ["", "-", "gen_-x", &id.to_string(), &format!("{id}-"), &long] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        for bad in [">", "a.b", "a b", "é"] {
            assert_eq!(parse(&format!("{id}-{bad}")), None, "{bad}");
        }
    }
}
