//! The admin routes, which the real provider does not have.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::answer::Refusal;
use crate::desk::{Charge, Snapshot};
use crate::fault::Fault;
use crate::settings::Settings;
use crate::world::World;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    seconds: u32,
}

pub(crate) async fn bill(State(world): State<Arc<World>>) -> Json<Vec<Charge>> {
    let now = world.clock.now();
    Json(world.desk().bill(now))
}

pub(crate) async fn state(State(world): State<Arc<World>>) -> Json<Snapshot> {
    let now = world.clock.now();
    Json(world.desk().snapshot(now))
}

pub(crate) async fn faults(State(world): State<Arc<World>>) -> Json<Vec<Fault>> {
    Json(world.faults.list())
}

pub(crate) async fn settings(State(world): State<Arc<World>>) -> Json<Settings> {
    Json(world.desk().settings)
}

/// Changes the settings that are named; the others stay.
pub(crate) async fn change_settings(
    State(world): State<Arc<World>>,
    body: Bytes,
) -> Result<Json<Settings>, Refusal> {
    const WANTED: &str = "some of the settings, such as {\"enforce_limit\": false}";
    let changes: Map<String, Value> = parse(&body, WANTED)?;
    let mut desk = world.desk();
    let Value::Object(mut settings) = json!(desk.settings) else {
        return Ok(Json(desk.settings));
    };
    settings.extend(changes);
    desk.settings = parse(Value::Object(settings).to_string().as_bytes(), WANTED)?;
    Ok(Json(desk.settings))
}

/// Replaces the faults.
pub(crate) async fn set_faults(
    State(world): State<Arc<World>>,
    body: Bytes,
) -> Result<Json<Vec<Fault>>, Refusal> {
    const WANTED: &str =
        "a fault such as {\"kind\": \"status\", \"status\": 503}, or a list of faults";
    let faults: Vec<Fault> = match parse(&body, WANTED)? {
        list @ Value::Array(_) => parse(list.to_string().as_bytes(), WANTED)?,
        one => vec![parse(one.to_string().as_bytes(), WANTED)?],
    };
    if let Some(objection) = faults.iter().find_map(Fault::objection) {
        return Err(Refusal::problem(StatusCode::BAD_REQUEST, objection));
    }
    world.faults.replace(faults);
    Ok(Json(world.faults.list()))
}

pub(crate) async fn clear_faults(State(world): State<Arc<World>>) -> StatusCode {
    world.faults.replace(Vec::new());
    StatusCode::NO_CONTENT
}

pub(crate) async fn advance(
    State(world): State<Arc<World>>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let Advance { seconds } = parse(&body, "{\"seconds\": 3600}")?;
    world.clock.advance(Duration::from_secs(seconds.into()));
    Ok(Json(json!({ "now": world.clock.now().to_string() })))
}

pub(crate) async fn rotate(State(world): State<Arc<World>>) -> Result<Json<Value>, Refusal> {
    let kid = world
        .keys
        .rotate()
        .map_err(|err| Refusal::problem(StatusCode::INTERNAL_SERVER_ERROR, err.to_string()))?;
    Ok(Json(json!({ "kid": kid })))
}

fn parse<T: DeserializeOwned>(body: &[u8], wanted: &str) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|err| {
        Refusal::problem(
            StatusCode::BAD_REQUEST,
            format!("the body must be {wanted}: {err}"),
        )
    })
}
