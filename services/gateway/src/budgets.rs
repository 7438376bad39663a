//! `/v1/budgets`: how much may be spent.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use domain::{Code, Invalid, Scope};
use serde::{Deserialize, Serialize};
use wire::{ask, v1};

use crate::api::App;
use crate::body;
use crate::caller::Caller;
use crate::problem::Problem;

const FRACTION_DIGITS: usize = 6;
const MICROS: i64 = 1_000_000;

#[derive(Debug, Serialize)]
pub(crate) struct Budgets {
    items: Vec<v1::BudgetStatus>,
}

/// Each limit in dollars as text, or in millionths of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Limits {
    per_day_usd: Option<String>,
    per_day_usd_micros: Option<i64>,
    total_usd: Option<String>,
    total_usd_micros: Option<i64>,
}

/// `GET /v1/budgets`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
) -> Result<Json<Budgets>, Problem> {
    let question = v1::BudgetQuery {
        tenant: caller.tenant.to_string(),
    };
    let answer = app.bus.ask(ask::BUDGETS, ask::write(&question)).await?;
    let report: v1::BudgetReport = ask::read(&answer)?;
    Ok(Json(Budgets {
        items: report.budgets,
    }))
}

/// `PUT /v1/budgets/{scope}`
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    scope: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<v1::BudgetStatus>, Problem> {
    let scope = own(&caller, scope)?;
    let limits: Limits = body::json(&headers, body).await?;
    command(&app, limits.command(&scope)?).await.map(Json)
}

/// `DELETE /v1/budgets/{scope}`
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    scope: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let scope = own(&caller, scope)?;
    command(&app, Limits::default().command(&scope)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn command(app: &App, question: v1::BudgetCommand) -> Result<v1::BudgetStatus, Problem> {
    match app.bus.ask(ask::BUDGET, ask::write(&question)).await {
        Ok(status) => Ok(ask::read(&status)?),
        Err(bus::Error::Refused {
            status: 400,
            reason,
            ..
        }) => Err(Problem::new(Code::InvalidField, reason)),
        Err(err) => Err(err.into()),
    }
}

/// The scope that a path names, if it is the caller's.
fn own(caller: &Caller, path: Result<Path<String>, PathRejection>) -> Result<Scope, Problem> {
    let Path(text) = path.map_err(|err| Invalid::field("scope", err.body_text()))?;
    let scope: Scope = text
        .parse()
        .map_err(|err: domain::InvalidScope| Invalid::field("scope", err.to_string()))?;
    if *scope.tenant() == caller.tenant {
        return Ok(scope);
    }
    Err(Problem::not_found(format!(
        "there is no such scope; those of this key end in or hold the tenant `{}`",
        caller.tenant
    )))
}

impl Limits {
    fn command(self, scope: &Scope) -> Result<v1::BudgetCommand, Invalid> {
        Ok(v1::BudgetCommand {
            scope: scope.to_string(),
            per_day_usd_micros: limit("perDayUsd", self.per_day_usd, self.per_day_usd_micros)?,
            total_usd_micros: limit("totalUsd", self.total_usd, self.total_usd_micros)?,
        })
    }
}

/// A limit in millionths of a dollar, in whichever of its two forms it was given.
fn limit(name: &str, usd: Option<String>, micros: Option<i64>) -> Result<Option<i64>, Invalid> {
    match (usd, micros) {
        (Some(_), Some(_)) => {
            let reason = format!("give either {name} or {name}Micros");
            Err(Invalid::field(name, reason))
        }
        (_, Some(micros)) if micros < 0 => {
            let reason = "expected zero, which allows nothing, or more";
            Err(Invalid::field(format!("{name}Micros"), reason))
        }
        (None, micros) => Ok(micros),
        (Some(usd), None) => match dollars(usd.trim()) {
            Some(micros) => Ok(Some(micros)),
            None => Err(Invalid::field(
                name,
                "expected dollars as text such as \"5.00\", with at most six digits after the point",
            )),
        },
    }
}

/// Millionths of a dollar, exactly.
fn dollars(text: &str) -> Option<i64> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('$').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !digits(whole) || !digits(fraction) || fraction.len() > FRACTION_DIGITS {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<FRACTION_DIGITS$}").parse().ok()?;
    let whole: i64 = whole.parse().ok()?;
    whole.checked_mul(MICROS)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_exactly() {
        for (text, micros) in [
            ("5", 5_000_000),
            ("5.00", 5_000_000),
            ("$0.08", 80_000),
            ("0.000001", 1),
            ("0", 0),
            ("9223372036854.775807", i64::MAX),
        ] {
            assert_eq!(dollars(text), Some(micros), "{text}");
        }
        for bad in [
            "",
            "$",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1,50",
            "0.0000001",
            "9223372036854.775808",
            "1.2.3",
        ] {
            assert_eq!(dollars(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_limit_is_given_in_one_form() {
        let usd = |text: &str| Some(text.to_owned());
        assert_eq!(limit("totalUsd", None, None), Ok(None));
        assert_eq!(limit("totalUsd", usd("1.50"), None), Ok(Some(1_500_000)));
        assert_eq!(limit("totalUsd", None, Some(7)), Ok(Some(7)));
        for (text, micros, field) in [
            (usd("1"), Some(1), "totalUsd"),
            (usd("much"), None, "totalUsd"),
            (None, Some(-1), "totalUsdMicros"),
        ] {
            let refused = limit("totalUsd", text, micros);
            assert!(refused.is_err_and(|err| err.field == field), "{field}");
        }
    }
}
