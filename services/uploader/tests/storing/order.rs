//! Several at once, first come first served, and retries ahead.

use std::time::Duration;

use async_nats::jetstream;
use domain::GenerationId;

use crate::HOUR;
use crate::links::TOGETHER;
use crate::world::{PATIENCE, World};

#[tokio::test]
async fn the_pictures_of_one_job_and_of_several_are_fetched_at_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let one = GenerationId::generate();
    world
        .render(one, &[Some("together"); TOGETHER], HOUR)
        .await?;
    assert_eq!(world.completed(one).await?.images.len(), TOGETHER);

    let several = [(); TOGETHER].map(|()| GenerationId::generate());
    for id in several {
        world.render(id, &[Some("together")], HOUR).await?;
    }
    for id in several {
        world.completed(id).await?;
    }
    world.stop().await
}

#[tokio::test]
async fn a_retry_goes_before_what_is_new() -> anyhow::Result<()> {
    let world = World::tuned(|config| {
        config.downloads = 1;
        config.policy.concurrency = 1;
        config.policy.pause = Duration::from_millis(500);
    })
    .await?;
    let (retried, new) = (GenerationId::generate(), GenerationId::generate());
    world.links.stumble(1);
    world.render(retried, &[Some("whole")], HOUR).await?;
    testkit::wait_until(PATIENCE, "the first try", async || {
        world.links.asked() == ["whole"]
    })
    .await?;
    world.links.hold(true);
    let links = [Some("held-0"), Some("held-1"), Some("held-2")];
    world.render(new, &links, HOUR).await?;

    let work = jetstream::new(world.nats.client().await?);
    let work = work.get_stream("WORK").await?;
    testkit::wait_until(PATIENCE, "the retry to be due", async || {
        let info = work.consumer_info("upload-due").await;
        world.links.asked().len() == 2 && info.is_ok_and(|info| info.num_ack_pending == 1)
    })
    .await?;
    world.links.hold(false);
    world.completed(new).await?;
    world.completed(retried).await?;
    assert_eq!(
        world.links.asked(),
        ["whole", "held-0", "whole", "held-1", "held-2"]
    );
    world.stop().await
}
