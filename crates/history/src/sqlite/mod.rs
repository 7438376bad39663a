//! The history in an SQLite file: one writer, a few readers, write-ahead log.

mod migrate;
mod money;
mod open;
mod put;
mod read;
mod write;

use sqlx::{SqlitePool, sqlite::SqliteRow};

pub(crate) use write::Transaction;

/// Two pools on one file. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Sqlite {
    /// Of one connection: SQLite has one writer at a time, and waiting here costs nothing.
    writer: SqlitePool,
    readers: SqlitePool,
}

/// Sequences are counted from one by the server and stay far below 2^63.
fn unsigned(row: &SqliteRow, column: &str) -> Result<u64, sqlx::Error> {
    let number: i64 = sqlx::Row::try_get(row, column)?;
    Ok(number.unsigned_abs())
}

fn signed(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}
