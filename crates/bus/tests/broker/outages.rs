//! Workers that die, brokers that die, and how much is held when they do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Policy, Stage, Step};
use domain::{GenerationId, Rendered};
use tokio::sync::{Semaphore, mpsc};

use crate::events::{completed, rendered};
use crate::world::{LIMIT, POLICY, Running, Script, World, next};

/// A handler that tells of each delivery and then waits for a permit.
fn gated(
    permits: &Arc<Semaphore>,
) -> (
    Script<Rendered>,
    mpsc::UnboundedReceiver<(GenerationId, bool)>,
) {
    let (tell, told) = mpsc::unbounded_channel();
    let permits = Arc::clone(permits);
    let handler = Script::<Rendered>::new(move |input, delivery| {
        let (tell, permits) = (tell.clone(), Arc::clone(&permits));
        async move {
            tell.send((input.job.id, delivery.redelivered)).ok();
            if let Ok(permit) = permits.acquire().await {
                permit.forget();
            }
            let expect = bus::Expect::after(&delivery);
            Ok(Step::emit(completed(input.job.id), expect))
        }
    });
    (handler, told)
}

async fn publish(world: &World, count: usize) -> anyhow::Result<Vec<GenerationId>> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let id = GenerationId::generate();
        world.bus.ledger().append(rendered(id), 0).await?;
        ids.push(id);
    }
    Ok(ids)
}

#[tokio::test]
async fn the_work_of_a_worker_that_vanishes_is_done_by_another() -> anyhow::Result<()> {
    let world = World::impatient(Duration::from_secs(1)).await?;
    let ids = publish(&world, 1).await?;
    let permits = Arc::new(Semaphore::new(0));
    let (handler, mut told) = gated(&permits);
    let first = Running::start(&world.bus, Stage::Upload, POLICY, handler);
    assert_eq!(next(&mut told).await?, (ids[0], false));

    drop(first);
    permits.add_permits(10);
    let (handler, mut told) = gated(&permits);
    let second = Running::start(&world.bus, Stage::Upload, POLICY, handler);

    assert_eq!(next(&mut told).await?, (ids[0], true));
    world.settled("EVENTS", "upload", 2).await?;
    second.stop().await
}

#[tokio::test]
async fn a_worker_that_is_busy_for_long_keeps_its_message() -> anyhow::Result<()> {
    let ack_wait = Duration::from_millis(600);
    let world = World::impatient(ack_wait).await?;
    publish(&world, 1).await?;
    let permits = Arc::new(Semaphore::new(0));
    let (handler, mut told) = gated(&permits);
    let worker = Running::start(
        &world.bus,
        Stage::Upload,
        Policy { ack_wait, ..POLICY },
        handler,
    );
    next(&mut told).await?;

    // Silence for three times the wait proves that nothing came again.
    let again = tokio::time::timeout(3 * ack_wait, told.recv()).await;

    assert!(
        again.is_err(),
        "delivered again in the middle of the work: {again:?}"
    );
    permits.add_permits(1);
    world.settled("EVENTS", "upload", 1).await?;
    worker.stop().await
}

