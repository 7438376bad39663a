//! The ledger as whoever takes over reads it: all of the past, the word that it is read, and then
//! what happens.

use bus::{Entry, Followed};
use domain::{Event, GenerationId};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::timeout;

use crate::events::{calling, completed, rendered};
use crate::world::{LIMIT, World};

async fn next(followed: &mut BoxStream<'static, Followed>) -> anyhow::Result<Followed> {
    let next = timeout(LIMIT, followed.next()).await?;
    next.ok_or_else(|| anyhow::anyhow!("it goes on for ever"))
}

async fn entry(followed: &mut BoxStream<'static, Followed>) -> anyhow::Result<Entry> {
    match next(followed).await? {
        Followed::Entry(entry) => Ok(entry),
        other => anyhow::bail!("expected an entry: {other:?}"),
    }
}

#[tokio::test]
async fn the_past_is_read_then_that_is_said_then_comes_what_happens() -> anyhow::Result<()> {
    let world = World::start().await?;
    let ledger = world.bus.ledger();
    let id = GenerationId::generate();
    let first = ledger.append(calling(id, "one"), 0).await?;
    let second = ledger.append(rendered(id), first).await?;
    let other = ledger.append(completed(id), second).await?;
    assert_eq!(ledger.end().await?, other);

    let filters = ["generation.calling.*", "generation.rendered.*"];
    let mut all = ledger.follow(&filters, 0);
    let mut tail = ledger.follow(&filters, first);

    assert_eq!(entry(&mut all).await?.sequence, first);
    assert_eq!(entry(&mut all).await?.event, rendered(id).into());
    assert_eq!(entry(&mut tail).await?.sequence, second);
    for followed in [&mut all, &mut tail] {
        // Up to the end of the stream, though nothing at its end matches.
        let said = next(followed).await?;
        assert!(
            matches!(said, Followed::CaughtUp(end) if end == other),
            "{said:?}"
        );
    }
    let id = GenerationId::generate();
    let live = ledger.append(calling(id, "two"), 0).await?;
    for followed in [&mut all, &mut tail] {
        let entry = entry(followed).await?;
        assert_eq!(
            (entry.sequence, entry.event),
            (live, calling(id, "two").into())
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_past_without_anything_is_read_at_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let ledger = world.bus.ledger();
    let mut empty = ledger.follow(&["generation.calling.*"], 0);
    assert!(matches!(next(&mut empty).await?, Followed::CaughtUp(0)));

    let last = ledger.append(rendered(GenerationId::generate()), 0).await?;

    let mut nothing = ledger.follow(&["generation.calling.*"], 0);
    assert!(matches!(next(&mut nothing).await?, Followed::CaughtUp(end) if end == last));
    let mut read = ledger.follow(&["generation.*.*"], last);
    assert!(matches!(next(&mut read).await?, Followed::CaughtUp(end) if end == last));
    Ok(())
}

#[tokio::test]
async fn a_past_that_ends_in_something_deleted_comes_to_its_end() -> anyhow::Result<()> {
    let world = World::start().await?;
    let ledger = world.bus.ledger();
    let first = ledger.append(rendered(GenerationId::generate()), 0).await?;
    let last = ledger.append(rendered(GenerationId::generate()), 0).await?;
    let mut followed = ledger.follow(&[], 0);
    assert_eq!(entry(&mut followed).await?.sequence, first);

    // Whether it is deleted before or after it is on its way to us, the replay ends.
    world
        .outside
        .get_stream("EVENTS")
        .await?
        .delete_message(last)
        .await?;

    let said = match next(&mut followed).await? {
        Followed::Entry(_) => next(&mut followed).await?,
        other => other,
    };
    assert!(
        matches!(said, Followed::CaughtUp(end) if end == last),
        "{said:?}"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_no_event_is_named_and_the_others_come() -> anyhow::Result<()> {
    let world = World::start().await?;
    let ledger = world.bus.ledger();
    let id = GenerationId::generate();
    let subject = format!("generation.calling.{id}");
    let by_hand = world
        .outside
        .publish(subject.clone(), "{}".into())
        .await?
        .await?;
    let last = ledger.append(rendered(id), by_hand.sequence).await?;

    let mut followed = ledger.follow(&["generation.*.*"], 0);

    match next(&mut followed).await? {
        Followed::Unreadable(found) => {
            assert_eq!((found.sequence, found.subject), (by_hand.sequence, subject));
        }
        other => anyhow::bail!("{other:?} can be read"),
    }
    assert_eq!(entry(&mut followed).await?.sequence, last);
    assert!(matches!(next(&mut followed).await?, Followed::CaughtUp(end) if end == last));
    Ok(())
}

#[tokio::test]
async fn nothing_is_missing_and_nothing_comes_twice_when_the_broker_dies() -> anyhow::Result<()> {
    const ROUNDS: usize = 3;
    const EVENTS: usize = 400;
    let mut world = World::start().await?;
    let ledger = world.bus.ledger();
    let mut written = Vec::new();
    let write = async |written: &mut Vec<u64>| -> anyhow::Result<()> {
        for _ in 0..EVENTS {
            written.push(ledger.append(rendered(GenerationId::generate()), 0).await?);
        }
        Ok(())
    };
    write(&mut written).await?;
    let mut followed = ledger.follow(&["generation.rendered.*"], 0);
    let mut read = Vec::new();
    let mut caught_up = Vec::new();
    let mut take = async |count: usize| -> anyhow::Result<()> {
        while read.len() < count {
            match next(&mut followed).await? {
                Followed::Entry(Entry {
                    sequence,
                    event: Event::Rendered(_),
                    ..
                }) => read.push(sequence),
                Followed::CaughtUp(end) => caught_up.push((end, read.len())),
                other => anyhow::bail!("{other:?}"),
            }
        }
        Ok(())
    };
    // In the middle of the replay, and then while it is followed live.
    take(EVENTS / 2).await?;
    for _ in 0..ROUNDS {
        world.server.kill().await?;
        world.server.restart().await?;
        write(&mut written).await?;
        take(written.len() - EVENTS / 2).await?;
    }
    take(written.len()).await?;

    assert_eq!(read, written);
    assert_eq!(caught_up.len(), 1);
    let (end, at) = caught_up[0];
    assert!(
        end >= written[EVENTS - 1] && read[at - 1] == end,
        "{end} after {at}"
    );
    Ok(())
}
