//! No more than was allowed, whoever asks for it at once, whatever happens in between.

use std::time::Duration;

use domain::{Code, Event, GenerationId, Lane, Scope, Tenant, Usd};
use ideogram_sim::{Config, FaultKind};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use wire::{ask, v1};

use crate::simulator::{counting, on_submit, quick};
use crate::world::{PATIENCE, Setup, World};

const COST: i64 = 80_000;

fn campaign(name: &str) -> Scope {
    Scope::Campaign(Tenant::default(), name.to_owned())
}

impl World {
    async fn budget(
        &self,
        scope: &Scope,
        per_day: Option<i64>,
        total: Option<i64>,
    ) -> anyhow::Result<v1::BudgetStatus> {
        let command = v1::BudgetCommand {
            scope: scope.to_string(),
            per_day_usd_micros: per_day,
            total_usd_micros: total,
        };
        self.command(ask::BUDGET, &command).await
    }

    async fn budget_of(&self, scope: &Scope) -> anyhow::Result<v1::BudgetStatus> {
        let query = v1::BudgetQuery {
            tenant: scope.tenant().to_string(),
        };
        let report: v1::BudgetReport = self.command(ask::BUDGETS, &query).await?;
        let found = report.budgets.into_iter();
        found
            .into_iter()
            .find(|status| status.scope == scope.to_string())
            .ok_or_else(|| anyhow::anyhow!("no budget of {scope}"))
    }

    /// Waits until nothing of `scope` is under way and `waiting` have no money.
    async fn until_waiting(&self, scope: &Scope, waiting: u64) -> anyhow::Result<v1::BudgetStatus> {
        let found = testkit::wait_for(PATIENCE, "the budget", async || {
            let status = self.budget_of(scope).await.ok()?;
            let is_idle = status.waiting == waiting && status.reserved_usd_micros == 0;
            is_idle.then_some(status)
        });
        match found.await {
            Ok(status) => Ok(status),
            Err(err) => anyhow::bail!("{err}: {:?}", self.budget_of(scope).await?),
        }
    }

    async fn ask_in(
        &self,
        name: &str,
        jobs: std::ops::Range<usize>,
    ) -> anyhow::Result<Vec<GenerationId>> {
        let fields = match name {
            "plain" => json!({}),
            name => json!({ "campaign": name }),
        };
        let requests = jobs.map(|n| (format!("{name} kite {n}"), fields.clone()));
        self.ask_all(requests).await
    }
}

fn wide() -> Setup {
    Setup::default()
        .env("DARKROOM_PROVIDER_LIMIT", "100")
        .sim(Config {
            max_in_flight: 100,
            ..quick()
        })
}

fn bought(world: &World, prompt: &str) -> usize {
    let bill = world.sim.bill().into_iter();
    bill.filter(|charge| charge.prompt.starts_with(prompt))
        .count()
}

#[tokio::test]
async fn two_hundred_at_once_buy_what_the_budget_allows_and_the_rest_when_it_is_raised()
-> anyhow::Result<()> {
    let world = World::start(wide()).await?;
    let summer = campaign("summer");
    world.budget(&summer, None, Some(50 * COST)).await?;
    let (poor, others) =
        tokio::try_join!(world.ask_in("summer", 0..200), world.ask_in("plain", 0..20))?;
    for id in &others {
        world.rendered(*id).await?;
    }
    let status = world.until_waiting(&summer, 150).await?;

    assert_eq!(bought(&world, "summer"), 50);
    assert!(status.exhausted);
    assert_eq!(status.settled_total_usd_micros, 50 * COST);
    let told = world.until_told("budget.*.*", 2).await?;
    let [
        Event::BudgetWarning(warning),
        Event::BudgetExhausted(exhausted),
    ] = &told[..]
    else {
        anyhow::bail!("{told:?}")
    };
    assert_eq!((&warning.scope, &exhausted.scope), (&summer, &summer));
    assert_eq!(warning.used.micros(), 40 * COST);
    assert_eq!(exhausted.used.micros(), 50 * COST);
    assert_eq!(exhausted.limit.micros(), 50 * COST);
    assert_eq!(exhausted.window, "total");

    world.budget(&summer, None, Some(200 * COST)).await?;
    for id in &poor {
        world.rendered(*id).await?;
    }
    assert_eq!(bought(&world, "summer"), 200);
    assert_eq!(world.until_told("budget.exhausted.*", 1).await?.len(), 1);
    let status = world.until_waiting(&summer, 0).await?;
    assert!(!status.exhausted && status.settled_total_usd_micros == 200 * COST);
    world.stop().await
}

