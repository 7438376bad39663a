//! One dispatcher at a time, also when the one is cut off from everything.

mod expiry;
mod line;

use std::time::Duration;

use bus::{Bus, Config, Error, LeaseConfig};
use testkit::wait_until;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::LocalSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::line::Line;
use crate::world::{LIMIT, Running, World, next};

const QUICK: LeaseConfig = LeaseConfig {
    ttl: Duration::from_secs(2),
    renew: Duration::from_millis(500),
};

#[derive(Debug, PartialEq)]
enum Turn {
    Begins { who: usize, fence: u64, at: Instant },
    Lost { who: usize, at: Instant },
}

/// Contends for the lease; tells when it has it and when it has lost it.
fn contend(bus: &Bus, who: usize, tell: &UnboundedSender<Turn>) -> Running {
    contend_for(QUICK, bus, who, tell)
}

fn contend_for(
    config: LeaseConfig,
    bus: &Bus,
    who: usize,
    tell: &UnboundedSender<Turn>,
) -> Running {
    let shutdown = CancellationToken::new();
    let (bus, tell, token) = (bus.clone(), tell.clone(), shutdown.clone());
    Running::spawn_local(shutdown, async move {
        bus.while_leader("account", config, &token, async |lease| {
            tell.send(Turn::Begins {
                who,
                fence: lease.fence,
                at: Instant::now(),
            })
            .ok();
            lease.lost.cancelled().await;
            tell.send(Turn::Lost {
                who,
                at: Instant::now(),
            })
            .ok();
            Ok::<(), Error>(())
        })
        .await
    })
}

async fn begins(told: &mut UnboundedReceiver<Turn>) -> anyhow::Result<(usize, u64, Instant)> {
    match next(told).await? {
        Turn::Begins { who, fence, at } => Ok((who, fence, at)),
        other @ Turn::Lost { .. } => anyhow::bail!("expected a new holder: {other:?}"),
    }
}

#[tokio::test]
async fn of_three_one_holds_it_and_the_next_takes_over_with_a_higher_fence() -> anyhow::Result<()> {
    LocalSet::new()
        .run_until(async {
            let world = World::start().await?;
            let (tell, mut told) = mpsc::unbounded_channel();
            let mut contenders: Vec<Option<Running>> = (0..3)
                .map(|who| Some(contend(&world.bus, who, &tell)))
                .collect();
            let (first, fence, _) = begins(&mut told).await?;

            // Renewed for longer than it lasts, and nobody else gets it.
            let other = tokio::time::timeout(QUICK.ttl + QUICK.renew, told.recv()).await;
            assert!(other.is_err(), "{other:?}");

            // Dropped in the middle: no release, no last renewal.
            let died = Instant::now();
            contenders[first] = None;
            let (second, higher, at) = begins(&mut told).await?;
            assert!(second != first && higher > fence);
            let took = at.duration_since(died);
            assert!(took < Duration::from_secs(10), "took over after {took:?}");

            // Stopped politely: the third need not wait until it runs out.
            let stopped = Instant::now();
            contenders[second]
                .take()
                .map(Running::stop)
                .ok_or_else(|| anyhow::anyhow!("gone"))?
                .await?;
            assert!(matches!(next(&mut told).await?, Turn::Lost { who, .. } if who == second));
            let (_, highest, at) = begins(&mut told).await?;
            assert!(highest > higher);
            let took = at.duration_since(stopped);
            assert!(
                took < QUICK.ttl,
                "released, yet taken over only after {took:?}"
            );
            Ok(())
        })
        .await
}

