use domain::Generation;
use prost::Message as _;
use sqlx::{AssertSqlSafe, Connection as _, Row as _, sqlite::SqliteConnection};
use wire::v1;

use super::put;
use crate::Error;
use crate::held;
use crate::ledger::Ledger;

/// Each brings the tables from one version to the next. Only ever added to.
const MIGRATIONS: [&str; 3] = [
    include_str!("1.sql"),
    include_str!("2.sql"),
    include_str!("3.sql"),
];
/// From which version on documents have identities and ledgers beside them.
const WITH_LEDGERS: i64 = 2;
/// Documents in memory at once.
const CHUNK: i64 = 256;

/// Makes the tables what this version knows. Of two processes that begin at once, one waits.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), Error> {
    let known = MIGRATIONS.len() as i64;
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(Error::Migrate)?;
    let found: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *transaction)
        .await
        .map_err(Error::Migrate)?;
    let done = usize::try_from(found)
        .ok()
        .filter(|done| *done <= MIGRATIONS.len());
    let Some(missing) = done.and_then(|done| MIGRATIONS.get(done..)) else {
        return Err(Error::Newer { found, known });
    };
    for migration in missing {
        let script = sqlx::raw_sql(*migration);
        script
            .execute(&mut *transaction)
            .await
            .map_err(Error::Migrate)?;
    }
    if found < WITH_LEDGERS {
        add_ledgers(&mut transaction).await?;
    }
    // A pragma takes no parameters; this one is a number of ours.
    let version = AssertSqlSafe(format!("PRAGMA user_version = {known}"));
    sqlx::raw_sql(version)
        .execute(&mut *transaction)
        .await
        .map_err(Error::Migrate)?;
    transaction.commit().await.map_err(Error::Migrate)
}

/// Works out from each document what is kept beside it since version 2.
async fn add_ledgers(connection: &mut SqliteConnection) -> Result<(), Error> {
    let mut last = 0;
    loop {
        let rows = sqlx::query(
            "SELECT number, document FROM generations WHERE number > ? ORDER BY number LIMIT ?",
        )
        .bind(last)
        .bind(CHUNK)
        .fetch_all(&mut *connection)
        .await
        .map_err(Error::Migrate)?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            last = row.try_get("number").map_err(Error::Migrate)?;
            let document: &[u8] = row.try_get("document").map_err(Error::Migrate)?;
            let generation = v1::Generation::decode(document)?.try_into()?;
            add_ledger(connection, last, &generation)
                .await
                .map_err(Error::Migrate)?;
        }
    }
}

async fn add_ledger(
    connection: &mut SqliteConnection,
    number: i64,
    generation: &Generation,
) -> sqlx::Result<()> {
    let ledger = Ledger::of(generation);
    sqlx::query("UPDATE generations SET identity = ?, ledger = ? WHERE number = ?")
        .bind(held::identity(generation))
        .bind(ledger.encode_to_vec())
        .bind(number)
        .execute(&mut *connection)
        .await?;
    let entries = ledger.entries(generation);
    let rows = entries
        .iter()
        .map(|entry| put::spend(number, generation, entry));
    put::all_spend(connection, rows.collect()).await
}