#[tokio::test]
async fn no_more_is_held_than_as_much_again_as_is_in_work() -> anyhow::Result<()> {
    const MESSAGES: usize = 60;
    let world = World::start().await?;
    publish(&world, MESSAGES).await?;
    let permits = Arc::new(Semaphore::new(0));
    let (handler, mut told) = gated(&permits);
    let policy = Policy {
        concurrency: 8,
        ..POLICY
    };

    let worker = Running::start(&world.bus, Stage::Upload, policy, handler);

    for _ in 0..8 {
        next(&mut told).await?;
    }
    let more = tokio::time::timeout(Duration::from_millis(300), told.recv()).await;
    assert!(more.is_err(), "a ninth is in work");
    let held = world.consumer("EVENTS", "upload").await?.num_ack_pending;
    assert!((8..=16).contains(&held), "{held} are held");
    permits.add_permits(MESSAGES);
    world.settled("EVENTS", "upload", MESSAGES as u64).await?;
    worker.stop().await
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_in_work_and_takes_nothing_more() -> anyhow::Result<()> {
    let world = World::start().await?;
    let ids = publish(&world, 2).await?;
    let permits = Arc::new(Semaphore::new(0));
    let (handler, mut told) = gated(&permits);
    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);
    next(&mut told).await?;
    next(&mut told).await?;

    worker.shutdown.cancel();
    let late = publish(&world, 1).await?;
    permits.add_permits(10);
    worker.stop().await?;

    for id in ids {
        let entries = world.bus.ledger().read(id).await?;
        assert!(
            entries.iter().any(|entry| entry.event.is_terminal()),
            "{id} was not finished"
        );
    }
    // The late one may have been on its way to us as we left: then it is given to the next after
    // `ack_wait`. The two are settled either way.
    let held = world.consumer("EVENTS", "upload").await?.num_ack_pending;
    assert!(held <= late.len(), "{held} are held by nobody");
    assert_eq!(
        world.bus.ledger().read(late[0]).await?.len(),
        1,
        "taken after the shutdown"
    );
    Ok(())
}

#[tokio::test]
async fn a_worker_goes_on_after_the_broker_was_away() -> anyhow::Result<()> {
    let mut world = World::impatient(Duration::from_secs(2)).await?;
    let permits = Arc::new(Semaphore::new(1_000));
    let (handler, mut told) = gated(&permits);
    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);
    let before = publish(&world, 1).await?;
    assert_eq!(next(&mut told).await?.0, before[0]);
    world.settled("EVENTS", "upload", 1).await?;

    world.server.kill().await?;
    world.server.restart().await?;
    let back = Instant::now();
    let after = publish(&world, 20).await?;

    for _ in &after {
        next(&mut told).await?;
    }
    let took = back.elapsed();
    assert!(
        took < Duration::from_secs(12),
        "went on only after {took:?}"
    );
    testkit::wait_until(LIMIT, "all to be acknowledged", async || {
        let info = world.consumer("EVENTS", "upload").await;
        info.is_ok_and(|info| info.num_ack_pending == 0 && info.num_pending == 0)
    })
    .await?;
    worker.stop().await
}

#[tokio::test]
async fn a_shutdown_hands_back_at_once_what_was_not_begun() -> anyhow::Result<()> {
    const MESSAGES: usize = 6;
    let world = World::start().await?;
    publish(&world, MESSAGES).await?;
    let policy = Policy {
        concurrency: 4,
        ..POLICY
    };
    let permits = Arc::new(Semaphore::new(0));
    let (handler, mut busy) = gated(&permits);
    let leaving = Running::start(&world.bus, Stage::Upload, policy.clone(), handler);
    for _ in 0..policy.concurrency {
        next(&mut busy).await?;
    }
    testkit::wait_until(LIMIT, "more to be held than is in work", async || {
        let info = world.consumer("EVENTS", "upload").await;
        info.is_ok_and(|info| info.num_ack_pending == MESSAGES)
    })
    .await?;
    let (handler, mut told) = gated(&Arc::new(Semaphore::new(MESSAGES)));
    let staying = Running::start(&world.bus, Stage::Upload, policy.clone(), handler);

    // It still has work that takes long; what it has not begun does not wait for that, and not
    // until it is taken for dead.
    leaving.shutdown.cancel();

    for _ in policy.concurrency..MESSAGES {
        let (_, redelivered) = tokio::time::timeout(policy.ack_wait / 3, told.recv())
            .await?
            .ok_or_else(|| anyhow::anyhow!("nobody works"))?;
        assert!(redelivered);
    }
    permits.add_permits(MESSAGES);
    leaving.stop().await?;
    staying.stop().await
}
