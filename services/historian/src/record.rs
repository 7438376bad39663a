use bus::{Chronicle, Entry, Position, Source};
use domain::Event;
use history::History;
use runtime::{Component, crash};

use crate::metrics;

/// Writes events down, a chunk and its place in EVENTS in a transaction.
pub(crate) struct Record {
    history: History,
    health: Component,
}

impl Record {
    pub(crate) const fn new(history: History, health: Component) -> Self {
        Self { history, health }
    }

    async fn put(&self, entries: &[Entry], position: Position) -> Result<u64, history::Error> {
        let events: Vec<(u64, &Event)> = entries
            .iter()
            .map(|entry| (entry.sequence, &entry.event))
            .collect();
        let position = history::Position {
            sequence: position.sequence,
            stored_at: position.stored_at,
        };
        let written = self.history.write(&events, position).await?;
        crash::point("historian.before_commit");
        let position = written.commit().await?;
        crash::point("historian.after_commit");
        Ok(position)
    }

    /// Our health is that of the database.
    fn told<T>(&self, outcome: Result<T, history::Error>) -> Result<T, Source> {
        match &outcome {
            Ok(_) => self.health.ready(),
            Err(err) => self.health.not_ready(err.to_string()),
        }
        Ok(outcome?)
    }
}

impl Chronicle for Record {
    async fn position(&self) -> Result<Option<Position>, Source> {
        let reached = self.told(self.history.reached().await)?;
        Ok(reached.map(|reached| Position {
            sequence: reached.sequence,
            stored_at: reached.stored_at,
        }))
    }

    async fn rewind(&self) -> Result<(), Source> {
        self.told(self.history.rewind().await)?;
        metrics::POSITION.set(0);
        Ok(())
    }

    async fn write(&self, entries: &[Entry], position: Position) -> Result<(), Source> {
        let position = self.told(self.put(entries, position).await)?;
        metrics::POSITION.set(metrics::number(position));
        metrics::EVENTS.inc_by(entries.len() as u64);
        Ok(())
    }

    fn lag(&self, entries: u64) {
        metrics::LAG.set(metrics::number(entries));
    }
}
