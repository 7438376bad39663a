//! What is not settled is seen from outside, whether or not anybody works.

use bus::{Backlog, Stage, Step, Wait, Waits};
use domain::{GenerationId, Rendered};
use jiff::{SignedDuration, Timestamp};
use testkit::wait_until;

use crate::events::rendered;
use crate::world::{LIMIT, POLICY, Running, Script, World};

impl World {
    async fn uploads(&self, most: usize) -> anyhow::Result<(Backlog, Vec<(Waits, GenerationId)>)> {
        let mut seen = Vec::new();
        let see = |waits, rendered: Rendered| seen.push((waits, rendered.job.id));
        let backlog = self.bus.backlog(Stage::Upload, most, see).await?;
        Ok((backlog, seen))
    }

    async fn until_uploads(&self, in_line: u64, put_off: u64) -> anyhow::Result<()> {
        wait_until(LIMIT, "the backlog", async || {
            let uploads = self.uploads(1).await;
            uploads.is_ok_and(|(found, _)| (found.in_line, found.put_off) == (in_line, put_off))
        })
        .await
    }
}

#[tokio::test]
async fn a_backlog_is_what_nobody_took_and_what_was_put_off() -> anyhow::Result<()> {
    let world = World::start().await?;
    assert_eq!(world.uploads(10).await?, (Backlog::default(), Vec::new()));
    // More than one page.
    let ids: Vec<_> = (0..300).map(|_| GenerationId::generate()).collect();
    for &id in &ids {
        world.bus.ledger().append(rendered(id), 0).await?;
    }
    let (backlog, seen) = world.uploads(1_000).await?;
    assert_eq!((backlog.in_line, backlog.put_off), (300, 0));
    let expected: Vec<_> = ids.iter().map(|&id| (Waits::InLine, id)).collect();
    assert_eq!(seen, expected, "oldest first");
    let (limited, seen) = world.uploads(3).await?;
    assert_eq!((limited, seen.len()), (backlog, 3));

    // Every second one is put off for an hour, the others are settled.
    let odd: Vec<_> = ids.iter().copied().skip(1).step_by(2).collect();
    let later = odd.clone();
    let handler = Script::<Rendered>::new(move |rendered, _| {
        let step = match later.contains(&rendered.job.id) {
            false => Step::done(),
            true => Step::Wait(Wait {
                until: Timestamp::now() + SignedDuration::from_hours(1),
                counts: false,
                emit: Vec::new(),
            }),
        };
        async { Ok(step) }
    });
    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);
    world.until_uploads(0, 150).await?;
    let (after, mut seen) = world.uploads(1_000).await?;
    seen.sort_unstable_by_key(|(_, id)| *id);
    let mut expected: Vec<_> = odd.iter().map(|&id| (Waits::PutOff, id)).collect();
    expected.sort_unstable_by_key(|(_, id)| *id);
    assert_eq!(seen, expected);
    assert_eq!(after.settled - backlog.settled, 150);
    let (limited, seen) = world.uploads(3).await?;
    assert_eq!((limited.put_off, seen.len()), (150, 3));
    worker.stop().await
}

#[tokio::test]
async fn the_oldest_that_is_not_settled_is_seen_behind_those_that_are() -> anyhow::Result<()> {
    let world = World::start().await?;
    let ids = [(); 4].map(|()| GenerationId::generate());
    for id in ids {
        world.bus.ledger().append(rendered(id), 0).await?;
    }
    let stuck = ids[1];
    let handler = Script::<Rendered>::new(move |rendered, _| async move {
        if rendered.job.id == stuck {
            std::future::pending::<()>().await;
        }
        Ok(Step::done())
    });
    let worker = Running::start(&world.bus, Stage::Upload, POLICY, handler);
    world.until_uploads(1, 0).await?;
    let (_, seen) = world.uploads(1).await?;
    assert_eq!(seen, [(Waits::InLine, stuck)]);
    drop(worker);
    Ok(())
}
