//! What concerns the whole is told to whoever runs it.

use axum::http::StatusCode;
use domain::{
    BudgetNotice, Event, GenerationId, Hold, NotificationFailed, ProviderDiscrepancy,
    ProviderParked, ProviderResumed, Scope, Usd,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::verified;
use crate::world::{PATIENCE, World, completed};

const ACCOUNT: &str = "ideogram";
const CENT: Usd = Usd::from_micros(10_000);

fn parked() -> Event {
    ProviderParked {
        account: ACCOUNT.to_owned(),
        hold: Hold::OutOfFunds,
        message: Hold::OutOfFunds.advice().to_owned(),
        jobs: 10_000,
        reserved: CENT.times(80_000),
        at: Timestamp::UNIX_EPOCH,
    }
    .into()
}

fn budget() -> anyhow::Result<BudgetNotice> {
    Ok(BudgetNotice {
        scope: "campaign:default:summer".parse::<Scope>()?,
        window: "day".to_owned(),
        limit: CENT.times(100),
        used: CENT.times(80),
        at: Timestamp::UNIX_EPOCH,
    })
}

fn others(id: GenerationId) -> anyhow::Result<[(Event, Value); 5]> {
    let at = Timestamp::UNIX_EPOCH;
    let account = ACCOUNT.to_owned();
    let resumed = ProviderResumed {
        account: account.clone(),
        hold: Hold::OutOfFunds,
        since: at,
        at,
    };
    let discrepancy = ProviderDiscrepancy {
        account,
        from: at,
        to: at,
        billed: CENT.times(3),
        settled: CENT,
        unknown: CENT,
        candidates: vec![id],
        at,
    };
    let untold = NotificationFailed {
        event_id: format!("generation-completed-{id}"),
        id,
        endpoint: "00112233aabb".to_owned(),
        attempts: 10,
        reason: "it answered 502".to_owned(),
        at,
    };
    let budgeted = json!({"scope": "campaign:default:summer", "limitUsdMicros": 1_000_000});
    Ok([
        (
            resumed.into(),
            json!({"event": "darkroom.provider.resumed", "hold": "out_of_funds"}),
        ),
        (
            discrepancy.into(),
            json!({"event": "darkroom.provider.discrepancy", "billedUsdMicros": 30_000}),
        ),
        (Event::BudgetWarning(budget()?), budgeted.clone()),
        (Event::BudgetExhausted(budget()?), budgeted),
        (
            untold.into(),
            json!({"event": "darkroom.notification.failed", "id": id.to_string(), "attempts": 10}),
        ),
    ])
}

#[tokio::test]
async fn the_operator_hears_why_work_waits_signed_and_again_until_it_is_heard() -> anyhow::Result<()>
{
    let world = World::start().await?;
    world.operator.script([StatusCode::INTERNAL_SERVER_ERROR]);
    world.happens(parked()).await?;

    let first = world.operator.next(PATIENCE).await?;
    let again = world.operator.next(PATIENCE).await?;
    let id = parked().id();
    for told in [&first, &again] {
        assert_eq!(told.header("webhook-id"), Some(id.as_str()));
    }
    let body = verified(&world, &again).await?;
    let expected = json!({
        "event": "darkroom.provider.parked", "timestamp": "1970-01-01T00:00:00Z",
        "at": "1970-01-01T00:00:00Z", "account": "ideogram", "hold": "out_of_funds",
        "message": Hold::OutOfFunds.advice(), "jobs": 10_000, "reservedUsdMicros": 800_000_000,
    });
    assert_eq!(body, expected);
    world.quiet().await?;
    assert_eq!(world.kept_book_of().await?, 0);
    world.stop().await
}

#[tokio::test]
async fn the_operator_hears_of_everything_that_concerns_the_whole() -> anyhow::Result<()> {
    let world = World::start().await?;
    for (event, expected) in others(GenerationId::generate())? {
        let name = event.name();
        world.happens(event).await?;
        let body = verified(&world, &world.operator.next(PATIENCE).await?).await?;
        assert_eq!(body["event"], format!("darkroom.{name}"));
        for (field, value) in expected.as_object().into_iter().flatten() {
            assert_eq!(&body[field], value, "{name}: {field}");
        }
    }
    assert!(world.customer.try_next().await.is_none());
    world.stop().await
}

#[tokio::test]
async fn the_operator_hears_that_a_customer_does_not_answer() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.customer.script([StatusCode::GONE]);
    let completed = completed(&world.accept().await?);
    world.happens(completed.clone()).await?;

    let body = verified(&world, &world.operator.next(PATIENCE).await?).await?;
    assert_eq!(body["event"], "darkroom.notification.failed");
    assert_eq!(body["eventId"], completed.id());
    world.stop().await
}

#[tokio::test]
async fn that_the_operator_wants_no_more_is_no_news_for_the_operator() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.operator.script([StatusCode::GONE]);
    world.happens(parked()).await?;

    world.operator.next(PATIENCE).await?;
    world.quiet().await?;
    assert!(world.operator.try_next().await.is_none());
    assert_eq!(world.kept_book_of().await?, 0);
    world.stop().await
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_left_undone() -> anyhow::Result<()> {
    let world = World::start_unattended().await?;
    world.happens(parked()).await?;

    world.quiet().await?;
    assert!(world.operator.try_next().await.is_none());
    assert!(world.customer.try_next().await.is_none());
    world.stop().await
}
