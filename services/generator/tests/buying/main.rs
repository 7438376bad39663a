//! Money: no call without a record before it, none twice, none over the limit, and every fault of
//! the provider ends in the one right state. Against a real nats-server and the simulator.

mod admission;
mod again;
mod budgets;
mod calls;
mod cancel;
mod capacity;
mod doubt;
mod duplicates;
mod frozen;
mod gate;
mod limits;
mod operator;
mod polls;
mod restarts;
mod retries;
mod service;
mod shapes;
mod simulator;
mod storing;
mod world;

use domain::{Billed, Code};
use serde_json::json;

use crate::world::{Setup, World};

#[tokio::test]
async fn every_api_that_draws_leaves_its_track_and_one_charge() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    for (model, cost) in [("V_2", 80_000), ("V_3", 60_000), ("ideogram-4-5", 100_000)] {
        let id = world.ask(model, json!({ "model": model })).await?;
        let rendered = world.rendered(id).await?;

        assert_eq!(
            world.track(id).await?,
            "accepted calling submitted rendered",
            "{model}"
        );
        assert_eq!(rendered.cost.micros(), cost);
        assert!(rendered.job.simulated && rendered.provider_id.is_some());
        let lifetime = rendered.expires_at.duration_since(rendered.at).as_secs();
        assert!(
            (6_900..=7_200).contains(&lifetime),
            "as the link says: {lifetime}"
        );
        assert!(rendered.images.iter().all(|image| image.link.is_some()));
    }
    let bill = world.sim.bill();
    let prompts: Vec<&str> = bill.iter().map(|charge| charge.prompt.as_str()).collect();
    assert_eq!(prompts, ["V_2", "V_3", "ideogram-4-5"]);
    world.stop().await
}

#[tokio::test]
async fn the_old_api_is_answered_with_the_pictures_themselves() -> anyhow::Result<()> {
    let world = World::start(Setup::default().env("IDEOGRAM_API", "legacy")).await?;
    let id = world.ask("kite", json!({ "numImages": 2 })).await?;
    let rendered = world.rendered(id).await?;

    assert_eq!(world.track(id).await?, "accepted calling rendered");
    assert_eq!(
        (rendered.images.len(), rendered.cost.micros()),
        (2, 160_000)
    );
    assert_eq!(world.sim.bill().len(), 1);
    assert_eq!(world.sim.bill()[0].route, "/generate");
    world.stop().await
}

#[tokio::test]
async fn what_the_provider_withholds_or_fails_is_told_as_it_is() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let id = world
        .ask("[withheld] kite", json!({ "numImages": 2 }))
        .await?;
    let rendered = world.rendered(id).await?;
    let links: Vec<bool> = rendered
        .images
        .iter()
        .map(|image| image.link.is_some())
        .collect();
    assert_eq!(
        (links, rendered.cost.micros()),
        (vec![false, true], 160_000)
    );

    let id = world.ask("[fail] kite", json!({})).await?;
    let failed = world.failed(id).await?;
    assert_eq!(
        (
            failed.failure.code,
            failed.failure.billed,
            failed.cost.micros()
        ),
        (Code::ProviderFailed, Billed::No, 0)
    );
    world.stop().await
}

#[tokio::test]
async fn a_deadline_that_passed_costs_nothing() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let id = world
        .ask("late", json!({ "deadline": "2020-01-01T00:00:00Z" }))
        .await?;
    let failed = world.failed(id).await?;

    assert_eq!(failed.failure.code, Code::DeadlineExceeded);
    assert_eq!(failed.failure.billed, Billed::No);
    assert_eq!(world.track(id).await?, "accepted failed");
    assert!(world.sim.bill().is_empty());
    world.stop().await
}
