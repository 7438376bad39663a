use domain::{Generation, GenerationId, Tenant};
use jiff::Timestamp;
use prost::Message as _;
use sqlx::{QueryBuilder, Row as _, sqlite::SqliteRow};
use wire::v1;

use super::{Sqlite, unsigned};
use crate::search::Place;
use crate::{Error, Page, Position, Search};

/// The shortest text that the index of trigrams can find.
const TRIGRAM: usize = 3;

impl Sqlite {
    pub(crate) async fn position(&self) -> Result<u64, Error> {
        let row = sqlx::query("SELECT sequence FROM position")
            .fetch_one(self.readers())
            .await
            .map_err(Error::Read)?;
        unsigned(&row, "sequence").map_err(Error::Read)
    }

    /// None if nothing is written down, or whoever wrote it did not say when it was stored.
    pub(crate) async fn reached(&self) -> Result<Option<Position>, Error> {
        let row = sqlx::query("SELECT sequence, stored_at FROM position")
            .fetch_one(self.readers())
            .await
            .map_err(Error::Read)?;
        let stored_at: Option<i64> = row.try_get("stored_at").map_err(Error::Read)?;
        let position = |nanoseconds: i64| {
            let stored_at = Timestamp::from_nanosecond(nanoseconds.into());
            Ok(Position {
                sequence: unsigned(&row, "sequence")?,
                stored_at: stored_at.map_err(|err| sqlx::Error::Decode(err.into()))?,
            })
        };
        stored_at.map(position).transpose().map_err(Error::Read)
    }

    pub(crate) async fn get(
        &self,
        tenant: &Tenant,
        id: GenerationId,
    ) -> Result<Option<Generation>, Error> {
        let row = sqlx::query("SELECT document FROM generations WHERE id = ? AND tenant = ?")
            .bind(id.to_string())
            .bind(tenant.as_str())
            .fetch_optional(self.readers())
            .await
            .map_err(Error::Read)?;
        row.as_ref().map(generation).transpose()
    }

    pub(crate) async fn search(&self, search: &Search) -> Result<Page, Error> {
        let mut query = question(search)?;
        let rows = query
            .build()
            .fetch_all(self.readers())
            .await
            .map_err(Error::Read)?;

        let limit = search.limit as usize;
        let more = rows.len() > limit;
        let items: Vec<Generation> = rows
            .iter()
            .take(limit)
            .map(generation)
            .collect::<Result<_, _>>()?;
        let cursor = items
            .last()
            .filter(|_| more)
            .map(|last| Place::of(last).write());
        Ok(Page { items, cursor })
    }
}

pub(super) fn generation(row: &SqliteRow) -> Result<Generation, Error> {
    let document: &[u8] = row.try_get("document").map_err(Error::Read)?;
    Ok(v1::Generation::decode(document)?.try_into()?)
}

fn question(search: &Search) -> Result<QueryBuilder<sqlx::Sqlite>, Error> {
    let mut sql = QueryBuilder::new("SELECT document FROM generations WHERE tenant = ");
    sql.push_bind(search.tenant.to_string());
    if let Some(model) = search.model {
        sql.push(" AND model = ").push_bind(model.as_str());
    }
    if let Some(campaign) = &search.campaign {
        sql.push(" AND campaign = ").push_bind(campaign.clone());
    }
    if let Some(status) = search.status {
        sql.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(custom_id) = &search.custom_id {
        sql.push(" AND custom_id = ").push_bind(custom_id.clone());
    }
    if let Some(seed) = search.seed {
        sql.push(" AND number IN (SELECT number FROM seeds WHERE seed = ")
            .push_bind(seed);
        sql.push(")");
    }
    if let Some(from) = search.from {
        sql.push(" AND created_at >= ")
            .push_bind(from.as_microsecond());
    }
    if let Some(to) = search.to {
        sql.push(" AND created_at < ")
            .push_bind(to.as_microsecond());
    }
    if let Some(q) = search.q.as_deref() {
        mentions(&mut sql, q);
    }
    if let Some(place) = search.place()? {
        sql.push(" AND (created_at, id) < (")
            .push_bind(place.created_at);
        sql.push(", ").push_bind(place.id.to_string()).push(")");
    }
    // One more than asked for tells whether there is another page.
    sql.push(" ORDER BY created_at DESC, id DESC LIMIT ")
        .push_bind(search.limit + 1);
    Ok(sql)
}

/// The prompt holds `q`, taken literally: neither operators of FTS5 nor wildcards of LIKE.
fn mentions(sql: &mut QueryBuilder<sqlx::Sqlite>, q: &str) {
    // Ends a text in SQLite, and is in no prompt.
    let q = q.trim().replace('\0', " ");
    if q.is_empty() {
        return;
    }
    if q.chars().count() >= TRIGRAM {
        let phrase = format!("\"{}\"", q.replace('"', "\"\""));
        sql.push(" AND number IN (SELECT rowid FROM prompts WHERE prompts MATCH ");
        sql.push_bind(phrase).push(")");
    } else {
        let text = q
            .replace('\\', r"\\")
            .replace('%', r"\%")
            .replace('_', r"\_");
        sql.push(" AND prompt LIKE ")
            .push_bind(format!("%{text}%"))
            .push(r" ESCAPE '\'");
    }
}
