//! `GET /v1/generations`

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::HeaderValue;
use axum::http::header::LINK;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::{Code, Generation, Invalid, Model, Status, Tenant};
use jiff::Timestamp;
use serde::Serialize;
use url::form_urlencoded;
use wire::{ask, v1};

use crate::api::App;
use crate::problem::Problem;
use crate::resource::Resource;

const NAMES: [&str; 10] = [
    "q", "model", "campaign", "status", "seed", "customId", "from", "to", "cursor", "limit",
];
const MAX_TEXT: usize = 512;
const MAX_PAGE: u32 = 200;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Resource>,
    next_cursor: Option<String>,
}

pub(crate) async fn search(
    State(app): State<Arc<App>>,
    Extension(tenant): Extension<Tenant>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::read(query.as_deref().unwrap_or_default())?;
    let question = query.question(&tenant)?;
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

    let next = answer.cursor.as_ref().map(|cursor| query.next(cursor));
    let items = answer.items.into_iter().map(|item| {
        let generation = Generation::try_from(item)?;
        Ok(Resource::of_generation(&generation, &app.public_url))
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

/// The conditions by name; each at most once.
struct Query(BTreeMap<String, String>);

impl Query {
    fn read(text: &str) -> Result<Self, Invalid> {
        let mut conditions = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            if !NAMES.contains(&name.as_ref()) {
                return Err(Invalid {
                    field: name.chars().take(64).collect(),
                    code: Code::UnknownField,
                    reason: format!("there is no such parameter; there are {}", NAMES.join(", ")),
                });
            }
            if value.chars().count() > MAX_TEXT {
                return Err(Invalid::field(
                    name,
                    format!("must have at most {MAX_TEXT} characters"),
                ));
            }
            if conditions
                .insert(name.to_string(), value.into_owned())
                .is_some()
            {
                return Err(Invalid::field(name, "must be given only once"));
            }
        }
        // `?model=` asks for nothing in particular, as an empty field of a form does.
        conditions.retain(|_, value| !value.is_empty());
        Ok(Self(conditions))
    }

    fn question(&self, tenant: &Tenant) -> Result<v1::HistorySearch, Invalid> {
        let limit = self.value::<u32>("limit", "expected a whole number from 1 to 200")?;
        if limit.is_some_and(|limit| !(1..=MAX_PAGE).contains(&limit)) {
            return Err(Invalid::field(
                "limit",
                "expected a whole number from 1 to 200",
            ));
        }
        Ok(v1::HistorySearch {
            tenant: tenant.to_string(),
            q: self.text("q"),
            model: self.word::<Model>("model")?,
            campaign: self.text("campaign"),
            status: self.word::<Status>("status")?,
            seed: self.value("seed", "expected a whole number")?,
            custom_id: self.text("customId"),
            from: self.time("from")?,
            to: self.time("to")?,
            cursor: self.text("cursor"),
            limit,
        })
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn value<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Invalid> {
        let value = self.0.get(name).map(|text| text.parse());
        value
            .transpose()
            .map_err(|_| Invalid::field(name, expected))
    }

    fn word<T>(&self, name: &str) -> Result<Option<String>, Invalid>
    where
        T: FromStr<Err: std::fmt::Display> + std::fmt::Display,
    {
        let word = self.0.get(name).map(|text| text.parse::<T>());
        let word = word
            .transpose()
            .map_err(|err| Invalid::field(name, err.to_string()))?;
        Ok(word.map(|word| word.to_string()))
    }

    fn time(&self, name: &str) -> Result<Option<String>, Invalid> {
        const EXPECTED: &str = "expected an RFC 3339 time such as 2026-12-24T18:00:00Z";
        Ok(self
            .value::<Timestamp>(name, EXPECTED)?
            .map(|time| time.to_string()))
    }

    /// The link to the page after this one (RFC 8288).
    fn next(&self, cursor: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.0.iter().filter(|(name, _)| *name != "cursor"));
        query.append_pair("cursor", cursor);
        format!("</v1/generations?{}>; rel=\"next\"", query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(query: &str) -> Option<(String, Code)> {
        let tenant = Tenant::default();
        let asked = Query::read(query).and_then(|query| query.question(&tenant));
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
        let query = Query::read("q=red+kite&cursor=old&limit=2")?;

        let link = "</v1/generations?limit=2&q=red+kite&cursor=a%2Fb>; rel=\"next\"";
        assert_eq!(query.next("a/b"), link);
        Ok(())
    }
}
