//! The history on real SQLite files.

mod deleting;
mod life;
mod migrating;
mod money;
mod opening;
mod projection;
mod repeating;
mod searching;

use domain::Tenant;
use history::History;
use tempfile::TempDir;

/// A database of one test's own.
struct Files(TempDir);

impl Files {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    fn url(&self) -> String {
        format!("sqlite://{}/data/history.db", self.0.path().display())
    }

    async fn open(&self) -> anyhow::Result<History> {
        Ok(History::open(&self.url()).await?)
    }
}

fn tenant(name: &str) -> anyhow::Result<Tenant> {
    Ok(name.parse()?)
}
