//! Many rows in one statement: handing a statement to SQLite costs more than a row of it does.
//! Rows travel as JSON, and their documents beside them in one piece.

use std::collections::BTreeSet;

use domain::Generation;
use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::signed;
use crate::account::Entry;
use crate::held::Change;

/// Documents, one after the other.
#[derive(Default)]
struct Documents(Vec<u8>);

impl Documents {
    /// Where it begins, counted from 1 as SQLite does, and how long it is.
    fn put(&mut self, document: &[u8]) -> (usize, usize) {
        let place = (self.0.len() + 1, document.len());
        self.0.extend_from_slice(document);
        place
    }
}

/// Generations that the database does not have, with the numbers that they get.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    changes: &[(i64, &Change)],
) -> sqlx::Result<()> {
    let Some((first, _)) = changes.first() else {
        return Ok(());
    };
    let mut documents = Documents::default();
    let rows: Vec<_> = changes
        .iter()
        .map(|(number, change)| row(*number, change, &mut documents))
        .collect();
    sqlx::query(
        "INSERT INTO generations (number, id, tenant, status, model, campaign, custom_id, prompt, \
         created_at, identity, sequence, document, ledger) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
         value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, \
         substr(?2, value ->> 11, value ->> 12), substr(?2, value ->> 13, value ->> 14) \
         FROM json_each(?1)",
    )
    .bind(json!(rows).to_string())
    .bind(documents.0)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO prompts (rowid, prompt) \
         SELECT number, prompt FROM generations WHERE number >= ? AND prompt IS NOT NULL",
    )
    .bind(first)
    .execute(connection)
    .await?;
    Ok(())
}

fn row(number: i64, change: &Change, documents: &mut Documents) -> Value {
    let Generation { job, .. } = &change.generation;
    let request = job.as_ref().map(|job| &job.request);
    let document = documents.put(&change.document);
    let ledger = documents.put(&change.ledger);
    json!([
        number,
        change.generation.id.to_string(),
        change.generation.tenant.as_str(),
        change.generation.status.as_str(),
        request.map(|request| request.model.as_str()),
        request.and_then(|request| request.campaign.as_deref()),
        change.generation.custom_id,
        request.map(|request| request.prompt.as_str()),
        change.generation.created_at.as_microsecond(),
        change.identity,
        signed(change.sequence),
        document.0,
        document.1,
        ledger.0,
        ledger.1,
    ])
}

/// What a generation is found by, besides its status, is said by the event that begins it and stays.
pub(super) async fn update(
    connection: &mut SqliteConnection,
    changes: &[(i64, &Change)],
) -> sqlx::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut documents = Documents::default();
    let rows: Vec<_> = changes
        .iter()
        .map(|(number, change)| {
            let document = documents.put(&change.document);
            let ledger = documents.put(&change.ledger);
            let status = change.generation.status.as_str();
            let sequence = signed(change.sequence);
            json!([
                number, status, sequence, document.0, document.1, ledger.0, ledger.1
            ])
        })
        .collect();
    sqlx::query(
        "UPDATE generations SET status = value ->> 1, sequence = value ->> 2, \
         document = substr(?2, value ->> 3, value ->> 4), \
         ledger = substr(?2, value ->> 5, value ->> 6) \
         FROM json_each(?1) WHERE number = value ->> 0",
    )
    .bind(json!(rows).to_string())
    .bind(documents.0)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn seeds(
    connection: &mut SqliteConnection,
    changes: &[(i64, &Change)],
) -> sqlx::Result<()> {
    let rows: Vec<_> = changes
        .iter()
        .flat_map(|(number, change)| change.seeds.iter().map(move |seed| (seed, number)))
        .collect();
    let sql = "INSERT OR IGNORE INTO seeds (seed, number) \
               SELECT value ->> 0, value ->> 1 FROM json_each(?)";
    run(connection, sql, rows.is_empty(), &json!(rows)).await
}

/// The money of `changes`.
pub(super) async fn money(
    connection: &mut SqliteConnection,
    changes: &[(i64, &Change)],
) -> sqlx::Result<()> {
    let released: Vec<_> = changes
        .iter()
        .flat_map(|(number, change)| change.released.iter().map(move |call| (number, call)))
        .collect();
    let sql = "DELETE FROM spend WHERE (generation, call) IN \
               (SELECT value ->> 0, value ->> 1 FROM json_each(?))";
    run(connection, sql, released.is_empty(), &json!(released)).await?;
    let rows = changes.iter().flat_map(|(number, change)| {
        let generation = &change.generation;
        let entries = change.entries.iter();
        entries.map(move |entry| spend(*number, generation, entry))
    });
    all_spend(connection, rows.collect()).await
}

/// One row of `spend`.
pub(super) fn spend(number: i64, generation: &Generation, entry: &Entry) -> Value {
    let job = generation.job.as_ref();
    let request = job.map(|job| &job.request);
    let tags: BTreeSet<&String> = request.iter().flat_map(|request| &request.tags).collect();
    let spend = &entry.spend;
    json!([
        number,
        entry.call,
        generation.tenant.as_str(),
        entry.at,
        request.and_then(|request| request.campaign.as_deref()),
        job.and_then(|job| job.api_key.as_deref()),
        request.map(|request| request.model.as_str()),
        (!tags.is_empty()).then_some(tags),
        spend.images,
        spend.reserved.micros(),
        spend.settled.micros(),
        spend.unknown.micros(),
        spend.withheld.micros(),
        spend.duplicate.micros(),
        spend.late.micros(),
        spend.saved.micros(),
    ])
}

/// Puts rows of [`spend`] in their places.
pub(super) async fn all_spend(
    connection: &mut SqliteConnection,
    rows: Vec<Value>,
) -> sqlx::Result<()> {
    // `WHERE true` tells the parser that `ON` begins no join.
    let sql = "INSERT INTO spend (generation, call, tenant, at, campaign, api_key, model, tags, \
               images, reserved, settled, unknown, withheld, duplicate, late, saved) \
               SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, \
               value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, \
               value ->> 11, value ->> 12, value ->> 13, value ->> 14, value ->> 15 \
               FROM json_each(?) WHERE true \
               ON CONFLICT (generation, call) DO UPDATE SET at = excluded.at, \
               images = excluded.images, reserved = excluded.reserved, \
               settled = excluded.settled, unknown = excluded.unknown, \
               withheld = excluded.withheld, duplicate = excluded.duplicate, \
               late = excluded.late, saved = excluded.saved";
    run(connection, sql, rows.is_empty(), &json!(rows)).await
}

/// Runs a statement on `rows`, unless there are none.
pub(super) async fn run(
    connection: &mut SqliteConnection,
    sql: &'static str,
    is_empty: bool,
    rows: &Value,
) -> sqlx::Result<()> {
    if is_empty {
        return Ok(());
    }
    let query = sqlx::query(sql).bind(rows.to_string());
    query.execute(connection).await?;
    Ok(())
}