#[tokio::test]
async fn the_smallest_budget_that_is_used_up_is_the_one_that_waits() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let (key, summer) = (
        Scope::Key(Tenant::default(), "laptop".into()),
        campaign("summer"),
    );
    let tenant = Scope::Tenant(Tenant::default());
    world.budget(&key, None, Some(5 * COST)).await?;
    world.budget(&summer, None, Some(10 * COST)).await?;
    world.budget(&tenant, Some(30 * COST), None).await?;
    for n in 0..8 {
        let body = json!({ "prompt": format!("laptop {n}"), "campaign": "summer" });
        let request = bus::NewRequest {
            id: GenerationId::generate(),
            tenant: Tenant::default(),
            api_key: Some("laptop".to_owned()),
            lane: Lane::Standard,
            content_type: "application/json",
            body: body.to_string().into(),
        };
        world.bus.request(request).await?;
    }
    world.until_waiting(&key, 3).await?;
    world.ask_in("summer", 0..8).await?;
    world.until_waiting(&summer, 6).await?;
    world.ask_in("plain", 0..25).await?;
    let status = world.until_waiting(&tenant, 11).await?;

    let each = ["laptop", "summer", "plain"].map(|prompt| bought(&world, prompt));
    assert_eq!(each, [5, 5, 20]);
    assert_eq!(status.settled_today_usd_micros, 30 * COST);
    let told = world.until_told("budget.exhausted.*", 3).await?;
    let told: Vec<(Scope, String)> = told
        .into_iter()
        .filter_map(|event| match event {
            Event::BudgetExhausted(notice) => Some((notice.scope, notice.window)),
            _ => None,
        })
        .collect();
    let expected = [
        (key.clone(), "total"),
        (summer.clone(), "total"),
        (tenant.clone(), "day"),
    ];
    assert_eq!(
        told,
        expected.map(|(scope, window)| (scope, window.to_owned()))
    );

    // More for the key alone helps nobody while the tenant has nothing left for today.
    world.budget(&key, None, Some(8 * COST)).await?;
    world.budget(&tenant, Some(31 * COST), None).await?;
    world.until_waiting(&tenant, 10).await?;
    assert_eq!(world.sim.bill().len(), 31);
    world.budget(&tenant, None, None).await?;
    // The campaign still holds back three of its own and three of the key.
    world.until_tally("rendered", 35).await?;
    world.until_waiting(&summer, 6).await?;
    assert_eq!(world.sim.bill().len(), 35);
    world.stop().await
}

#[tokio::test]
async fn nobody_forgets_what_was_spent() -> anyhow::Result<()> {
    const JOBS: usize = 60;
    let drawing = Duration::from_millis(300);
    // Who is killed may have been calling for all places; they are not kept for long here.
    let tune = |config: &mut generator::Config| config.pauses.quarantine = Duration::from_secs(2);
    let setup = Setup::default().sim(counting(drawing)).tune(tune);
    let mut world = World::start(setup).await?;
    let summer = campaign("summer");
    world.budget(&summer, None, Some(30 * COST)).await?;
    world.ask_in("summer", 0..JOBS).await?;
    world.until_tally("rendered", 8).await?;
    world.oldest()?.kill();
    world.join()?;
    let unknown = async |world: &World| {
        let tally = world.tally().await?;
        anyhow::Ok(tally.get("unknown").copied().unwrap_or(0) as i64)
    };
    let status = world.until_waiting(&summer, (JOBS - 30) as u64).await?;
    let spent =
        |status: &v1::BudgetStatus| (status.settled_total_usd_micros, status.unknown_usd_micros);
    let lost = unknown(&world).await?;
    assert_eq!(spent(&status), ((30 - lost) * COST, lost * COST));
    assert!(
        bought(&world, "summer") <= 30,
        "{}",
        bought(&world, "summer")
    );
    assert!(status.exhausted);

    // Everybody stops, in whatever way, again and again.
    for kill in [true, true, false] {
        match (world.oldest()?, kill) {
            (service, true) => service.kill(),
            (service, false) => drop(service.stop().await?),
        }
        world.join()?;
        let again = world.until_waiting(&summer, (JOBS - 30) as u64).await?;
        assert_eq!(spent(&again), spent(&status), "killed: {kill}");
        world.until_renewed().await?;
    }
    let told = world.until_told("budget.exhausted.*", 1).await?.len();
    assert!(
        (1..=2).contains(&told),
        "once by each who ran into it: {told}"
    );
    assert_eq!(world.until_told("budget.warning.*", 1).await?.len(), 1);

    world.budget(&summer, None, Some(40 * COST)).await?;
    let status = world.until_waiting(&summer, (JOBS - 40) as u64).await?;
    assert_eq!(spent(&status), ((40 - lost) * COST, lost * COST));
    world.stop().await
}

