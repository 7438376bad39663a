use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    Connection as _, SqlitePool,
    sqlite::{
        SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions,
        SqliteSynchronous,
    },
};

use super::{Sqlite, migrate::migrate};
use crate::Error;

/// How long to wait for another process that writes, and for a connection of a pool.
const PATIENCE: Duration = Duration::from_secs(10);
const READERS: u32 = 4;
/// <https://www.sqlite.org/rescode.html#notadb>
const NOT_A_DATABASE: &str = "26";

impl Sqlite {
    pub(crate) async fn open(url: &str) -> Result<Self, Error> {
        let path = path(url)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| Error::Folder {
                path: folder.to_owned(),
                source,
            })?;
        }
        let options = options(&path);
        let mut first = SqliteConnection::connect_with(&options)
            .await
            .map_err(|err| not_opened(path.clone(), err))?;
        migrate(&mut first).await?;
        first.close().await.map_err(Error::Migrate)?;

        let writer = pool(1).connect_lazy_with(options.clone());
        let readers = pool(READERS).connect_lazy_with(options.pragma("query_only", "on"));
        Ok(Self { writer, readers })
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn path(url: &str) -> Result<PathBuf, Error> {
    let (scheme, rest) = url.split_once(':').ok_or(Error::NoFile)?;
    if scheme != "sqlite" {
        return Err(Error::Scheme {
            scheme: scheme.chars().take(32).collect(),
        });
    }
    let path = rest.strip_prefix("//").unwrap_or(rest);
    // Parameters would be believed to work, and `:memory:` forgets.
    if path.is_empty() || path.ends_with('/') || path.starts_with(':') || path.contains('?') {
        return Err(Error::NoFile);
    }
    Ok(path.into())
}

fn options(path: &Path) -> SqliteConnectOptions {
    use sqlx::ConnectOptions as _;

    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .disable_statement_logging()
}

fn pool(connections: u32) -> SqlitePoolOptions {
    // A file does not hang up: connections need no test before use and no renewal.
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

fn not_opened(path: PathBuf, source: sqlx::Error) -> Error {
    let code = source.as_database_error().and_then(|err| err.code());
    match code.as_deref() {
        Some(NOT_A_DATABASE) => Error::NotADatabase(path),
        _ => Error::Open { path, source },
    }
}

impl Sqlite {
    pub(super) const fn readers(&self) -> &SqlitePool {
        &self.readers
    }
}
