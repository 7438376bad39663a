use bus::{BatchHandler, Entry, Source};
use domain::Event;
use history::History;
use runtime::{Component, crash};

use crate::metrics;

/// Writes events down, a chunk in a transaction.
pub(crate) struct Record {
    history: History,
    health: Component,
}

impl Record {
    pub(crate) const fn new(history: History, health: Component) -> Self {
        Self { history, health }
    }

    async fn write(&self, entries: &[Entry]) -> Result<u64, history::Error> {
        let events: Vec<(u64, &Event)> = entries
            .iter()
            .map(|entry| (entry.sequence, &entry.event))
            .collect();
        let written = self.history.write(&events).await?;
        crash::point("historian.before_commit");
        let position = written.commit().await?;
        crash::point("historian.after_commit");
        Ok(position)
    }
}

impl BatchHandler for Record {
    async fn handle(&self, entries: &[Entry]) -> Result<(), Source> {
        match self.write(entries).await {
            Ok(position) => {
                self.health.ready();
                metrics::POSITION.set(metrics::number(position));
                metrics::EVENTS.inc_by(entries.len() as u64);
                Ok(())
            }
            Err(err) => {
                self.health.not_ready(err.to_string());
                Err(err.into())
            }
        }
    }
}
