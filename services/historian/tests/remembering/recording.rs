//! What is written down.

use domain::{Event, Status, Tenant, Usd};
use history::{Grouping, History, Search, SpendQuery};
use testkit::wait_until;

use crate::world::{LIMIT, PRICE, World, bought};

async fn has(history: &History, last: u64) -> anyhow::Result<()> {
    let what = format!("event {last} to be written down");
    wait_until(LIMIT, &what, async || {
        history.position().await.is_ok_and(|found| found == last)
    })
    .await
}

/// How many generations are completed, and what they cost.
async fn completed(history: &History) -> anyhow::Result<(usize, Usd)> {
    let mut search = Search {
        status: Some(Status::Completed),
        ..Search::all(Tenant::default())
    };
    let mut count = 0;
    loop {
        let page = history.search(&search).await?;
        count += page.items.len();
        search.cursor = page.cursor;
        if search.cursor.is_none() {
            break;
        }
    }
    let query = SpendQuery {
        tenant: Tenant::default(),
        by: Grouping::Day,
        from: None,
        to: None,
    };
    Ok((count, history.spend(&query).await?.total.spend.settled))
}

fn jobs(count: u32) -> anyhow::Result<Vec<Event>> {
    let mut events = Vec::new();
    for _ in 0..count {
        events.extend(bought("spring")?.1);
    }
    Ok(events)
}

#[tokio::test]
async fn each_event_is_written_down_once_whoever_dies() -> anyhow::Result<()> {
    const JOBS: u32 = 1_000;
    let mut world = World::start().await?;
    let history = world.history().await?;
    let events = jobs(JOBS)?;
    let (first, second) = events.split_at(events.len() / 2);

    // Historians die with what they hold; those who come after them find their place.
    for part in first.chunks(first.len() / 5) {
        let before = history.position().await?;
        let historian = world.historian()?;
        world.tell(part).await?;
        wait_until(LIMIT, "the first of them", async || {
            history.position().await.is_ok_and(|found| found > before)
        })
        .await?;
        historian.kill().await;
    }
    // Then two are there by mistake, and it is the server that dies.
    let (one, other) = (world.historian()?, world.historian()?);
    for part in second.chunks(second.len() / 2) {
        world.tell(part).await?;
        world.nats.kill().await?;
        world.nats.restart().await?;
    }

    has(&history, u64::from(2 * JOBS)).await?;
    let found = completed(&history).await?;
    assert_eq!(found, (JOBS as usize, PRICE.times(JOBS)));
    one.stop().await?;
    other.stop().await?;
    assert_eq!(completed(&history).await?, found);
    Ok(())
}

#[tokio::test]
async fn a_log_that_was_made_anew_is_written_down_too() -> anyhow::Result<()> {
    let world = World::start().await?;
    let history = world.history().await?;
    let historian = world.historian()?;
    world.tell(&jobs(3)?).await?;
    has(&history, 6).await?;
    historian.stop().await?;
    let client = world.nats.client().await?;
    let request = client.request("$JS.API.STREAM.DELETE.EVENTS", "".into());
    request.await?;
    bus::provision(&world.bus, 1).await?;

    // It ends before the place where the one before was left, and then behind it.
    let historian = world.historian()?;
    world.tell(&jobs(2)?).await?;
    wait_until(LIMIT, "both logs in history", async || {
        completed(&history).await.is_ok_and(|found| found.0 == 5)
    })
    .await?;
    assert_eq!(history.position().await?, 4);
    historian.stop().await?;
    world.tell(&jobs(2)?).await?;
    let historian = world.historian()?;
    has(&history, 8).await?;
    assert_eq!(completed(&history).await?, (7, PRICE.times(7)));
    historian.stop().await
}

#[tokio::test]
async fn what_an_earlier_version_left_out_is_found() -> anyhow::Result<()> {
    let world = World::start().await?;
    let events = jobs(3)?;
    world.tell(&events).await?;
    let history = world.history().await?;
    // It had the last two events, and lost the others.
    history.project(&[(5, &events[4]), (6, &events[5])]).await?;

    let historian = world.historian()?;

    wait_until(LIMIT, "what was lost", async || {
        completed(&history).await.is_ok_and(|found| found.0 == 3)
    })
    .await?;
    has(&history, 6).await?;
    historian.stop().await
}
