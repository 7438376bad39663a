//! `POST /v1/generations/{id}/retry`: a new request for what came to nothing.

pub(crate) mod request;

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use domain::{Billed, Code, Generation, GenerationId, Job, Status};
use jiff::Timestamp;
use serde::Deserialize;
use wire::{Encoding, ask};

use crate::api::App;
use crate::body;
use crate::caller::Caller;
use crate::create::{self, Placing};
use crate::find;
use crate::problem::Problem;
use crate::read::{Named, named, none};
use crate::resource;

/// What the requester has understood.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Consent {
    accept_double_billing: bool,
}

/// A generation is tried again once, however often that is asked for: whoever clicks twice does not
/// buy twice. What fails again is retried by its own id.
pub(crate) async fn retry(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    id: Named,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let id = named(id)?;
    let consent: Consent = body::json(&headers, body).await?;
    let found = find::find(&app, &caller.tenant, id).await?;
    let generation = found.ok_or_else(none)?.generation;
    let again = GenerationId::of_key(&caller.tenant, &format!("retry:{id}"));
    if let Some(found) = find::find(&app, &caller.tenant, again).await? {
        return Ok(create::replay(&app, &headers, found).await);
    }
    let job = retryable(&generation, &consent)?;

    // Events do not tell where to call back; the first entry of the ledger does.
    let accepted = app.bus.ledger().accepted(id).await?;
    let callback_url = accepted.and_then(|accepted| accepted.callback_url);
    if job.callback && callback_url.is_none() {
        let detail = "where to call back is no longer known; send it as a new request with retryOf";
        return Err(conflict(&generation, detail));
    }
    let request = request::of(job, callback_url.as_ref(), Timestamp::now());
    let body = Bytes::from(ask::write(&request));
    let placing = Placing {
        id: again,
        named: true,
        order: app.order(&caller, Encoding::Protobuf, &body)?,
        encoding: Encoding::Protobuf,
        body,
    };
    create::place(&app, &caller, &headers, placing).await
}

/// What is to be asked for again, if it may be.
fn retryable<'a>(generation: &'a Generation, consent: &Consent) -> Result<&'a Job, Problem> {
    let status = generation.status;
    if !matches!(status, Status::Failed | Status::Unknown) {
        let detail = format!("it is {status}; only what is failed or unknown can be tried again");
        return Err(conflict(generation, detail));
    }
    let Some(job) = &generation.job else {
        let detail = "it was refused before it became a job; send a new request that is put right";
        return Err(conflict(generation, detail));
    };
    let is_risky = resource::billed(generation) == Billed::Unknown;
    if is_risky && !consent.accept_double_billing {
        let detail = format!(
            "nobody can tell whether the provider has billed it, so up to {} may be paid a second \
             time; wait until that is resolved, or send {{\"acceptDoubleBilling\": true}}",
            generation.cost.reserved
        );
        return Err(conflict(generation, detail));
    }
    Ok(job)
}

fn conflict(generation: &Generation, detail: impl Into<String>) -> Problem {
    Problem::new(Code::Conflict, detail).billed(resource::billed(generation))
}
