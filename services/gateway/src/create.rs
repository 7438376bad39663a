//! `POST /v1/generations`, and `?plan=true` before it

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bus::NewRequest;
use bytes::Bytes;
use domain::{Code, GenerationId, Invalid};
use jiff::Timestamp;
use wire::Encoding;

use crate::api::App;
use crate::body;
use crate::caller::Caller;
use crate::find::{self, Found};
use crate::order::Order;
use crate::plan::Plan;
use crate::prefer;
use crate::problem::Problem;
use crate::query::Query;
use crate::resource::Resource;
use crate::waiting::Place;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY: usize = 255;
/// What curl says of whatever it is told to send with `-d`.
const FORM: &str = "application/x-www-form-urlencoded";

/// A request that was read, on its way to the door.
pub(crate) struct Placing {
    pub(crate) id: GenerationId,
    /// Whether the id follows from a name, so that it may be there already.
    pub(crate) named: bool,
    pub(crate) order: Order,
    pub(crate) encoding: Encoding,
    pub(crate) body: Bytes,
}

pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &["plan"])?;
    let is_plan = query.value("plan", "expected true or false")?;
    let encoding = encoding(&headers)?;
    let body = body::read(&headers, body).await?;
    let order = app.order(&caller, encoding, &body)?;
    let key = key(&headers, &order)?;
    if is_plan == Some(true) {
        return Ok(Plan::of(&order, &caller, &app).await?.into_response());
    }
    let placing = Placing {
        id: key.as_ref().map_or_else(GenerationId::generate, |key| {
            GenerationId::of_key(&caller.tenant, key)
        }),
        named: key.is_some(),
        order,
        encoding,
        body,
    };
    place(&app, &caller, &headers, placing).await
}

/// Puts a request in at the door, once, and answers with the generation that it will be, or that it
/// has become by the time that the client would have us wait.
pub(crate) async fn place(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    placing: Placing,
) -> Result<Response, Problem> {
    let id = placing.id;
    if placing.named
        && let Some(found) = find::find(app, &caller.tenant, id).await?
    {
        refuse_another(app, &found, &placing.order).await?;
        return Ok(replay(app, headers, found).await);
    }
    // Taken first, so that nothing that happens from here on goes unheard.
    let wait = wait(app, headers, id);
    let found = put(app, caller, placing).await?;
    Ok(answer(app, found, wait).await)
}

/// Answers with what was asked for before.
pub(crate) async fn replay(app: &App, headers: &HeaderMap, mut found: Found) -> Response {
    let wait = wait(app, headers, found.generation.id);
    if wait.is_some() && !found.is_final() {
        // What happened before the place was taken is not told again.
        found.refresh(app).await;
    }
    let mut response = answer(app, found, wait).await;
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn wait(app: &App, headers: &HeaderMap, id: GenerationId) -> Option<(Place, Duration)> {
    let limit = prefer::wait(headers)?;
    Some((app.waiting.place(id)?, limit))
}

async fn put(app: &App, caller: &Caller, placing: Placing) -> Result<Found, Problem> {
    let Placing {
        id,
        named,
        order,
        encoding,
        body,
    } = placing;
    let request = NewRequest {
        id,
        tenant: caller.tenant.clone(),
        api_key: caller.key.clone(),
        lane: order.request.lane,
        content_type: encoding.content_type(),
        body,
    };
    app.bus.request(request).await?;
    runtime::crash::point("gateway.after_request");
    if named && let Some(found) = find::latest(app, id).await? {
        // Of two requests with one key at once, one was stored; which, only the bus knows.
        refuse_another(app, &found, &order).await?;
    }
    let (tenant, key) = (caller.tenant.clone(), caller.key.clone());
    Ok(Found {
        generation: order.generation(id, tenant, key, Timestamp::now()),
        order: Some(order),
    })
}

async fn answer(app: &App, found: Found, wait: Option<(Place, Duration)>) -> Response {
    let (found, applied) = match wait {
        Some((place, limit)) => (place.hold(app, found, limit).await, Some(limit)),
        None => (found, None),
    };
    let status = if found.is_final() {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let mut response = (status, Resource::of(&found, app)).into_response();
    let headers = response.headers_mut();
    let location = HeaderValue::try_from(format!("/v1/generations/{}", found.generation.id));
    headers.extend(location.ok().map(|location| (LOCATION, location)));
    headers.extend(applied.map(|limit| (prefer::APPLIED, prefer::applied(limit))));
    response
}

async fn refuse_another(app: &App, found: &Found, order: &Order) -> Result<(), Problem> {
    if found.is_of(app, order).await? {
        return Ok(());
    }
    let id = found.generation.id;
    Err(Problem::new(
        Code::Conflict,
        format!("this customId or Idempotency-Key belongs to {id}, which asked for something else"),
    ))
}

/// How the body is written. A form is taken for JSON: see [`FORM`].
fn encoding(headers: &HeaderMap) -> Result<Encoding, Invalid> {
    let unsupported = || Invalid {
        field: "body".to_owned(),
        code: Code::UnsupportedMediaType,
        reason: "send application/json or application/protobuf and say so in Content-Type"
            .to_owned(),
    };
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(Encoding::Json);
    };
    let text = value.to_str().map_err(|_| unsupported())?;
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(FORM) {
        return Ok(Encoding::Json);
    }
    Encoding::of_content_type(Some(text)).ok_or_else(unsupported)
}

/// By what name the requester would know it again, if any.
fn key(headers: &HeaderMap, order: &Order) -> Result<Option<String>, Invalid> {
    let header = idempotency_key(headers)?;
    Ok(order
        .custom_id
        .clone()
        .or_else(|| header.map(|key| format!("idempotency:{key}"))))
}

/// The header of that name.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Invalid> {
    let header = headers.get(IDEMPOTENCY_KEY).map(|value| {
        let key = value
            .to_str()
            .ok()
            .filter(|key| (1..=MAX_KEY).contains(&key.len()));
        key.ok_or_else(|| {
            let reason = format!("expected 1 to {MAX_KEY} printable ASCII characters");
            Invalid::field("Idempotency-Key", reason)
        })
    });
    header.transpose()
}
