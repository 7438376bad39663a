//! The news that waiting is built upon.

use std::time::Duration;

use domain::{Event, GenerationId};
use futures::StreamExt;
use tokio::time::timeout;

use crate::desk::{Desk, accepted, completed, job, ready};

#[tokio::test]
async fn news_come_as_they_happen_of_what_is_wanted_and_nothing_else() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let (fox, hare) = (GenerationId::generate(), GenerationId::generate());
    let wanted = fox.to_string();
    let names = ["generation.completed", "generation.ready"];
    let mut news = desk.bus.news(&names, move |key| key == wanted).await?;

    let ledger = desk.bus.ledger();
    for id in [hare, fox] {
        let job = job(id, "an animal")?;
        let last = ledger.append(accepted(&job), 0).await?;
        let last = ledger.append(completed(&job), last).await?;
        ledger.append(ready(&job), last).await?;
    }

    for name in names {
        let event = timeout(Duration::from_secs(10), news.next()).await?;
        let told = event.map(|event: Event| (event.name(), event.generation()));
        assert_eq!(told, Some((name, Some(fox))));
    }
    desk.close().await
}
