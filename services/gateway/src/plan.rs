//! `POST /v1/generations?plan=true`: what would be asked of the provider, what that may cost, and what
//! the cuts would do to the pictures. Nothing is published and nothing is bought.

use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::{Failure, GenerationId, Job, Resolution, Usd};
use ideogram::Call;
use jiff::Timestamp;
use serde::Serialize;
use tracing::warn;
use wire::{ask, v1};

use crate::api::App;
use crate::caller::Caller;
use crate::forecast::Outlook;
use crate::order::Order;
use crate::problem::Problem;
use crate::resource::Asked;
use crate::retry;

/// A request that was not made, under the names of the resource that it would become.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    custom_id: Option<String>,
    #[serde(flatten)]
    asked: Asked,
    /// Whether the shape was left open, and is not the usual one for the sake of the presets.
    shaped_by_presets: bool,
    simulated: Option<bool>,
    route: &'static str,
    /// Of each picture; `null` where that cannot be told beforehand.
    width: Option<u32>,
    height: Option<u32>,
    cost: Price,
    #[serde(flatten)]
    outlook: Outlook,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Price {
    /// `null` where only the provider knows, and only once it has seen the pictures.
    reserved_usd_micros: Option<i64>,
    quoted_by: Option<String>,
}

impl Plan {
    /// # Errors
    ///
    /// What the generator would refuse.
    pub(crate) async fn of(order: &Order, caller: &Caller, app: &App) -> Result<Self, Problem> {
        let request = &order.request;
        let call = ideogram::plan(request, app.api)?;
        let quote = quote(order, caller, app).await?;
        let simulated = quote.as_ref().map(|quote| quote.simulated);
        let size = |side: fn(Resolution) -> u32| call.resolution.map(side);
        Ok(Self {
            custom_id: order.custom_id.clone(),
            asked: Asked::of(request),
            shaped_by_presets: order.is_fitted,
            simulated: simulated.or(app.simulated),
            route: call.route,
            width: size(|size| size.width),
            height: size(|size| size.height),
            cost: Price::of(quote, &call),
            outlook: Outlook::of(request, &app.presets, app.api),
        })
    }
}

/// What the generator would reserve for it; nothing while there is none to ask.
async fn quote(order: &Order, caller: &Caller, app: &App) -> Result<Option<v1::Quote>, Problem> {
    let (request, now) = (order.request.clone(), Timestamp::now());
    let job = Job::new(
        GenerationId::generate(),
        caller.tenant.clone(),
        request,
        now,
    );
    let question = retry::request::of(&job, None, now);
    let quote = match app.bus.ask(ask::QUOTE, ask::write(&question)).await {
        Ok(answer) => ask::read::<v1::Quote>(&answer)?,
        Err(err) => {
            warn!(
                error = &err as &dyn std::error::Error,
                "no quote; the price list has to do"
            );
            return Ok(None);
        }
    };
    match quote.refusal {
        Some(refusal) => {
            let refusal = Failure::try_from(refusal)?;
            Err(Problem::new(refusal.code, refusal.message))
        }
        None => Ok(Some(quote)),
    }
}

impl Price {
    fn of(quote: Option<v1::Quote>, call: &Call) -> Self {
        match quote {
            Some(quote) => Self {
                reserved_usd_micros: quote.usd_micros,
                quoted_by: quote.quoted_by,
            },
            None => Self {
                reserved_usd_micros: call.upper_bound.map(Usd::micros),
                quoted_by: call.upper_bound.map(|_| "price-list".to_owned()),
            },
        }
    }
}

impl IntoResponse for Plan {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}
