//! `GET /v1/generations`

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::HeaderValue;
use axum::http::header::LINK;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::{Generation, Invalid, Model, Status, Tenant};
use serde::Serialize;
use wire::{ask, v1};

use crate::api::App;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::query::Query;
use crate::resource::Resource;

const NAMES: [&str; 10] = [
    "q", "model", "campaign", "status", "seed", "customId", "from", "to", "cursor", "limit",
];
const MAX_PAGE: u32 = 200;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Resource>,
    next_cursor: Option<String>,
}

pub(crate) async fn search(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Arc<Caller>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref(), &NAMES)?;
    let question = question(&query, &caller.tenant)?;
    let answer = match app
        .bus
        .ask(ask::HISTORY_SEARCH, ask::write(&question))
        .await
    {
        // Everything else was checked here, so a refusal can only be about the cursor.
        Err(bus::Error::Refused { .. }) if question.cursor.is_some() => {
            return Err(Invalid::field("cursor", "is none that this server gave").into());
        }
        answer => ask::read::<v1::HistoryPage>(&answer?)?,
    };

    let next = answer.cursor.as_ref().map(|cursor| next(&query, cursor));
    let items = answer.items.into_iter().map(|item| {
        let generation = Generation::try_from(item)?;
        Ok(Resource::of_generation(&generation, &app))
    });
    let items = items.collect::<Result<_, wire::DecodeError>>()?;
    let mut response = Json(Page {
        items,
        next_cursor: answer.cursor,
    })
    .into_response();
    let link = next.and_then(|next| HeaderValue::try_from(next).ok());
    response.headers_mut().extend(link.map(|link| (LINK, link)));
    Ok(response)
}

fn question(query: &Query, tenant: &Tenant) -> Result<v1::HistorySearch, Invalid> {
    const LIMIT: &str = "expected a whole number from 1 to 200";
    let limit = query.value::<u32>("limit", LIMIT)?;
    if limit.is_some_and(|limit| !(1..=MAX_PAGE).contains(&limit)) {
        return Err(Invalid::field("limit", LIMIT));
    }
    Ok(v1::HistorySearch {
        tenant: tenant.to_string(),
        q: query.text("q"),
        model: query.word::<Model>("model")?,
        campaign: query.text("campaign"),
        status: query.word::<Status>("status")?,
        seed: query.value("seed", "expected a whole number")?,
        custom_id: query.text("customId"),
        from: query.time("from")?,
        to: query.time("to")?,
        cursor: query.text("cursor"),
        limit,
    })
}

/// The link to the page after this one (RFC 8288).
fn next(query: &Query, cursor: &str) -> String {
    let same = query.with("cursor", cursor);
    format!("</v1/generations?{same}>; rel=\"next\"")
}

#[cfg(test)]
mod tests {
    use domain::Code;

    use super::*;

    fn refused(query: &str) -> Option<(String, Code)> {
        let tenant = Tenant::default();
        let asked = Query::read(Some(query), &NAMES).and_then(|query| question(&query, &tenant));
        asked.err().map(|invalid| (invalid.field, invalid.code))
    }

    #[test]
    fn the_parameter_to_blame_is_named() {
        for (query, field, code) in [
            ("colour=red", "colour", Code::UnknownField),
            ("model=V_9", "model", Code::InvalidField),
            ("status=done", "status", Code::InvalidField),
            ("seed=x", "seed", Code::InvalidField),
            ("from=yesterday", "from", Code::InvalidField),
            ("limit=0", "limit", Code::InvalidField),
            ("limit=201", "limit", Code::InvalidField),
            ("q=a&q=b", "q", Code::InvalidField),
        ] {
            assert_eq!(refused(query), Some((field.to_owned(), code)), "{query}");
        }
        assert_eq!(
            refused("q=red+kite&model=V_2&status=ready&seed=7&limit=200&campaign="),
            None
        );
    }

    #[test]
    fn the_next_page_asks_the_same() -> anyhow::Result<()> {
        let query = Query::read(Some("q=red+kite&cursor=old&limit=2"), &NAMES)?;

        let link = "</v1/generations?limit=2&q=red+kite&cursor=a%2Fb>; rel=\"next\"";
        assert_eq!(next(&query, "a/b"), link);
        Ok(())
    }
}