#[tokio::test]
async fn who_is_told_to_stop_keeps_it_until_its_work_has_ended() -> anyhow::Result<()> {
    LocalSet::new()
        .run_until(async {
            let world = World::start().await?;
            let (tell, mut told) = mpsc::unbounded_channel();
            let (shutdown, finish) = (CancellationToken::new(), CancellationToken::new());
            let (bus, token) = (world.bus.clone(), shutdown.clone());
            let (telling, finished) = (tell.clone(), finish.clone());
            let _holder = Running::spawn_local(shutdown.clone(), async move {
                bus.while_leader("account", QUICK, &token, async |lease| {
                    let (fence, at) = (lease.fence, Instant::now());
                    telling.send(Turn::Begins { who: 0, fence, at }).ok();
                    lease.lost.cancelled().await;
                    assert!(!lease.held(), "nothing more may be begun");
                    finished.cancelled().await;
                    let at = Instant::now();
                    telling.send(Turn::Lost { who: 0, at }).ok();
                    Ok::<(), Error>(())
                })
                .await
            });
            let (_, fence, _) = begins(&mut told).await?;
            let _stand_by = contend(&world.bus, 1, &tell);

            shutdown.cancel();
            // Renewed for longer than it lasts, and nobody else gets it.
            let other = tokio::time::timeout(QUICK.ttl * 2, told.recv()).await;
            assert!(other.is_err(), "{other:?}");

            finish.cancel();
            let Turn::Lost { who: 0, at: ended } = next(&mut told).await? else {
                anyhow::bail!("another got it first");
            };
            let (who, higher, at) = begins(&mut told).await?;
            assert!(who == 1 && higher > fence);
            let took = at.duration_since(ended);
            assert!(
                took < QUICK.ttl,
                "released, yet taken over only after {took:?}"
            );
            Ok(())
        })
        .await
}

#[tokio::test]
async fn a_holder_that_is_cut_off_knows_before_another_gets_it() -> anyhow::Result<()> {
    LocalSet::new()
        .run_until(async {
            let world = World::start().await?;
            let line = Line::to(world.server.url()).await?;
            let far = Bus::connect(&Config::plain(line.url.clone(), "far")).await?;
            let (tell, mut told) = mpsc::unbounded_channel();
            let _holder = contend(&far, 0, &tell);
            let (who, fence, _) = begins(&mut told).await?;
            assert_eq!(who, 0);
            let _stand_by = contend(&world.bus, 1, &tell);

            let cut = Instant::now();
            line.cut();

            let Turn::Lost { who: 0, at: lost } = next(&mut told).await? else {
                anyhow::bail!("another got it first");
            };
            let (who, higher, taken) = begins(&mut told).await?;
            assert!(who == 1 && higher > fence && lost < taken);
            let took = taken.duration_since(cut);
            assert!(took < Duration::from_secs(10), "took over after {took:?}");
            Ok(())
        })
        .await
}

#[tokio::test]
async fn a_lease_survives_a_short_death_of_the_broker() -> anyhow::Result<()> {
    LocalSet::new()
        .run_until(async {
            let mut world = World::start().await?;
            let (tell, mut told) = mpsc::unbounded_channel();
            let contenders: Vec<Running> =
                (0..2).map(|who| contend(&world.bus, who, &tell)).collect();
            let (_, fence, _) = begins(&mut told).await?;

            world.server.kill().await?;
            world.server.restart().await?;

            // Kept or taken over, but never two at a time.
            world
                .bus
                .setting_or("books", "after", "the restart")
                .await?;
            wait_until(LIMIT, "the lease to have a holder", async || {
                world
                    .bus
                    .setting("books", "lease.account")
                    .await
                    .is_ok_and(|holder| holder.is_some())
            })
            .await?;
            let mut holders = 1;
            while let Ok(turn) = told.try_recv() {
                match turn {
                    Turn::Lost { .. } => holders -= 1,
                    Turn::Begins { fence: next, .. } => {
                        assert!(holders == 0 && next > fence, "two hold it");
                        holders += 1;
                    }
                }
            }
            for contender in contenders {
                contender.stop().await?;
            }
            Ok(())
        })
        .await
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "to hold up the runtime is what is tested"
)]
async fn a_holder_that_did_not_run_for_too_long_knows_before_anything_else_runs()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let shutdown = CancellationToken::new();
    // On one thread: while it blocks, nothing of this process runs, as when it is stopped.
    let work = async |lease: bus::Lease| {
        let renewed = Instant::now() + QUICK.ttl + QUICK.renew;
        tokio::time::sleep_until(renewed).await;
        let before = (lease.held(), lease.lost.is_cancelled());

        std::thread::sleep(QUICK.ttl);

        let told = lease.lost.is_cancelled();
        let held = lease.clone().held();
        assert_eq!((before, told, held), ((true, false), false, false));
        assert!(lease.lost.is_cancelled(), "lost for everybody");
        shutdown.cancel();
        Ok::<(), Error>(())
    };
    let leading = world.bus.while_leader("account", QUICK, &shutdown, work);
    tokio::time::timeout(LIMIT, leading).await??;
    Ok(())
}
