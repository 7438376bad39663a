//! A lease outlives its holder by its time and no longer, however it was got.

use std::time::Duration;

use async_nats::jetstream::message::StreamMessage;
use bus::{Bus, Config, LeaseConfig};
use testkit::{wait_for, wait_until};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::LocalSet;
use tokio::time::{Instant, timeout};

use super::line::Deaf;
use super::{QUICK, Turn, begins, contend, contend_for};
use crate::world::{LIMIT, World, header, next};

const SUBJECT: &str = "$KV.books.lease.account";
/// A holder that is silent for its time is noticed within this much more.
const NOTICED: Duration = Duration::from_secs(2);

/// What the bucket has under the key of the lease, a mark of its end included.
async fn stored(world: &World) -> anyhow::Result<StreamMessage> {
    let bucket = world.outside.get_stream("KV_books").await?;
    Ok(bucket.get_last_raw_message_by_subject(SUBJECT).await?)
}

/// Waits until a message with this header is all that is left of the lease.
async fn only_a_mark_is_left(world: &World, name: &str) -> anyhow::Result<()> {
    let what = format!("a mark with `{name}`");
    wait_until(LIMIT, &what, async || {
        stored(world)
            .await
            .is_ok_and(|message| header(&message, name).is_some())
    })
    .await
}

/// Two get it one after the other, and die before they have renewed it.
async fn dies_at_once_and_is_followed(
    world: &World,
    tell: &UnboundedSender<Turn>,
    told: &mut UnboundedReceiver<Turn>,
) -> anyhow::Result<()> {
    let mut fences = Vec::new();
    for who in [1, 2] {
        let died = Instant::now();
        let holder = contend(&world.bus, who, tell);
        let (_, fence, _) = timeout(QUICK.ttl + NOTICED, begins(told)).await??;
        let took = died.elapsed();
        // Dropped on the thread that it runs on: no renewal, no release.
        drop(holder);
        let message = stored(world).await?;
        assert_eq!(message.sequence, fence, "renewed before it died");
        if who == 2 {
            assert!(took > QUICK.ttl / 2, "taken from a holder, after {took:?}");
        }
        fences.push(fence);
    }
    assert!(fences.is_sorted());
    Ok(())
}

#[tokio::test]
async fn one_that_got_a_released_lease_and_died_at_once_does_not_keep_it() -> anyhow::Result<()> {
    LocalSet::new()
        .run_until(async {
            let world = World::start().await?;
            let (tell, mut told) = mpsc::unbounded_channel();
            let polite = contend(&world.bus, 0, &tell);
            begins(&mut told).await?;
            polite.stop().await?;
            assert!(matches!(next(&mut told).await?, Turn::Lost { .. }));
            only_a_mark_is_left(&world, "KV-Operation").await?;

            dies_at_once_and_is_followed(&world, &tell, &mut told).await
        })
        .await
}

#[tokio::test]
async fn one_that_got_a_lease_that_ran_out_and_died_at_once_does_not_keep_it() -> anyhow::Result<()>
{
    LocalSet::new()
        .run_until(async {
            let world = World::start().await?;
            let (tell, mut told) = mpsc::unbounded_channel();
            let dead = contend(&world.bus, 0, &tell);
            begins(&mut told).await?;
            drop(dead);
            only_a_mark_is_left(&world, "Nats-Marker-Reason").await?;

            dies_at_once_and_is_followed(&world, &tell, &mut told).await
        })
        .await
}

#[tokio::test]
async fn of_two_who_ask_at_once_one_gets_it_though_they_have_one_name() -> anyhow::Result<()> {
    LocalSet::new()
        .run_until(async {
            let world = World::start().await?;
            let (tell, mut told) = mpsc::unbounded_channel();
            let twin = Bus::connect(&Config::plain(world.server.url(), "test")).await?;
            // Over nothing, and over what a release leaves.
            for _ in 0..2 {
                let both: Vec<_> = [&world.bus, &twin]
                    .into_iter()
                    .enumerate()
                    .map(|(who, bus)| contend(bus, who, &tell))
                    .collect();
                begins(&mut told).await?;
                let other = timeout(QUICK.ttl + QUICK.renew, told.recv()).await;
                assert!(other.is_err(), "{other:?}");

                for contender in both {
                    contender.stop().await?;
                }
                only_a_mark_is_left(&world, "KV-Operation").await?;
                // The end of the one, and perhaps a short turn of the other.
                while told.try_recv().is_ok() {}
            }
            Ok(())
        })
        .await
}

#[tokio::test]
async fn one_that_never_heard_that_it_has_the_lease_finds_out_by_looking() -> anyhow::Result<()> {
    const SLOW: LeaseConfig = LeaseConfig {
        ttl: Duration::from_secs(8),
        renew: Duration::from_millis(500),
    };
    LocalSet::new()
        .run_until(async {
            let world = World::start().await?;
            let line = Deaf::to(world.server.url(), SUBJECT).await?;
            let far = Bus::connect(&Config::plain(line.url.clone(), "test")).await?;
            let (tell, mut told) = mpsc::unbounded_channel();
            let _far = contend_for(SLOW, &far, 0, &tell);
            let unheard = wait_for(LIMIT, "the write to arrive", async || {
                stored(&world).await.ok()
            })
            .await?;
            line.hang_up();
            let asked = Instant::now();
            // Has the same name, and is not taken in by it.
            let _near = contend_for(SLOW, &world.bus, 1, &tell);

            let (who, fence, at) = begins(&mut told).await?;

            let took = at.duration_since(asked);
            assert!(who == 0 && took < SLOW.ttl, "{who} after {took:?}");
            assert!(fence > unheard.sequence);
            Ok(())
        })
        .await
}

#[tokio::test]
async fn a_lease_of_an_earlier_version_that_would_last_for_ever_does_not() -> anyhow::Result<()> {
    LocalSet::new()
        .run_until(async {
            let world = World::start().await?;
            let books = world.outside.get_key_value("books").await?;
            books.put("lease.account", "generator".into()).await?;
            let (tell, mut told) = mpsc::unbounded_channel();
            let found = Instant::now();
            let _contender = contend(&world.bus, 0, &tell);

            let (_, _, at) = timeout(LIMIT, begins(&mut told)).await??;

            let took = at.duration_since(found);
            // Its holder, if there is one, believes in it for less than its time.
            assert!(
                took > QUICK.ttl - QUICK.renew / 2,
                "taken from a holder: {took:?}"
            );
            assert!(took < QUICK.ttl + NOTICED, "only after {took:?}");
            Ok(())
        })
        .await
}
