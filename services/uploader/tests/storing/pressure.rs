//! What cannot be stored is not bought: `gate/store`.

use domain::{GenerationId, ImageState};
use jiff::SignedDuration;

use crate::HOUR;
use crate::world::{PATIENCE, World};

#[tokio::test]
async fn a_store_that_takes_nothing_shuts_the_gate_and_opens_it_when_it_does() -> anyhow::Result<()>
{
    let world = World::start().await?;
    world.opened().await?;
    // Nothing can be put below a file, while a probe beside it succeeds.
    let obstacle = world.folder.path().join("generated");
    std::fs::write(&obstacle, "")?;
    let id = GenerationId::generate();
    world.render(id, &[Some("whole")], HOUR).await?;
    let reason = world.shut().await?;
    assert!(reason.contains("generated/"), "{reason}");

    std::fs::remove_file(&obstacle)?;
    let image = &world.completed(id).await?.images[0];
    assert_eq!(image.state, ImageState::Stored);
    world.opened().await?;
    world.stop().await
}

#[tokio::test]
async fn while_the_store_is_away_nothing_is_downloaded_in_vain() -> anyhow::Result<()> {
    let world = World::start().await?;
    let first = GenerationId::generate();
    world.render(first, &[Some("whole")], HOUR).await?;
    world.completed(first).await?;
    let aside = tempfile::tempdir()?;
    std::fs::rename(world.folder.path(), aside.path().join("images"))?;
    std::fs::write(world.folder.path(), "")?;
    world.shut().await?;
    let id = GenerationId::generate();
    world.render(id, &[Some("whole")], HOUR).await?;
    testkit::wait_until(PATIENCE, "it to be put off", async || {
        matches!(world.put_off().await, Ok(1))
    })
    .await?;
    assert_eq!(world.links.asked(), ["whole"]);

    std::fs::remove_file(world.folder.path())?;
    std::fs::rename(aside.path().join("images"), world.folder.path())?;
    world.completed(id).await?;
    assert_eq!(world.links.asked(), ["whole", "whole"]);
    world.opened().await?;
    world.stop().await
}

/// One who has a reason renews its word; one who is gone does not, and another opens.
#[tokio::test]
async fn a_gate_is_opened_by_whoever_can_store_and_not_before_its_shutter_is_gone()
-> anyhow::Result<()> {
    let mut world = World::tuned(|config| config.min_free = u64::MAX).await?;
    let reason = world.shut().await?;
    assert!(reason.contains("no room is left"), "{reason}");
    world.config.min_free = 0;
    world.join()?;
    let mark = |said: &str| said.split(' ').next().map(str::to_owned);
    let (first, revision) = world.gate().await?.unwrap_or_default();
    // Each look of the first one renews it; a mark that lasts for six is the first one's all the time.
    testkit::wait_until(
        PATIENCE,
        "thirty looks",
        async || matches!(world.gate().await, Ok(Some((_, now))) if now >= revision + 30),
    )
    .await?;
    let (last, _) = world.gate().await?.unwrap_or_default();
    assert_eq!(mark(&last), mark(&first));

    world.services.remove(0).kill();
    world.opened().await?;
    world.stop().await
}

#[tokio::test]
async fn a_halt_of_the_picture_host_shuts_the_gate_before_links_die() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.links.stumble(u32::MAX);
    let ids = [(); 4].map(|()| GenerationId::generate());
    for id in ids {
        let life = SignedDuration::from_secs(12);
        world.render(id, &[Some("whole")], life).await?;
    }
    let reason = world.shut().await?;
    assert!(reason.contains("4 generations are overdue"), "{reason}");
    world.links.stumble(0);
    for id in ids {
        assert_eq!(
            world.completed(id).await?.images[0].state,
            ImageState::Stored
        );
    }
    world.opened().await?;
    world.stop().await
}

#[tokio::test]
async fn one_link_that_gives_nothing_does_not_shut_the_gate() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bad = GenerationId::generate();
    let life = SignedDuration::from_secs(3);
    world.render(bad, &[Some("503")], life).await?;
    // Until the link is dead and the end is told.
    let failed = testkit::wait_for(PATIENCE, "the end", async || {
        let is_open = matches!(world.gate().await, Ok(None));
        let entries = world.bus.ledger().read(bad).await.ok()?;
        let is_over = entries.iter().any(|entry| entry.event.is_terminal());
        (is_over || !is_open).then_some(is_open)
    });
    assert!(failed.await?, "the gate was shut");
    world.stop().await
}
