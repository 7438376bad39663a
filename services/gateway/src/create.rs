//! `POST /v1/generations`

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bus::NewRequest;
use domain::{Code, GenerationId, Invalid, Tenant};
use jiff::Timestamp;
use wire::Encoding;

use crate::api::App;
use crate::body;
use crate::find::{self, Found};
use crate::order::Order;
use crate::prefer;
use crate::problem::Problem;
use crate::resource::Resource;
use crate::waiting::Place;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY: usize = 255;
/// What curl says of whatever it is told to send with `-d`.
const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Extension(tenant): Extension<Tenant>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let encoding = encoding(&headers)?;
    let body = body::read(&headers, body).await?;
    let order = Order::read(
        Some(encoding.content_type()),
        &body,
        &app.admission,
        app.api,
    )?;
    let key = key(&headers, &order)?;
    let id = key.as_ref().map_or_else(GenerationId::generate, |key| {
        GenerationId::of_key(&tenant, key)
    });
    // Taken first, so that nothing that happens from here on goes unheard.
    let wait = prefer::wait(&headers).and_then(|limit| Some((app.waiting.place(id)?, limit)));

    if key.is_some()
        && let Some(mut found) = find::find(&app, &tenant, id).await?
    {
        refuse_another(&app, &found, &order).await?;
        if wait.is_some() && !found.is_final() {
            // What happened before the place was taken is not told again.
            found.refresh(&app).await;
        }
        let mut response = answer(&app, found, wait).await;
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));
        return Ok(response);
    }

    let (lane, content_type) = (order.request.lane, encoding.content_type());
    let request = NewRequest {
        id,
        tenant: tenant.clone(),
        lane,
        content_type,
        body,
    };
    app.bus.request(request).await?;
    runtime::crash::point("gateway.after_request");
    if key.is_some()
        && let Some(found) = find::latest(&app, id).await?
    {
        // Of two requests with one key at once, one was stored; which, only the bus knows.
        refuse_another(&app, &found, &order).await?;
    }
    let generation = order.generation(id, tenant, Timestamp::now());
    Ok(answer(
        &app,
        Found {
            generation,
            order: Some(order),
        },
        wait,
    )
    .await)
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
    let header = header.transpose()?;
    Ok(order
        .custom_id
        .clone()
        .or_else(|| header.map(|key| format!("idempotency:{key}"))))
}
