//! A paid submission, from its bytes to its answer.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::answer::Refusal;
use crate::clock::later;
use crate::connection::Cut;
use crate::fault::{FaultKind, status_answer};
use crate::fields::Fields;
use crate::job::{Job, JobStatus};
use crate::order::{Model, Order};
use crate::world::World;
use crate::{legacy, multipart, poll, v1, v2, webhook};

const MAX_JSON: usize = 1 << 20;
const MAX_MULTIPART: usize = 25 << 20;

/// A call that passed every check.
enum Accepted {
    Quote(Box<Order>),
    Job(Arc<Job>),
}

/// Whether `path` is a paid submission.
pub(crate) fn is_submission(path: &str) -> bool {
    path == legacy::ROUTE || path == v1::ROUTE || v2::ROUTES.iter().any(|(route, _)| *route == path)
}

/// Handles every generate route.
pub(crate) async fn submit(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    let path = request.uri().path().to_owned();
    match accept(&world, &path, request).await {
        Ok(Accepted::Quote(order)) => Json(quote(&order)).into_response(),
        Ok(Accepted::Job(job)) => answer(&world, &path, &job, cut).await,
        Err(refusal) => {
            let response = refusal.into_response();
            *world
                .desk()
                .totals
                .refused
                .entry(response.status().as_u16())
                .or_default() += 1;
            response
        }
    }
}

async fn accept(world: &Arc<World>, path: &str, request: Request) -> Result<Accepted, Refusal> {
    let (parts, body) = request.into_parts();
    world.authorize(&parts.headers)?;
    let fields = read(path, &parts.headers, body).await?;
    let order = order(path, Fields(&fields), world.config.allow_loopback_webhooks)?;
    if path.starts_with("/v2/") && wants_quote(&parts.uri)? {
        return Ok(Accepted::Quote(Box::new(order)));
    }
    let now = world.clock.now();
    let job = world.desk().admit(order, &world.config, now)?;
    world.journal.append(&job);
    webhook::send_when_done(world, &job);
    Ok(Accepted::Job(job))
}

/// Reads the body as an object: JSON everywhere, multipart where the provider takes it.
async fn read(path: &str, headers: &HeaderMap, body: Body) -> Result<Map<String, Value>, Refusal> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let boundary = multipart::boundary(content_type).filter(|_| takes_multipart(path));
    let limit = if boundary.is_some() {
        MAX_MULTIPART
    } else {
        MAX_JSON
    };
    if boundary.is_none() && !content_type.starts_with("application/json") {
        return Err(Refusal::problem(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("Invalid Content-type ({content_type}), expected JSON data"),
        ));
    }
    let bytes = to_bytes(body, limit).await.map_err(|_| {
        Refusal::problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body is larger than {limit} bytes."),
        )
    })?;
    if let Some(boundary) = boundary {
        return multipart::fields(&bytes, boundary);
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Refusal::problem(
            StatusCode::BAD_REQUEST,
            "The body is not of type 'object'",
        )),
        Err(_) => Err(Refusal::problem(
            StatusCode::BAD_REQUEST,
            "Request body is not valid JSON",
        )),
    }
}

fn takes_multipart(path: &str) -> bool {
    path == v1::ROUTE || path.ends_with("/ideogram-3") || path.ends_with("/ideogram-4-5")
}

fn order(path: &str, fields: Fields<'_>, allow_loopback: bool) -> Result<Order, Refusal> {
    if path == legacy::ROUTE {
        return legacy::order(fields);
    }
    if path == v1::ROUTE {
        return v1::order(fields);
    }
    match v2::ROUTES.iter().find(|(route, _)| *route == path) {
        Some((route, model)) => v2::order(route, *model, fields, allow_loopback),
        None => Err(Refusal::unknown_path()),
    }
}

fn wants_quote(uri: &Uri) -> Result<bool, Refusal> {
    let Ok(Query(query)) = Query::<std::collections::HashMap<String, String>>::try_from_uri(uri)
    else {
        return Err(Refusal::problem(
            StatusCode::BAD_REQUEST,
            "The query cannot be read",
        ));
    };
    match query
        .get("dry_run")
        .map(|value| value.to_ascii_lowercase())
        .as_deref()
    {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(other) => Err(Refusal::schema(
            format_args!("'{other}' is not of type 'boolean'"),
            "dry_run",
        )),
    }
}

fn quote(order: &Order) -> Value {
    let model = order.route.rsplit('/').next().unwrap_or_default();
    json!({
        "object": "price_quote",
        "billing_identifier": format!("{model}/{}", order.tier),
        "quantity": order.images,
        "usd_micros": order.usd_micros(),
        "credit_millis": 0,
        "qualifier": "exact",
    })
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
            return status_answer(status, reject_reason, world.config.max_in_flight)
                .into_response();
        }
        Some(FaultKind::ResetAfterAccept) => return cut.now().await,
        Some(_) => return std::future::pending().await,
        None => {}
    }
    if job.order.run_async {
        return poll::shaped(world, path, submitted(job));
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

fn submitted(job: &Job) -> Value {
    let mut body = json!({ "generation_id": job.id.to_string(), "seed": job.seed });
    if job.order.model == Model::V45 {
        body["generation_kind"] = Value::from("sampling");
    }
    body
}

fn finished(world: &World, job: &Job) -> Value {
    let mut items = world.items(job);
    if job.order.route.starts_with("/v2/") {
        let mut body = submitted(job);
        body["data"] = Value::from(items);
        return body;
    }
    for item in &mut items {
        item["style_type"] = Value::from(job.order.style_type.clone());
    }
    let mut body = json!({ "created": job.created.to_string(), "data": items });
    if job.order.route == legacy::ROUTE {
        body["request_id"] = Value::from(job.id.to_string());
    }
    body
}
