//! What is paid for is asked for until it comes, whatever the answers look like.

use std::time::Duration;

use domain::{Billed, Code, Event};
use ideogram_sim::{Config, FaultKind, Latency};
use serde_json::json;

use crate::simulator::{on_poll, on_submit, quick, status};
use crate::world::{Setup, World};

#[tokio::test]
async fn a_bad_answer_to_a_poll_changes_nothing() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let faults = [
        status(500),
        status(503),
        status(429),
        status(401),
        status(404),
        FaultKind::HangBeforeAccept,
        FaultKind::HtmlBody,
        FaultKind::TruncatedJson,
        FaultKind::MissingObjectType,
        FaultKind::ExtraFields,
        FaultKind::EmptyData,
    ];
    let count = faults.len();
    for (number, kind) in faults.into_iter().enumerate() {
        world.sim.fault(on_poll(kind.clone()).times(1))?;
        let what = format!("{number} {kind:?}");
        let id = world.ask(&what, json!({})).await?;
        let rendered = world.rendered(id).await?;

        assert!(
            rendered.images.iter().all(|image| image.link.is_some()),
            "{what}"
        );
        assert_eq!(
            world.track(id).await?,
            "accepted calling submitted rendered",
            "{what}"
        );
        assert_eq!(world.count(id, "calling").await?, 1, "{what}");
    }
    assert_eq!(world.sim.bill().len(), count);
    world.stop().await
}

#[tokio::test]
async fn what_stays_without_pictures_is_billed_and_what_stays_lost_is_unknown() -> anyhow::Result<()>
{
    let world = World::start(Setup::default()).await?;
    world.sim.fault(on_poll(FaultKind::EmptyData))?;
    let id = world.ask("empty", json!({})).await?;
    let failed = world.failed(id).await?;
    assert_eq!(
        (
            failed.failure.code,
            failed.failure.billed,
            failed.cost.micros()
        ),
        (Code::ProviderAnswerUnreadable, Billed::Yes, 80_000)
    );

    world.sim.heal();
    world.sim.fault(on_poll(status(404)))?;
    let id = world.ask("gone", json!({})).await?;
    let Event::Unknown(unknown) = world.end(id).await? else {
        anyhow::bail!("not unknown")
    };
    assert!(
        unknown.reason.contains("does not know"),
        "{}",
        unknown.reason
    );
    assert_eq!(world.track(id).await?, "accepted calling submitted unknown");
    world.stop().await
}

/// The first poll comes too soon, the second is one too many, and the answer to it says how long to
/// wait: ten seconds.
#[tokio::test]
async fn a_provider_that_is_asked_too_often_is_left_alone_as_long_as_it_says() -> anyhow::Result<()>
{
    let drawing = Duration::from_secs(2);
    let latency = Latency {
        min: drawing,
        max: drawing,
    };
    let world = World::start(Setup::default().sim(Config {
        poll_limit: 1,
        latency,
        ..quick()
    }))
    .await?;
    let id = world.ask("kite", json!({})).await?;
    let rendered = world.rendered(id).await?;
    let Event::Submitted(submitted) = world.until(id, "submitted").await? else {
        anyhow::bail!("not submitted")
    };

    let waited = rendered.at.duration_since(submitted.at).as_secs_f64();
    assert!((9.0..20.0).contains(&waited), "{waited}");
    assert_eq!((world.sim.state().polls, world.sim.bill().len()), (2, 1));
    world.stop().await
}

#[tokio::test]
async fn a_provider_that_fails_is_asked_ever_more_seldom() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    world.sim.fault(on_poll(status(503)).times(3))?;
    let id = world.ask("kite", json!({})).await?;
    let rendered = world.rendered(id).await?;
    let Event::Submitted(submitted) = world.until(id, "submitted").await? else {
        anyhow::bail!("not submitted")
    };

    // After 2, 4 and 8 seconds, each of them a quarter more or less.
    let waited = rendered.at.duration_since(submitted.at).as_secs_f64();
    assert!((10.0..25.0).contains(&waited), "{waited}");
    assert_eq!(world.sim.bill().len(), 1);
    world.stop().await
}

#[tokio::test]
async fn a_call_that_is_answered_with_more_than_was_asked_for_is_read_all_the_same()
-> anyhow::Result<()> {
    let world = World::start(Setup::default().sim(quick())).await?;
    world.sim.fault(on_submit(FaultKind::ExtraFields))?;
    let id = world.ask("kite", json!({})).await?;
    world.rendered(id).await?;
    assert_eq!(world.sim.bill().len(), 1);
    world.stop().await
}
