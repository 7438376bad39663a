//! `GET /v2/generations/{id}`, and the faults that spoil a body.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::fault::FaultKind;
use crate::job::{Job, JobId, JobStatus};
use crate::shape::typed_items;
use crate::world::World;

/// Handles a poll.
pub(crate) async fn poll(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    world.authorize(&headers)?;
    let now = world.clock.now();
    world.desk().poll(world.config.poll_limit, now)?;
    let Some(id) = JobId::parse(&id) else {
        return Err(Refusal::schema(
            format_args!("'{id}' is not a generation id"),
            "generation_id",
        ));
    };
    let Some(job) = world.desk().job(id) else {
        return Err(Refusal::semantic(
            StatusCode::NOT_FOUND,
            "Generation not found.",
        ));
    };
    let status = job.status(now);
    Ok(shaped(&world, uri.path(), resource(&world, &job, status)))
}

fn resource(world: &World, job: &Job, status: JobStatus) -> Value {
    let mut body = json!({
        "generation_id": job.id.to_string(),
        "status": status,
        "created": job.created.to_string(),
    });
    match status {
        JobStatus::Pending => {}
        JobStatus::Failed => {
            body["failure_reason"] = Value::from("The generation could not be completed.")
        }
        JobStatus::Completed => {
            body["response_type"] = Value::from("url");
            body["usage_cost_usd_micros"] = Value::from(job.usd_micros());
            body["data"] = Value::from(typed_items(world, job));
        }
    }
    body
}

/// The body as JSON, unless a fault spoils it.
pub(crate) fn shaped(world: &World, path: &str, mut body: Value) -> Response {
    match world.faults.take(path, |fault| fault.kind.changes(&body)) {
        Some(FaultKind::TruncatedJson) => {
            let text = body.to_string();
            let half: String = text.chars().take(text.chars().count() / 2).collect();
            return ([(header::CONTENT_TYPE, "application/json")], half).into_response();
        }
        Some(FaultKind::HtmlBody) => {
            let page = "<html><body><h1>Just a moment</h1></body></html>";
            return ([(header::CONTENT_TYPE, "text/html")], page).into_response();
        }
        Some(FaultKind::EmptyBody) => return StatusCode::OK.into_response(),
        Some(FaultKind::EmptyData) => body["data"] = Value::Array(Vec::new()),
        Some(FaultKind::MissingObjectType) => each_item(&mut body, |item| {
            item.remove("object_type");
        }),
        Some(FaultKind::ExtraFields) => {
            body["undocumented"] = json!({ "depth": [1, 2, 3] });
            each_item(&mut body, |item| {
                item.insert("undocumented".to_owned(), Value::Null);
            });
        }
        _ => {}
    }
    Json(body).into_response()
}

fn each_item(body: &mut Value, change: impl Fn(&mut serde_json::Map<String, Value>)) {
    let items = body.get_mut("data").and_then(Value::as_array_mut);
    items
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
        .for_each(change);
}
