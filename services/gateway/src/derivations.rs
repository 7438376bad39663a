//! `POST /v1/derivations`: new cuts of pictures that are stored, and `?plan=true` before it. The
//! provider is not asked for anything, and bills nothing.

mod order;
mod pages;
mod survey;
mod wanted;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::{Code, DerivationId};
use serde::Serialize;

use crate::api::App;
use crate::body;
use crate::caller::Caller;
use crate::create::idempotency_key;
use crate::problem::Problem;
use crate::query::Query;
use order::Order;
use survey::{Sum, Survey};
use wanted::{Asked, Wanted};

/// What an order comes to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    /// Names the selection: an order that repeats it is refused if other pictures or other recipes
    /// are meant by now.
    plan_hash: String,
    /// How much there is to do.
    #[serde(flatten)]
    sum: Sum,
    seconds: u64,
    /// Where `seconds` comes from: cuts to JPEG in a second, as an operator has configured.
    cuts_per_second: f64,
    provider_bill_usd_micros: i64,
}

/// What was ordered.
#[derive(Debug, Serialize)]
struct Receipt {
    id: String,
    #[serde(flatten)]
    plan: Plan,
}

impl Plan {
    fn of(sum: Sum, plan_hash: String, cuts_per_second: f64) -> Self {
        Self {
            seconds: (sum.effort / cuts_per_second).ceil() as u64,
            cuts_per_second,
            provider_bill_usd_micros: 0,
            plan_hash,
            sum,
        }
    }
}

pub(crate) async fn derive(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &["plan"])?;
    let is_plan = query.value("plan", "expected true or false")?;
    let key = idempotency_key(&headers)?;
    let asked: Asked = body::json(&headers, body).await?;
    let hash = asked.plan.clone();
    let wanted = Wanted::of(asked, &app.presets)?;

    let survey = Survey::new(&app, &caller.tenant, &wanted);
    let (sum, plan_hash) = survey.sum().await?;
    let plan = Plan::of(sum, plan_hash, app.cuts_per_second);
    if is_plan == Some(true) {
        return Ok(Json(plan).into_response());
    }
    refuse_another(hash.as_deref(), &plan.plan_hash)?;
    let key = key.map_or_else(
        || format!("plan:{}", plan.plan_hash),
        |key| format!("idempotency:{key}:{}", plan.plan_hash),
    );
    let order = Order {
        app: &app,
        id: DerivationId::of_key(&caller.tenant, &key),
        wanted: &wanted,
        pictures: plan.sum.images,
    };
    order.place(&survey).await?;
    let status = match plan.sum.images {
        0 => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    };
    let id = order.id.to_string();
    Ok((status, Json(Receipt { id, plan })).into_response())
}

/// An order that comes with a plan is for what that plan showed.
fn refuse_another(agreed: Option<&str>, found: &str) -> Result<(), Problem> {
    match agreed {
        Some(agreed) if agreed != found => Err(Problem::new(
            Code::Conflict,
            "the plan shows other pictures, or presets have changed since; nothing was ordered, so \
             make the plan again",
        )),
        _ => Ok(()),
    }
}
