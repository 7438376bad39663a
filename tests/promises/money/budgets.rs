//! An exhausted budget holds up its own work, and nobody else's.

use e2e::{Options, PATIENCE, Pipeline};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::{Receiver, wait_for};

use super::PRICE;

const AUTUMN: &str = "/v1/budgets/campaign:default:autumn";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exhausted_budget_holds_up_its_own_work_until_it_is_raised() -> anyhow::Result<()> {
    let operator = Receiver::start().await?;
    let options = Options::default().env("DARKROOM_OPERATOR_WEBHOOK", operator.url().as_str());
    let pipeline = Pipeline::start(options).await?;
    let desk = &pipeline.desk;
    let set = desk
        .command(Method::PUT, AUTUMN, &json!({"totalUsd": "0.16"}))
        .await?;
    assert_eq!(set["scope"], "campaign:default:autumn");
    assert_eq!(set["totalUsdMicros"], 2 * PRICE);

    let mut ids = Vec::new();
    for n in 0..5 {
        let request = json!({
            "prompt": format!("autumn kite {n}"), "campaign": "autumn", "presets": [],
        });
        let asked = desk.post(&request).await?;
        ids.push(asked["id"].as_str().unwrap_or_default().to_owned());
    }
    let exhausted = stands(&pipeline, |budget| {
        budget["waiting"] == 3 && budget["settledTotalUsdMicros"] == 2 * PRICE
    });
    let exhausted = exhausted.await?;
    assert_eq!(exhausted["exhausted"], true);
    assert_eq!(exhausted["reservedUsdMicros"], 0);
    let mut notice = Value::Null;
    while notice["event"] != "darkroom.budget.exhausted" {
        notice = operator.next(PATIENCE).await?.json()?;
        assert_eq!(notice["scope"], "campaign:default:autumn", "{notice}");
    }
    assert_eq!(notice["limitUsdMicros"], 2 * PRICE, "{notice}");

    desk.made(&json!({"prompt": "no campaign", "presets": []}))
        .await?;
    let winter = json!({"prompt": "winter kite", "campaign": "winter", "presets": []});
    desk.made(&winter).await?;
    assert_eq!(pipeline.provider.bill().len(), 4);

    desk.command(Method::PUT, AUTUMN, &json!({"totalUsd": "0.40"}))
        .await?;
    for id in &ids {
        desk.ready(id).await?;
    }
    assert_eq!(pipeline.provider.bill().len(), 7);
    let spent = stands(&pipeline, |budget| {
        budget["settledTotalUsdMicros"] == 5 * PRICE
    });
    assert_eq!(spent.await?["waiting"], 0);

    let removed = desk.request(Method::DELETE, AUTUMN).send().await?;
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    assert_eq!(desk.get("/v1/budgets").await?["items"], json!([]));
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_forgets_neither_budgets_nor_what_was_spent_nor_a_pause() -> anyhow::Result<()> {
    let mut pipeline = Pipeline::start(Options::default()).await?;
    let set = json!({"perDayUsd": "0.08"});
    pipeline.desk.command(Method::PUT, AUTUMN, &set).await?;
    let request =
        |n: u32| json!({"prompt": format!("kite {n}"), "campaign": "autumn", "presets": []});
    pipeline.desk.made(&request(1)).await?;
    let waits = pipeline.desk.post(&request(2)).await?;
    stands(&pipeline, |budget| budget["waiting"] == 1).await?;
    let pause = json!({"reason": "over the weekend"});
    let path = "/v1/account/pause";
    pipeline.desk.command(Method::POST, path, &pause).await?;

    pipeline.stop_services().await?;
    pipeline.start_services().await?;

    let kept = stands(&pipeline, |budget| budget["waiting"] == 1).await?;
    assert_eq!(kept["exhausted"], true);
    assert_eq!(kept["perDayUsdMicros"], PRICE);
    assert_eq!(kept["settledTodayUsdMicros"], PRICE);
    assert_eq!(pipeline.desk.get("/v1/account").await?["hold"], "paused");
    let path = "/v1/account/resume";
    pipeline
        .desk
        .command(Method::POST, path, &json!({}))
        .await?;
    pipeline
        .desk
        .made(&json!({"prompt": "another campaign", "presets": []}))
        .await?;
    assert_eq!(pipeline.provider.bill().len(), 2);
    let raised = json!({"perDayUsd": "0.16"});
    pipeline.desk.command(Method::PUT, AUTUMN, &raised).await?;
    let id = waits["id"].as_str().unwrap_or_default();
    pipeline.desk.ready(id).await?;
    assert_eq!(pipeline.provider.bill().len(), 3);
    pipeline.stop().await
}

/// Waits until the budget is as it `should` be.
async fn stands(pipeline: &Pipeline, should: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let found = wait_for(PATIENCE, "the budget", async || {
        let budgets = pipeline.desk.get("/v1/budgets").await.ok()?;
        let budget = budgets["items"][0].clone();
        should(&budget).then_some(budget)
    });
    found.await
}
