//! What is tried again although the first attempt may have been billed.

use domain::{Billed, Code, Event, GenerationId, Scope, Tenant};
use ideogram_sim::FaultKind;
use serde_json::json;
use wire::{ask, v1};

use crate::doubt::{announce, calling, impatient};
use crate::simulator::{counting, on_submit, status};
use crate::world::{PATIENCE, Setup, World};

const COST: i64 = 80_000;

/// It waits to be tried again, and the account is paused.
async fn waiting(world: &World, prompt: &str) -> anyhow::Result<(GenerationId, String, String)> {
    world
        .sim
        .fault(on_submit(FaultKind::ResetAfterAccept).times(1))?;
    let id = world.ask(prompt, json!({ "onUnknown": "retry" })).await?;
    world.until(id, "unknown").await?;
    world.pause("until we have looked").await?;
    let Event::Parked(parked) = world.until(id, "parked").await? else {
        anyhow::bail!("not parked")
    };
    assert_eq!((parked.in_doubt, parked.doubted), (true, Some(1)));
    let token = calling(world, id).await?.token;
    Ok((id, token, world.sim.bill()[0].id.clone()))
}

/// What the tenant has used: settled, reserved, and in doubt.
async fn used(world: &World) -> anyhow::Result<(i64, i64, i64)> {
    let query = v1::BudgetQuery {
        tenant: Tenant::default().to_string(),
    };
    let report: v1::BudgetReport = world.command(ask::BUDGETS, &query).await?;
    let status = report.budgets.first();
    let status = status.ok_or_else(|| anyhow::anyhow!("no budget"))?;
    Ok((
        status.settled_total_usd_micros,
        status.reserved_usd_micros,
        status.unknown_usd_micros,
    ))
}

/// With a budget, so that it can be asked what was used.
async fn budgeted(setup: Setup) -> anyhow::Result<World> {
    let world = World::start(setup).await?;
    let command = v1::BudgetCommand {
        scope: Scope::Tenant(Tenant::default()).to_string(),
        per_day_usd_micros: None,
        total_usd_micros: Some(100 * COST),
    };
    let _: v1::BudgetStatus = world.command(ask::BUDGET, &command).await?;
    Ok(world)
}

#[tokio::test]
async fn who_cancels_it_is_told_of_the_first_call() -> anyhow::Result<()> {
    let world = budgeted(impatient()).await?;
    let (id, _, _) = waiting(&world, "kite").await?;
    assert_eq!(used(&world).await?, (0, 0, COST));

    let receipt = world.cancel(id).await?;

    let told = (receipt.billed.as_str(), receipt.released_usd_micros);
    assert_eq!((told, receipt.committed_usd_micros), (("unknown", 0), COST));
    let failed = world.failed(id).await?;
    assert_eq!(failed.failure.code, Code::Cancelled);
    assert_eq!(failed.failure.billed, Billed::Unknown);
    assert!(
        failed.failure.message.contains("earlier call"),
        "{:?}",
        failed.failure
    );
    assert_eq!(used(&world).await?, (COST, 0, 0), "it counts as billed");
    world.stop().await
}

#[tokio::test]
async fn who_is_refused_afterwards_is_told_of_the_first_call() -> anyhow::Result<()> {
    let mut world = budgeted(impatient()).await?;
    let (id, _, _) = waiting(&world, "kite").await?;
    world.oldest()?.kill();
    world.join()?;
    world.status().await?;
    world.sim.fault(on_submit(status(422)).times(1))?;
    world.resume().await?;

    let failed = world.failed(id).await?;

    assert_eq!(failed.failure.billed, Billed::Unknown);
    assert_eq!(world.count(id, "calling").await?, 2);
    assert_eq!(
        used(&world).await?,
        (COST, 0, 0),
        "the first, and not the second"
    );
    world.oldest()?.kill();
    world.join()?;
    assert_eq!(used(&world).await?, (COST, 0, 0), "after a takeover");
    world.stop().await
}

