use std::collections::{BTreeMap, BTreeSet};

use domain::{Event, GenerationId};
use jiff::Timestamp;
use serde_json::json;
use sqlx::Row as _;
use wire::Encoding;

use super::{Sqlite, put, signed, unsigned};
use crate::Error;
use crate::fold::Delivery;
use crate::held::{Change, Stored};
use crate::twins::{Twin, Wish};

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
            "SELECT id, number, sequence, identity, document, ledger FROM generations \
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
            let known = Stored {
                number: row.try_get("number").map_err(Error::Write)?,
                sequence: unsigned(&row, "sequence").map_err(Error::Write)?,
                identity: row.try_get("identity").map_err(Error::Write)?,
                document: row.try_get("document").map_err(Error::Write)?,
                ledger: row.try_get("ledger").map_err(Error::Write)?,
            };
            stored.insert(*id, known);
        }
        Ok(stored)
    }

    /// For each of `wishes` the last generation that had it and has not failed, besides those that
    /// are `held`.
    pub(crate) async fn twins(
        &mut self,
        wishes: &BTreeMap<GenerationId, Wish>,
        held: &BTreeMap<GenerationId, Stored>,
    ) -> Result<Vec<Twin>, Error> {
        let wishes: Vec<&Wish> = wishes
            .values()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        if wishes.is_empty() {
            return Ok(Vec::new());
        }
        let asked = wishes
            .iter()
            .map(|wish| (wish.tenant.as_str(), &wish.identity));
        let held = held.values().map(|stored| stored.number);
        let rows = sqlx::query(
            "SELECT wish.key AS wish, twin.number, twin.id FROM json_each(?1) AS wish \
             JOIN generations AS twin ON twin.number = ( \
             SELECT number FROM generations \
             WHERE tenant = wish.value ->> 0 AND identity = wish.value ->> 1 \
             AND status <> 'failed' AND number NOT IN (SELECT value FROM json_each(?2)) \
             ORDER BY number DESC LIMIT 1)",
        )
        .bind(json!(asked.collect::<Vec<_>>()).to_string())
        .bind(json!(held.collect::<Vec<_>>()).to_string())
        .fetch_all(&mut *self.0)
        .await
        .map_err(Error::Write)?;

        let mut twins = Vec::new();
        for row in rows {
            let place = unsigned(&row, "wish").map_err(Error::Write)?;
            let wish = usize::try_from(place)
                .ok()
                .and_then(|place| wishes.get(place));
            let id: &str = row.try_get("id").map_err(Error::Write)?;
            if let (Some(wish), Ok(id)) = (wish, id.parse()) {
                let number = row.try_get("number").map_err(Error::Write)?;
                let wish = (*wish).clone();
                twins.push(Twin { wish, number, id });
            }
        }
        Ok(twins)
    }

    pub(crate) async fn put(&mut self, changes: &[Change]) -> Result<(), Error> {
        let (known, new): (Vec<_>, Vec<_>) =
            changes.iter().partition(|change| change.number.is_some());
        let mut numbered: Vec<(i64, &Change)> = Vec::with_capacity(changes.len());
        if !new.is_empty() {
            let last = self.last_number().await.map_err(Error::Write)?;
            numbered.extend((last + 1..).zip(new));
            put::insert(&mut self.0, &numbered)
                .await
                .map_err(Error::Write)?;
        }
        let first_known = numbered.len();
        numbered.extend(
            known
                .into_iter()
                .filter_map(|change| Some((change.number?, change))),
        );
        let connection = &mut *self.0;
        put::update(connection, &numbered[first_known..])
            .await
            .map_err(Error::Write)?;
        put::seeds(connection, &numbered)
            .await
            .map_err(Error::Write)?;
        put::money(connection, &numbered)
            .await
            .map_err(Error::Write)
    }

    async fn last_number(&mut self) -> sqlx::Result<i64> {
        sqlx::query_scalar("SELECT coalesce(max(number), 0) FROM generations")
            .fetch_one(&mut *self.0)
            .await
    }

    pub(crate) async fn put_deliveries(
        &mut self,
        deliveries: &[Delivery<'_>],
    ) -> Result<(), Error> {
        let rows: Vec<_> = deliveries
            .iter()
            .map(|delivery| match delivery {
                Delivery::Delivered(event) => json!([
                    event.event_id,
                    event.endpoint,
                    event.id.to_string(),
                    event.status,
                    event.attempts,
                    event.at.as_microsecond(),
                    None::<&str>,
                ]),
                Delivery::Failed(event) => json!([
                    event.event_id,
                    event.endpoint,
                    event.id.to_string(),
                    None::<u16>,
                    event.attempts,
                    event.at.as_microsecond(),
                    event.reason,
                ]),
            })
            .collect();
        let sql = "INSERT OR REPLACE INTO deliveries \
                   (event_id, endpoint, generation, status, attempts, at, error) \
                   SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, \
                   value ->> 5, value ->> 6 FROM json_each(?)";
        put::run(&mut self.0, sql, rows.is_empty(), &json!(rows))
            .await
            .map_err(Error::Write)
    }

    /// They are few: a statement for each.
    pub(crate) async fn put_notices(&mut self, notices: &[&Event]) -> Result<(), Error> {
        for event in notices {
            let at = match event {
                Event::ProviderParked(event) => event.at,
                Event::ProviderResumed(event) => event.at,
                Event::ProviderDiscrepancy(event) => event.at,
                Event::BudgetWarning(event) | Event::BudgetExhausted(event) => event.at,
                _ => continue,
            };
            let encoded = wire::encode(event, Encoding::Protobuf);
            sqlx::query(
                "INSERT OR IGNORE INTO notices (id, subject, name, at, body) \
                 VALUES (?, ?, ?, ?, ?)",
            )
            .bind(encoded.id)
            .bind(encoded.key)
            .bind(encoded.name)
            .bind(at.as_microsecond())
            .bind(encoded.body)
            .execute(&mut *self.0)
            .await
            .map_err(Error::Write)?;
        }
        Ok(())
    }

    /// Moves the position to `last`, never back, and returns it.
    pub(crate) async fn advance(
        &mut self,
        last: u64,
        stored_at: Option<Timestamp>,
    ) -> Result<u64, Error> {
        let row = sqlx::query(
            "UPDATE position SET sequence = max(sequence, ?1), \
             stored_at = CASE WHEN sequence < ?1 THEN ?2 ELSE stored_at END RETURNING sequence",
        )
        .bind(signed(last))
        .bind(stored_at.map(nanoseconds))
        .fetch_one(&mut *self.0)
        .await
        .map_err(Error::Write)?;
        unsigned(&row, "sequence").map_err(Error::Write)
    }

    /// Moves the position back to before the first event.
    pub(crate) async fn rewind(&mut self) -> Result<(), Error> {
        sqlx::query("UPDATE position SET sequence = 0, stored_at = NULL")
            .execute(&mut *self.0)
            .await
            .map_err(Error::Write)?;
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        self.0.commit().await.map_err(Error::Write)
    }
}

/// Enough until the year 2262.
fn nanoseconds(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}
