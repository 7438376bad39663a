//! Questions about the past, in protobuf: `history.get`, `history.search`, `history.find` and
//! `history.spend`.

use std::fmt::Display;
use std::str::FromStr;

use bus::{Answer, Bus, Refusal};
use bytes::Bytes;
use domain::{GenerationId, Tenant};
use history::{Grouping, History, Search, SpendQuery, SpendRow};
use tokio_util::sync::CancellationToken;
use tracing::error;
use wire::{ask, v1};

const GET: &str = "get";
const SEARCH: &str = "search";
const FIND: &str = "find";
const SPEND: &str = "spend";
/// An identity in hex.
const IDENTITY: usize = 32;

/// Answers until `shutdown`.
pub(crate) async fn serve(
    bus: &Bus,
    history: &History,
    shutdown: CancellationToken,
) -> Result<(), bus::Error> {
    let answer = |endpoint, question: Bytes| async move {
        match endpoint {
            GET => get(history, &question).await,
            FIND => find(history, &question).await,
            SPEND => spend(history, &question).await,
            _ => search(history, &question).await,
        }
    };
    bus.answer("history", &[GET, SEARCH, FIND, SPEND], shutdown, answer)
        .await
}

async fn get(history: &History, question: &[u8]) -> Answer {
    let question: v1::HistoryGet = ask::read(question).map_err(unread)?;
    let tenant: Tenant = value("tenant", &question.tenant)?;
    let id: GenerationId = value("id", &question.id)?;
    match history.get(&tenant, id).await.map_err(refusal)? {
        Some(generation) => Ok(ask::write(&v1::Generation::from(&generation))),
        None => Err(Refusal {
            status: 404,
            reason: format!("there is no generation {id}"),
        }),
    }
}

async fn search(history: &History, question: &[u8]) -> Answer {
    let search = conditions(ask::read(question).map_err(unread)?)?;
    let page = history.search(&search).await.map_err(refusal)?;
    let page = v1::HistoryPage {
        items: page.items.iter().map(Into::into).collect(),
        cursor: page.cursor,
    };
    Ok(ask::write(&page))
}

async fn find(history: &History, question: &[u8]) -> Answer {
    let question: v1::HistoryFind = ask::read(question).map_err(unread)?;
    let tenant: Tenant = value("tenant", &question.tenant)?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if question.identity.len() != IDENTITY || !question.identity.bytes().all(is_hex) {
        return Err(Refusal::bad(format!(
            "`identity` is invalid: expected {IDENTITY} digits 0-9a-f"
        )));
    }
    let found = history
        .find(&tenant, &question.identity)
        .await
        .map_err(refusal)?;
    Ok(ask::write(&v1::HistoryFound {
        id: found.id.map(|id| id.to_string()),
        recorded_to: found.recorded_to,
    }))
}

async fn spend(history: &History, question: &[u8]) -> Answer {
    let question: v1::SpendQuery = ask::read(question).map_err(unread)?;
    let query = SpendQuery {
        tenant: value("tenant", &question.tenant)?,
        by: value::<Grouping>("by", &question.by)?,
        from: optional("from", question.from.as_deref())?,
        to: optional("to", question.to.as_deref())?,
    };
    let report = history.spend(&query).await.map_err(refusal)?;
    Ok(ask::write(&v1::SpendReport {
        rows: report.rows.into_iter().map(line).collect(),
        total: Some(line(report.total)),
    }))
}

fn line(row: SpendRow) -> v1::SpendRow {
    let spend = row.spend;
    v1::SpendRow {
        group: row.group,
        generations: row.generations,
        images: spend.images,
        reserved_usd_micros: spend.reserved.micros(),
        settled_usd_micros: spend.settled.micros(),
        unknown_usd_micros: spend.unknown.micros(),
        withheld_usd_micros: spend.withheld.micros(),
        duplicate_usd_micros: spend.duplicate.micros(),
        late_usd_micros: spend.late.micros(),
        saved_usd_micros: spend.saved.micros(),
    }
}

fn conditions(question: v1::HistorySearch) -> Result<Search, Refusal> {
    Ok(Search {
        tenant: value("tenant", &question.tenant)?,
        model: optional("model", question.model.as_deref())?,
        status: optional("status", question.status.as_deref())?,
        from: optional("from", question.from.as_deref())?,
        to: optional("to", question.to.as_deref())?,
        q: question.q,
        campaign: question.campaign,
        seed: question.seed,
        custom_id: question.custom_id,
        cursor: question.cursor,
        limit: question.limit.unwrap_or(Search::DEFAULT_LIMIT),
    })
}

fn optional<T>(field: &str, text: Option<&str>) -> Result<Option<T>, Refusal>
where
    T: FromStr<Err: Display>,
{
    text.map(|text| value(field, text)).transpose()
}

fn value<T>(field: &str, text: &str) -> Result<T, Refusal>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|err| {
        // It travels in a header, and `err` may repeat the text.
        let reason = format!("`{field}` is invalid: {err}");
        Refusal::bad(reason.replace(char::is_control, " "))
    })
}

/// A question that makes no sense is the asker's fault; everything else is ours, and its cause is
/// for our log only.
fn refusal(err: history::Error) -> Refusal {
    match err {
        history::Error::Question { .. } => Refusal::bad(err.to_string()),
        err => {
            error!(error = &err as &dyn std::error::Error, "not answered");
            Refusal::broken("the history cannot be read")
        }
    }
}

fn unread(err: wire::DecodeError) -> Refusal {
    Refusal::bad(format!("the question cannot be read: {err}"))
}
