//! What is answered.

use bus::{Bus, Expect};
use domain::{Billed, Code, Event, Failed, Failure, GenerationId, Phase, Tenant, Usd};
use jiff::Timestamp;
use testkit::wait_for;
use wire::v1;

use crate::world::{LIMIT, World, bought};

fn refused(tenant: &str) -> anyhow::Result<Failed> {
    Ok(Failed {
        id: GenerationId::generate(),
        tenant: tenant.parse()?,
        custom_id: Some("sku-1".to_owned()),
        job: None,
        failure: Failure {
            code: Code::InvalidField,
            message: "`prompt`: is missing".to_owned(),
            phase: Phase::Admission,
            billed: Billed::No,
        },
        cost: Usd::ZERO,
        at: Timestamp::from_second(1_795_000_000)?,
    })
}

async fn tell(bus: &Bus, event: Failed) -> anyhow::Result<GenerationId> {
    let id = event.id;
    bus.publish(&Event::from(event), &Expect::Nothing).await?;
    Ok(id)
}

async fn get(bus: &Bus, tenant: &str, id: &str) -> Result<bytes::Bytes, bus::Error> {
    let question = v1::HistoryGet {
        tenant: tenant.to_owned(),
        id: id.to_owned(),
    };
    bus.ask("history.get", wire::ask::write(&question)).await
}

async fn found(bus: &Bus, id: GenerationId) -> anyhow::Result<v1::Generation> {
    let answer = wait_for(LIMIT, "the generation in history", async || {
        get(bus, Tenant::DEFAULT, &id.to_string()).await.ok()
    });
    Ok(wire::ask::read::<v1::Generation>(&answer.await?)?)
}

async fn search(bus: &Bus, question: v1::HistorySearch) -> anyhow::Result<v1::HistoryPage> {
    let answer = bus
        .ask("history.search", wire::ask::write(&question))
        .await?;
    Ok(wire::ask::read::<v1::HistoryPage>(&answer)?)
}

#[tokio::test]
async fn what_happened_is_answered_also_after_a_restart() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bus = &world.bus;

    let historian = world.historian()?;
    let first = tell(bus, refused(Tenant::DEFAULT)?).await?;
    tell(bus, refused("acme")?).await?;
    assert_eq!(found(bus, first).await?.status, "failed");
    historian.stop().await?;

    // Told while nobody listened.
    let second = tell(bus, refused(Tenant::DEFAULT)?).await?;
    let historian = world.historian()?;
    assert_eq!(
        found(bus, second).await?.custom_id.as_deref(),
        Some("sku-1")
    );

    let everything = v1::HistorySearch {
        tenant: Tenant::DEFAULT.to_owned(),
        ..v1::HistorySearch::default()
    };
    let page = search(bus, everything).await?;
    let mut ids: Vec<_> = page.items.into_iter().map(|item| item.id).collect();
    ids.sort();
    assert_eq!(ids, [first.to_string(), second.to_string()]);

    for (tenant, id, reason) in [
        ("acme", first.to_string(), "there is no generation"),
        (Tenant::DEFAULT, "gen\r\n_x".to_owned(), "`id` is invalid"),
    ] {
        let refusal = get(bus, tenant, &id).await.err().map(|err| err.to_string());
        assert!(
            refusal.as_ref().is_some_and(|text| text.contains(reason)),
            "{refusal:?}"
        );
    }
    historian.stop().await?;

    assert_eq!(world.history().await?.position().await?, 3);
    Ok(())
}

async fn earlier(bus: &Bus, identity: &str) -> Result<v1::HistoryFound, String> {
    let question = v1::HistoryFind {
        tenant: Tenant::DEFAULT.to_owned(),
        identity: identity.to_owned(),
    };
    let answer = bus.ask("history.find", wire::ask::write(&question)).await;
    let answer = answer.map_err(|err| err.to_string())?;
    wire::ask::read(&answer).map_err(|err| err.to_string())
}

async fn spend(bus: &Bus, by: &str) -> Result<v1::SpendReport, String> {
    let question = v1::SpendQuery {
        tenant: Tenant::DEFAULT.to_owned(),
        by: by.to_owned(),
        from: None,
        to: None,
    };
    let answer = bus.ask("history.spend", wire::ask::write(&question)).await;
    let answer = answer.map_err(|err| err.to_string())?;
    wire::ask::read(&answer).map_err(|err| err.to_string())
}

#[tokio::test]
async fn what_was_bought_before_and_for_how_much_is_answered() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bus = &world.bus;
    let historian = world.historian()?;
    let (job, first) = bought("spring")?;
    let (_, second) = bought("summer")?;
    world.tell(&first).await?;
    world.tell(&second[..1]).await?;

    let identity = job.request.identity().to_string();
    let found = wait_for(LIMIT, "all events in history", async || {
        let found = earlier(bus, &identity).await.ok()?;
        (found.recorded_to == 3).then_some(found)
    });
    assert_eq!(found.await?.id, Some(job.id.to_string()));
    let report = spend(bus, "campaign").await.map_err(anyhow::Error::msg)?;
    let rows = report.rows.iter();
    let rows: Vec<_> = rows
        .map(|row| (row.group.as_str(), row.settled_usd_micros))
        .collect();
    assert_eq!(rows, [("spring", 80_000)]);
    assert_eq!(report.total.map(|total| total.generations), Some(1));

    let refusal = earlier(bus, "XYZ").await.err().unwrap_or_default();
    assert!(refusal.contains("`identity` is invalid"), "{refusal}");
    let refusal = spend(bus, "colour").await.err().unwrap_or_default();
    assert!(refusal.contains("`by` is invalid"), "{refusal}");
    historian.stop().await
}
