use std::collections::{BTreeMap, BTreeSet};

use domain::{Generation, GenerationId};
use serde_json::json;
use sqlx::{Row as _, SqliteConnection};

use super::{Sqlite, unsigned};
use crate::Error;
use crate::fold::{Change, Delivery, Stored};

/// A transaction that may write. Dropped without a commit, it is undone.
#[derive(Debug)]
pub(crate) struct Transaction(sqlx::Transaction<'static, sqlx::Sqlite>);

impl Sqlite {
    pub(crate) async fn begin(&self) -> Result<Transaction, Error> {
        let begun = self.writer.begin_with("BEGIN IMMEDIATE").await;
        Ok(Transaction(begun.map_err(Error::Write)?))
    }
}

impl Transaction {
    /// What is known of `ids`, in one question.
    pub(crate) async fn stored(
        &mut self,
        ids: &BTreeSet<GenerationId>,
    ) -> Result<BTreeMap<GenerationId, Stored>, Error> {
        let ids: BTreeMap<String, GenerationId> =
            ids.iter().map(|id| (id.to_string(), *id)).collect();
        let rows = sqlx::query(
            "SELECT id, sequence, document FROM generations \
             WHERE id IN (SELECT value FROM json_each(?))",
        )
        .bind(json!(ids.keys().collect::<Vec<_>>()).to_string())
        .fetch_all(&mut *self.0)
        .await
        .map_err(Error::Write)?;

        let mut stored = BTreeMap::new();
        for row in rows {
            let id: &str = row.try_get("id").map_err(Error::Write)?;
            let Some(id) = ids.get(id) else { continue };
            let sequence = unsigned(&row, "sequence").map_err(Error::Write)?;
            let document = row.try_get("document").map_err(Error::Write)?;
            stored.insert(*id, Stored { sequence, document });
        }
        Ok(stored)
    }

    pub(crate) async fn put(&mut self, change: &Change) -> Result<(), Error> {
        let number = match change.is_new {
            true => insert(&mut self.0, change).await,
            false => update(&mut self.0, change).await,
        };
        let number = number.map_err(Error::Write)?;
        for seed in &change.seeds {
            sqlx::query("INSERT OR IGNORE INTO seeds (seed, number) VALUES (?, ?)")
                .bind(seed)
                .bind(number)
                .execute(&mut *self.0)
                .await
                .map_err(Error::Write)?;
        }
        Ok(())
    }

    pub(crate) async fn put_delivery(&mut self, delivery: &Delivery<'_>) -> Result<(), Error> {
        let query = sqlx::query(
            "INSERT OR REPLACE INTO deliveries \
             (event_id, endpoint, generation, status, attempts, at, error) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        );
        let query = match delivery {
            Delivery::Delivered(event) => query
                .bind(&event.event_id)
                .bind(&event.endpoint)
                .bind(event.id.to_string())
                .bind(Some(event.status))
                .bind(event.attempts)
                .bind(event.at.as_microsecond())
                .bind(None::<&str>),
            Delivery::Failed(event) => query
                .bind(&event.event_id)
                .bind(&event.endpoint)
                .bind(event.id.to_string())
                .bind(None::<u16>)
                .bind(event.attempts)
                .bind(event.at.as_microsecond())
                .bind(Some(event.reason.as_str())),
        };
        query.execute(&mut *self.0).await.map_err(Error::Write)?;
        Ok(())
    }

    /// Moves the position to `last`, never back, and returns it.
    pub(crate) async fn advance(&mut self, last: u64) -> Result<u64, Error> {
        let row = sqlx::query("UPDATE position SET sequence = max(sequence, ?) RETURNING sequence")
            .bind(signed(last))
            .fetch_one(&mut *self.0)
            .await
            .map_err(Error::Write)?;
        unsigned(&row, "sequence").map_err(Error::Write)
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        self.0.commit().await.map_err(Error::Write)
    }
}

async fn insert(connection: &mut SqliteConnection, change: &Change) -> sqlx::Result<i64> {
    let Generation { job, .. } = &change.generation;
    let request = job.as_ref().map(|job| &job.request);
    let prompt = request.map(|request| request.prompt.as_str());
    let number = sqlx::query(
        "INSERT INTO generations (id, tenant, status, model, campaign, custom_id, prompt, \
         created_at, sequence, document) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(change.generation.id.to_string())
    .bind(change.generation.tenant.as_str())
    .bind(change.generation.status.as_str())
    .bind(request.map(|request| request.model.as_str()))
    .bind(request.and_then(|request| request.campaign.as_deref()))
    .bind(change.generation.custom_id.as_deref())
    .bind(prompt)
    .bind(change.generation.created_at.as_microsecond())
    .bind(signed(change.sequence))
    .bind(&change.document)
    .execute(&mut *connection)
    .await?
    .last_insert_rowid();
    if let Some(prompt) = prompt {
        sqlx::query("INSERT INTO prompts (rowid, prompt) VALUES (?, ?)")
            .bind(number)
            .bind(prompt)
            .execute(connection)
            .await?;
    }
    Ok(number)
}

/// What a generation is found by, besides its status, is said by the event that begins it and stays.
async fn update(connection: &mut SqliteConnection, change: &Change) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "UPDATE generations SET status = ?, sequence = ?, document = ? WHERE id = ? \
         RETURNING number",
    )
    .bind(change.generation.status.as_str())
    .bind(signed(change.sequence))
    .bind(&change.document)
    .bind(change.generation.id.to_string())
    .fetch_one(connection)
    .await
}

fn signed(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}
