//! Remembers everything: reads every event, keeps what they add up to in a database, and answers
//! `history.get`, `history.search`, `history.find` and `history.spend`.
#![warn(missing_docs)]

mod answer;
mod config;
mod metrics;
mod record;

use anyhow::Context as _;
use bus::{Bus, Chronicler};
use history::History;
use runtime::Life;

pub use config::Config;

use crate::record::Record;

/// Runs the service until it is told to stop.
///
/// # Errors
///
/// The database cannot be opened, or the bus cannot be joined.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    let health = life.health.component("database");
    let history = History::open(&config.database)
        .await
        .context("DARKROOM_DATABASE_URL")?;
    metrics::POSITION.set(metrics::number(history.position().await?));
    health.ready();

    let bus = Bus::open(&config.bus, &life).await?;
    let record = Record::new(history.clone(), health);
    let recording = async {
        let chronicler = Chronicler::new(bus.clone(), record);
        chronicler.run(life.shutdown.clone()).await;
        Ok(())
    };
    let answering = async {
        answer::serve(&bus, &history, life.shutdown.clone())
            .await
            .context("historian stopped answering")
    };
    tokio::try_join!(recording, answering)?;
    bus.close().await;
    history.close().await;
    Ok(())
}
