//! A link is a stranger's word, whoever passes it on.

use std::time::Duration;

use domain::{Code, GenerationId, ImageState};
use jiff::SignedDuration;

use crate::HOUR;
use crate::world::World;

const SHORT: SignedDuration = SignedDuration::from_millis(300);

#[tokio::test]
async fn three_redirects_are_followed_and_no_fourth() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (near, far) = (GenerationId::generate(), GenerationId::generate());
    world.render(near, &[Some("hops/3")], HOUR).await?;
    let image = &world.completed(near).await?.images[0];
    assert_eq!(image.state, ImageState::Stored);
    assert_eq!(world.links.asked(), ["hop"; 4]);

    world.render(far, &[Some("hops/4")], SHORT).await?;
    let failure = world.failed(far).await?.failure;
    assert_eq!(failure.code, Code::DownloadFailed);
    assert!(failure.message.contains("307"), "{}", failure.message);
    assert_eq!(world.links.asked().len() % 4, 0, "four of five each time");
    world.stop().await
}

#[tokio::test]
async fn a_redirect_is_not_followed_to_where_a_link_may_not_lead() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    world.render(id, &[Some("astray")], SHORT).await?;

    let failure = world.failed(id).await?.failure;
    let named = failure.message.contains("DARKROOM_IMAGE_HOSTS");
    assert!(named, "{}", failure.message);
    let asked = world.links.asked();
    assert!(asked.iter().all(|kind| kind == "astray"), "{asked:?}");
    world.stop().await
}

#[tokio::test]
async fn a_body_without_end_is_cut_off_and_not_asked_for_again() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = GenerationId::generate();
    world.render(id, &[Some("endless")], HOUR).await?;

    let failure = world.failed(id).await?.failure;
    assert!(
        failure.message.contains("longer than"),
        "{}",
        failure.message
    );
    assert_eq!(world.links.asked(), ["endless"]);
    world.stop().await
}

#[tokio::test]
async fn a_body_that_drips_is_not_waited_for() -> anyhow::Result<()> {
    let world = World::tuned(|config| {
        config.sources.total_timeout = Duration::from_millis(300);
    })
    .await?;
    let id = GenerationId::generate();
    world.render(id, &[Some("drip")], SHORT).await?;

    let failure = world.failed(id).await?.failure;
    assert!(
        failure.message.contains("no complete answer"),
        "{}",
        failure.message
    );
    world.stop().await
}
