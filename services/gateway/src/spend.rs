//! `GET /v1/spend`: where the money went.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::Invalid;
use serde::Serialize;
use wire::{ask, v1};

use crate::api::App;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::query::Query;

const NAMES: [&str; 4] = ["by", "from", "to", "format"];
const GROUPS: [&str; 5] = ["campaign", "key", "tag", "model", "day"];
const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
const FILE: HeaderValue = HeaderValue::from_static("attachment; filename=\"spend.csv\"");
const COLUMNS: &str = "generations,images,reservedUsdMicros,settledUsdMicros,unknownUsdMicros,\
                       withheldUsdMicros,duplicateUsdMicros,lateUsdMicros,savedUsdMicros";

#[derive(Debug, Serialize)]
struct Spend {
    by: &'static str,
    from: Option<String>,
    to: Option<String>,
    items: Vec<v1::SpendRow>,
    total: v1::SpendRow,
}

pub(crate) async fn spend(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &NAMES)?;
    let by = one_of(&query, "by", &GROUPS)?;
    let format = one_of(&query, "format", &["json", "csv"])?;
    let question = v1::SpendQuery {
        tenant: caller.tenant.to_string(),
        by: by.to_owned(),
        from: query.time("from")?,
        to: query.time("to")?,
    };
    let answer = app
        .bus
        .ask(ask::HISTORY_SPEND, ask::write(&question))
        .await?;
    let report: v1::SpendReport = ask::read(&answer)?;

    if format == "csv" {
        let headers = [(CONTENT_TYPE, CSV), (CONTENT_DISPOSITION, FILE)];
        return Ok((headers, csv(by, &report.rows)).into_response());
    }
    let spend = Spend {
        by,
        from: question.from,
        to: question.to,
        items: report.rows,
        total: report.total.unwrap_or_default(),
    };
    Ok(Json(spend).into_response())
}

/// The value of a parameter that has only so many; the first if it is not given.
fn one_of(query: &Query, name: &str, known: &[&'static str]) -> Result<&'static str, Invalid> {
    let found = match query.text(name) {
        None => known.first(),
        Some(text) => known.iter().find(|word| **word == text),
    };
    found
        .copied()
        .ok_or_else(|| Invalid::field(name, format!("expected one of {}", known.join(" "))))
}

/// RFC 4180, with the sums left to whoever reads it: rows by tag overlap.
fn csv(by: &str, rows: &[v1::SpendRow]) -> String {
    let lines = rows.iter().map(line);
    std::iter::once(format!("{by},{COLUMNS}\r\n"))
        .chain(lines)
        .collect()
}

fn line(row: &v1::SpendRow) -> String {
    format!(
        "{},{},{},{},{},{},{},{},{},{}\r\n",
        cell(&row.group),
        row.generations,
        row.images,
        row.reserved_usd_micros,
        row.settled_usd_micros,
        row.unknown_usd_micros,
        row.withheld_usd_micros,
        row.duplicate_usd_micros,
        row.late_usd_micros,
        row.saved_usd_micros
    )
}

/// A text that was chosen by users, so that no spreadsheet takes it for a formula: an apostrophe in
/// front makes it text (OWASP, CSV injection).
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let guard = if is_formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_a_formula_or_breaks_a_row() {
        for (name, written) in [
            ("summer", "\"summer\""),
            ("", "\"\""),
            ("a,b \"c\"", "\"a,b \"\"c\"\"\""),
            ("=HYPERLINK(1)", "\"'=HYPERLINK(1)\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
        ] {
            assert_eq!(cell(name), written, "{name:?}");
        }
    }

    #[test]
    fn every_row_has_the_columns_of_the_header() {
        let row = v1::SpendRow {
            group: "summer".to_owned(),
            generations: 2,
            saved_usd_micros: 9,
            ..Default::default()
        };
        let text = csv("campaign", &[row]);
        let lines: Vec<&str> = text.split("\r\n").collect();

        assert_eq!(lines[0], format!("campaign,{COLUMNS}"));
        assert_eq!(lines[1], "\"summer\",2,0,0,0,0,0,0,0,9");
        assert_eq!(lines[2..], [""]);
    }
}