#[tokio::test]
async fn it_is_not_bought_again_if_the_provider_names_the_first_call() -> anyhow::Result<()> {
    let mut world = budgeted(impatient()).await?;
    let (id, token, provider_id) = waiting(&world, "kite").await?;
    world.oldest()?.kill();
    world.join()?;
    world.status().await?;

    announce(&world, id, &token, &provider_id).await?;

    let rendered = world.rendered(id).await?;
    assert_eq!((rendered.attempt, rendered.late), (1, false));
    world.resume().await?;
    let other = world.ask("other", json!({})).await?;
    world.rendered(other).await?;
    assert_eq!(
        (world.sim.bill().len(), world.count(id, "calling").await?),
        (2, 1)
    );
    assert_eq!(used(&world).await?, (2 * COST, 0, 0));
    world.stop().await
}

/// Then it is known what came of it.
#[tokio::test]
async fn nothing_is_in_doubt_any_more_if_the_first_call_came_to_nothing() -> anyhow::Result<()> {
    let world = budgeted(impatient()).await?;
    let (id, token, provider_id) = waiting(&world, "[fail] kite").await?;

    announce(&world, id, &token, &provider_id).await?;

    let failed = world.failed(id).await?;
    assert_eq!(failed.failure.code, Code::ProviderFailed);
    assert_eq!(failed.failure.billed, Billed::No);
    assert_eq!(used(&world).await?, (0, 0, 0));
    world.stop().await
}

/// A name that the provider does not know changes nothing.
#[tokio::test]
async fn it_is_bought_again_if_the_name_is_wrong() -> anyhow::Result<()> {
    let world = budgeted(impatient()).await?;
    let (id, token, _) = waiting(&world, "kite").await?;
    announce(&world, id, &token, "nobody").await?;
    world.resume().await?;
    let rendered = world.rendered(id).await?;
    assert_eq!(
        (rendered.attempt, world.count(id, "calling").await?),
        (2, 2)
    );
    world.stop().await
}

/// Both are paid for; the second is what was asked for, the first turns up.
#[tokio::test]
async fn the_first_call_does_not_disturb_the_second() -> anyhow::Result<()> {
    let drawing = std::time::Duration::from_secs(3);
    let world = budgeted(impatient().sim(counting(drawing))).await?;
    let (id, token, provider_id) = waiting(&world, "kite").await?;
    world.resume().await?;
    world.until_times(id, "submitted", 1).await?;

    announce(&world, id, &token, &provider_id).await?;

    world.until_times(id, "rendered", 1).await?;
    let rendered = world.told(&format!("generation.rendered.{id}")).await?;
    let attempts: Vec<u32> = rendered
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Rendered(rendered) => Some(rendered.attempt),
            _ => None,
        })
        .collect();
    assert_eq!(attempts, [2]);
    assert_eq!(world.count(id, "unknown").await?, 1);
    assert_eq!(used(&world).await?, (2 * COST, 0, 0));
    world.stop().await
}

/// Once more, and not once more after each refusal.
#[tokio::test]
async fn a_refusal_in_between_is_no_leave_to_pay_a_third_time() -> anyhow::Result<()> {
    let mut world = budgeted(impatient()).await?;
    let (id, _, _) = waiting(&world, "kite").await?;
    world.sim.fault(on_submit(status(402)).times(1))?;
    world.resume().await?;
    world.until_times(id, "parked", 2).await?;
    world.pause("again").await?;
    world.oldest()?.kill();
    world
        .sim
        .fault(on_submit(FaultKind::ResetAfterAccept).times(1))?;
    world.join()?;
    world.resume().await?;
    world.until_times(id, "unknown", 2).await?;
    world.oldest()?.kill();
    world.join()?;
    let asked = std::time::Instant::now();
    testkit::wait_until(PATIENCE, "a look", async || {
        asked.elapsed() > std::time::Duration::from_secs(13)
    })
    .await?;
    assert_eq!(world.count(id, "calling").await?, 3);
    assert_eq!(world.sim.bill().len(), 2);
    assert_eq!(used(&world).await?, (0, 0, 2 * COST));
    world.stop().await
}
