//! Links that died: the provider is asked for others once, whatever happens to us meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bus::{Bus, Refusal};
use domain::{Code, GenerationId, ImageState, Rendered};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use url::Url;
use wire::{ask, v1};

use crate::HOUR;
use crate::world::{PATIENCE, World};

/// A generator as far as it matters here: it answers with links of these kinds, or refuses.
struct Generator {
    asked: Arc<AtomicUsize>,
    end: CancellationToken,
}

impl Generator {
    async fn start(world: &World, kinds: &[&str]) -> anyhow::Result<Self> {
        let links = kinds.iter().map(|kind| world.links.link(kind));
        let links = links.collect::<anyhow::Result<Vec<Url>>>()?;
        Self::answering(world, move || {
            let image = |(index, link): (u32, &Url)| v1::RenderedImage {
                index,
                link: Some(link.to_string()),
                seed: None,
                prompt: None,
            };
            let expires_at = Timestamp::now().saturating_add(HOUR);
            Ok(ask::write(&v1::Links {
                images: (0..).zip(&links).map(image).collect(),
                expires_at: expires_at.unwrap_or(Timestamp::MAX).to_string(),
            }))
        })
        .await
    }

    async fn answering(
        world: &World,
        answer: impl Fn() -> bus::Answer + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let (asked, end) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let bus = Bus::connect(&bus::Config::plain(world.nats.url(), "generator")).await?;
        let (count, token) = (Arc::clone(&asked), end.clone());
        tokio::spawn(async move {
            let answer = |_, body: bytes::Bytes| {
                count.fetch_add(1, Ordering::SeqCst);
                let query = ask::read::<v1::LinksQuery>(&body);
                let is_ours = query.is_ok_and(|query| query.provider_id == NAME);
                let answer = is_ours.then(&answer);
                async { answer.unwrap_or_else(|| Err(Refusal::bad("another name"))) }
            };
            bus.answer("generator", &["links"], token, answer).await
        });
        let ready = Self { asked, end };
        testkit::wait_until(PATIENCE, "the generator", async || {
            let info = world.nats.client().await.ok();
            let Some(client) = info else { return false };
            client
                .request("$SRV.PING.generator", bytes::Bytes::new())
                .await
                .is_ok()
        })
        .await?;
        Ok(ready)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// The provider's name for what is rendered here.
const NAME: &str = "the-providers-name";

async fn render(
    world: &World,
    links: &[&str],
    ttl: SignedDuration,
) -> anyhow::Result<GenerationId> {
    let id = GenerationId::generate();
    let links: Vec<_> = links.iter().copied().map(Some).collect();
    let rendered = Rendered {
        provider_id: Some(NAME.to_owned()),
        ..world.rendered(id, &links, ttl)?
    };
    world.bus.ledger().append(rendered, 0).await?;
    Ok(id)
}

#[tokio::test]
async fn a_dead_link_is_replaced_and_the_picture_is_not_lost() -> anyhow::Result<()> {
    let world = World::start().await?;
    let generator = Generator::start(&world, &["whole", "whole"]).await?;
    let id = render(&world, &["410", "whole"], HOUR).await?;

    let images = world.completed(id).await?.images;
    assert!(images.iter().all(|image| image.state == ImageState::Stored));
    assert_eq!(generator.asked(), 1);
    assert_eq!(world.told(&format!("generation.*.{id}")).await?, 2);
    world.stop().await
}

#[tokio::test]
async fn a_link_whose_time_is_over_is_replaced_too() -> anyhow::Result<()> {
    let world = World::start().await?;
    let generator = Generator::start(&world, &["whole"]).await?;
    let id = render(&world, &["503"], SignedDuration::from_millis(300)).await?;

    assert_eq!(
        world.completed(id).await?.images[0].state,
        ImageState::Stored
    );
    assert_eq!(generator.asked(), 1);
    world.stop().await
}

#[tokio::test]
async fn if_the_other_link_is_dead_too_the_picture_is_lost_and_nobody_asks_again()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let generator = Generator::start(&world, &["403"]).await?;
    let id = render(&world, &["410"], HOUR).await?;

    assert_eq!(world.failed(id).await?.failure.code, Code::DownloadFailed);
    world.quiet().await?;
    assert_eq!(generator.asked(), 1);
    assert_eq!(world.links.asked(), ["410", "403"]);
    world.stop().await
}

#[tokio::test]
async fn if_there_are_no_other_links_the_reason_is_told() -> anyhow::Result<()> {
    let world = World::start().await?;
    let generator = Generator::answering(&world, || {
        Err(Refusal {
            status: 404,
            reason: "the provider does not know it any more".to_owned(),
        })
    })
    .await?;
    let id = render(&world, &["410"], HOUR).await?;

    let failure = world.failed(id).await?.failure;
    let told = "410 Gone: it is dead; the provider does not know it any more";
    assert!(
        failure.message.contains("does not know it"),
        "{told}: {}",
        failure.message
    );
    assert_eq!((generator.asked(), world.links.asked().len()), (1, 1));
    world.stop().await
}

#[tokio::test]
async fn without_a_name_nobody_is_asked() -> anyhow::Result<()> {
    let world = World::start().await?;
    let generator = Generator::start(&world, &["whole"]).await?;
    let id = GenerationId::generate();
    world.render(id, &[Some("410")], HOUR).await?;

    world.failed(id).await?;
    assert_eq!(generator.asked(), 0);
    world.stop().await
}

#[tokio::test]
async fn if_nobody_can_ask_now_the_picture_waits_until_somebody_can() -> anyhow::Result<()> {
    let world = World::start().await?;
    let id = render(&world, &["410"], HOUR).await?;
    testkit::wait_until(PATIENCE, "a second try", async || {
        world.links.asked().len() >= 2
    })
    .await?;
    let generator = Generator::start(&world, &["whole"]).await?;

    world.completed(id).await?;
    assert_eq!(generator.asked(), 1);
    world.stop().await
}

#[tokio::test]
async fn whoever_goes_on_after_a_death_knows_that_it_was_asked() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let generator = Generator::start(&world, &["held-new"]).await?;
    world.links.hold(true);
    let id = render(&world, &["410"], HOUR).await?;
    testkit::wait_until(PATIENCE, "the other link", async || {
        world.links.asked() == ["410", "held-new"]
    })
    .await?;
    world.services.remove(0).kill();
    world.hurry().await?;
    world.join()?;
    testkit::wait_until(PATIENCE, "the successor", async || {
        world.links.asked().len() == 3
    })
    .await?;
    world.links.hold(false);

    world.completed(id).await?;
    assert_eq!(generator.asked(), 1);
    assert_eq!(world.links.asked(), ["410", "held-new", "held-new"]);
    world.stop().await
}
