//! A paid submission, from its bytes to its answer.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::body::Body;
use crate::catalogue::{self, Route};
use crate::clock::later;
use crate::connection::Cut;
use crate::fault::{FaultKind, status_answer};
use crate::inputs::Inputs;
use crate::job::{Job, JobStatus};
use crate::order::{Caller, Order};
use crate::schema::Asked;
use crate::shape::{finished, submitted};
use crate::world::{World, key_id};
use crate::{poll, webhook};

/// A call that passed every check.
enum Accepted {
    Quote(Value),
    Job(Arc<Job>),
}

/// Handles every route of the catalogue.
pub(crate) async fn submit(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    let path = request.uri().path().to_owned();
    let accepted = match catalogue::find(&path) {
        Some(route) => accept(&world, route, request).await,
        None => Err(Refusal::unknown_path()),
    };
    match accepted {
        Ok(Accepted::Quote(quote)) => Json(quote).into_response(),
        Ok(Accepted::Job(job)) => answer(&world, &path, &job, cut).await,
        Err(refusal) => {
            let response = refusal.into_response();
            let status = response.status().as_u16();
            *world.desk().totals.refused.entry(status).or_default() += 1;
            response
        }
    }
}

async fn accept(
    world: &Arc<World>,
    route: &'static Route,
    request: Request,
) -> Result<Accepted, Refusal> {
    let (parts, body) = request.into_parts();
    world.authorize(&parts.headers)?;
    let body = Body::read(route, &parts.headers, body).await?;
    let route = route.for_body(|name| body.has(name));
    let asked = Asked::read(route, body)?;
    let inputs = Inputs::open(world, route, &asked).await?;
    let caller = Caller {
        api_key: key_id(&parts.headers),
        may_use_loopback: world.config.allow_loopback_webhooks,
    };
    let order = Order::of(route, &asked, &inputs, caller)?;
    if route.dry_run && wants_quote(&parts.uri)? {
        return Ok(Accepted::Quote(quote(route, &order)));
    }
    keep(world, &inputs).await?;
    let now = world.clock.now();
    let job = world.desk().admit(order, &world.config, now)?;
    world.journal.append(&job);
    webhook::send_when_done(world, &job);
    Ok(Accepted::Job(job))
}

/// Keeps what the pictures will be drawn from, before there is a job that needs it.
async fn keep(world: &World, inputs: &Inputs) -> Result<(), Refusal> {
    for source in inputs.kept() {
        if let Err(err) = world.sources.put(source.digest, &source.bytes).await {
            tracing::error!(
                error = &err as &dyn std::error::Error,
                "cannot keep a source image"
            );
            return Err(Refusal::Empty(StatusCode::INTERNAL_SERVER_ERROR));
        }
    }
    Ok(())
}

fn wants_quote(uri: &Uri) -> Result<bool, Refusal> {
    let Ok(Query(query)) = Query::<HashMap<String, String>>::try_from_uri(uri) else {
        return Err(Refusal::problem(
            StatusCode::BAD_REQUEST,
            "The query cannot be read",
        ));
    };
    let dry_run = query.get("dry_run").map(|value| value.to_ascii_lowercase());
    match dry_run.as_deref() {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(other) => Err(Refusal::schema(
            format_args!("'{other}' is not of type 'boolean'"),
            "dry_run",
        )),
    }
}

fn quote(route: &Route, order: &Order) -> Value {
    let model = route.path.rsplit('/').next().unwrap_or_default();
    let mut quote = json!({
        "object": "price_quote",
        "billing_identifier": format!("{model}/{}", order.tier),
        "quantity": order.images,
        "usd_micros": order.usd_micros(),
        "credit_millis": 0,
        "qualifier": if route.estimate { "estimate" } else { "exact" },
    });
    if route.estimate {
        quote["upper_bound_usd_micros"] = Value::from(order.usd_micros());
    }
    quote
}

/// Answers an accepted job. Nothing here can stop it: the caller may go away at any time.
async fn answer(world: &Arc<World>, path: &str, job: &Arc<Job>, cut: Cut) -> Response {
    match world
        .faults
        .take(path, |fault| fault.kind.is_after_accept())
    {
        Some(FaultKind::Status {
            status,
            reject_reason,
            ..
        }) => {
            let limit = world.desk().settings.max_in_flight;
            return status_answer(status, reject_reason, limit).into_response();
        }
        Some(FaultKind::ResetAfterAccept) => return cut.now().await,
        Some(_) => return std::future::pending().await,
        None => {}
    }
    if job.order.run_async {
        return poll::shaped(world, path, submitted(world, job));
    }
    let limit = later(job.created, world.config.sync_limit);
    world.clock.sleep_until(job.ends.min(limit)).await;
    match job.status(world.clock.now()) {
        JobStatus::Pending => Refusal::Empty(StatusCode::SERVICE_UNAVAILABLE).into_response(),
        JobStatus::Failed => {
            Refusal::semantic(StatusCode::INTERNAL_SERVER_ERROR, "The generation failed.")
                .into_response()
        }
        JobStatus::Completed => poll::shaped(world, path, finished(world, job)),
    }
}
