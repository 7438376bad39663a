//! The published table of codes.

use axum::Json;
use domain::Code;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Table {
    items: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    code: &'static str,
    status: u16,
    retryable: bool,
    meaning: &'static str,
}

/// `GET /v1/errors`
pub(crate) async fn table() -> Json<Table> {
    let row = |code: &Code| Row {
        code: code.as_str(),
        status: code.status(),
        retryable: code.is_retryable(),
        meaning: code.meaning(),
    };
    Json(Table {
        items: Code::ALL.iter().map(row).collect(),
    })
}