#[tokio::test]
async fn each_end_costs_what_it_costs() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let summer = campaign("summer");
    world.budget(&summer, None, Some(100 * COST)).await?;
    let fields = |images: u32| json!({ "campaign": "summer", "numImages": images });
    let ask = async |prompt: &str, fields: Value| {
        let id = world.ask(prompt, fields).await?;
        world.end(id).await?;
        let status = world.until_waiting(&summer, 0).await?;
        anyhow::Ok((status.settled_total_usd_micros, status.unknown_usd_micros))
    };
    assert_eq!(ask("[fail] kite", fields(2)).await?, (0, 0));
    assert_eq!(ask("[unsafe] kite", fields(1)).await?, (0, 0));
    assert_eq!(ask("[withheld] kite", fields(2)).await?, (2 * COST, 0));
    assert_eq!(ask("kite", fields(1)).await?, (3 * COST, 0));
    world
        .sim
        .fault(on_submit(FaultKind::ResetAfterAccept).times(1))?;
    assert_eq!(ask("lost", fields(3)).await?, (3 * COST, 3 * COST));

    // What is given up may have been billed, and counts as if it was.
    world.discard(crate::world::named("lost")).await?;
    let status = world.until_waiting(&summer, 0).await?;
    let spent = (status.settled_total_usd_micros, status.unknown_usd_micros);
    assert_eq!(spent, (6 * COST, 0));
    world.stop().await
}

#[tokio::test]
async fn what_may_have_been_bought_is_not_spent_again() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let summer = campaign("summer");
    world.budget(&summer, None, Some(COST)).await?;
    world
        .sim
        .fault(on_submit(FaultKind::ResetBeforeAccept).times(1))?;
    let ids = world.ask_in("summer", 0..1).await?;
    world.until(ids[0], "unknown").await?;
    world.ask_in("summer", 1..2).await?;
    let status = world.until_waiting(&summer, 1).await?;
    assert_eq!(status.unknown_usd_micros, COST);
    assert_eq!(world.tally().await?["calling"], 1);
    let zero = world.budget(&summer, None, Some(0)).await?;
    assert_eq!(zero.total_usd_micros, Some(Usd::ZERO.micros()));
    world.budget(&summer, None, Some(2 * COST)).await?;
    world.rendered(crate::world::named("summer kite 1")).await?;
    world.stop().await
}

/// All that comes over NATS is one payer's unless it names a campaign, and is bought in its order.
#[tokio::test]
async fn what_is_too_dear_holds_up_nobody_when_it_has_left() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    let tenant = Scope::Tenant(Tenant::default());
    world.budget(&tenant, None, Some(4 * COST)).await?;
    let large = world.ask("large", json!({ "numImages": 8 })).await?;
    world.until_waiting(&tenant, 1).await?;
    let small = world.ask_in("plain", 0..2).await?;
    let status = world.until_waiting(&tenant, 3).await?;
    assert!(status.exhausted && world.sim.bill().is_empty());

    let receipt = world.cancel(large).await?;
    assert_eq!(receipt.released_usd_micros, 8 * COST);
    for id in &small {
        world.rendered(*id).await?;
    }
    let status = world.until_waiting(&tenant, 0).await?;
    assert!(!status.exhausted);

    // It is told anew when there is too little again, and goes on when that is over in time.
    let deadline = Timestamp::now().checked_add(SignedDuration::from_secs(2))?;
    let late = json!({ "numImages": 8, "deadline": deadline.to_string() });
    let late = world.ask("late", late).await?;
    world.until_told("budget.exhausted.*", 2).await?;
    let small = world.ask_in("plain", 2..4).await?;
    let failed = world.failed(late).await?;
    assert_eq!(failed.failure.code, Code::DeadlineExceeded);
    for id in &small {
        world.rendered(*id).await?;
    }
    world.until_waiting(&tenant, 0).await?;
    world.ask_in("plain", 4..5).await?;
    world.until_told("budget.exhausted.*", 3).await?;
    assert!(world.until_waiting(&tenant, 1).await?.exhausted);
    assert_eq!(world.sim.bill().len(), 4);
    world.stop().await
}

#[tokio::test]
async fn a_budget_that_makes_no_sense_is_refused() -> anyhow::Result<()> {
    let world = World::start(Setup::default()).await?;
    world.status().await?;
    let scope = campaign("summer");
    let refused = world.budget(&scope, Some(-1), None).await;
    let reason = refused.err().map(|err| err.to_string()).unwrap_or_default();
    assert!(reason.contains("perDay"), "{reason}");
    let command = v1::BudgetCommand {
        scope: "summer".to_owned(),
        per_day_usd_micros: Some(1),
        total_usd_micros: None,
    };
    let refused = world
        .command::<v1::BudgetStatus>(ask::BUDGET, &command)
        .await;
    let reason = refused.err().map(|err| err.to_string()).unwrap_or_default();
    assert!(reason.contains("campaign:default:summer"), "{reason}");
    world.stop().await
}
