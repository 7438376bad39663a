//! Budgets, which the generator keeps.

use std::sync::{Mutex, PoisonError};

use bus::Refusal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wire::{ask, v1};

use crate::desk::{Desk, body};

#[tokio::test]
async fn a_budget_is_set_in_dollars_listed_and_removed() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let commands = Mutex::new(Vec::new());
    let generator = |name: &'static str, question: bytes::Bytes| {
        let bad = |err: wire::DecodeError| Refusal::bad(err.to_string());
        if name == "budgets" {
            let asked: v1::BudgetQuery = ask::read(&question).map_err(bad)?;
            let budgets = vec![v1::BudgetStatus {
                scope: format!("tenant:{}", asked.tenant),
                ..Default::default()
            }];
            return Ok(ask::write(&v1::BudgetReport { budgets }));
        }
        let command: v1::BudgetCommand = ask::read(&question).map_err(bad)?;
        let status = v1::BudgetStatus {
            scope: command.scope.clone(),
            per_day_usd_micros: command.per_day_usd_micros,
            ..Default::default()
        };
        let mut commands = commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.push(command);
        Ok(ask::write(&status))
    };

    let path = "/v1/budgets/campaign:default:a%2Fb%20c";
    let user = async {
        let limits = json!({ "perDayUsd": "5.00", "totalUsdMicros": 7 });
        let set = send(&desk, Method::PUT, path, &limits).await?;
        let set = body(set, StatusCode::OK).await?;
        assert_eq!(set["perDayUsdMicros"], json!(5_000_000));
        let removed = send(&desk, Method::DELETE, path, &Value::Null).await?;
        assert_eq!(removed.status(), StatusCode::NO_CONTENT);
        body(desk.get("/v1/budgets").send().await?, StatusCode::OK).await
    };
    let listed = desk
        .answered("generator", &["budget", "budgets"], generator, user)
        .await?;

    assert_eq!(listed["items"][0]["scope"], json!("tenant:default"));
    let command = |per_day, total| v1::BudgetCommand {
        scope: "campaign:default:a/b c".to_owned(),
        per_day_usd_micros: per_day,
        total_usd_micros: total,
    };
    assert_eq!(
        *commands.lock().unwrap_or_else(PoisonError::into_inner),
        [command(Some(5_000_000), Some(7)), command(None, None)]
    );
    desk.close().await
}

#[tokio::test]
async fn a_limit_that_makes_no_sense_is_refused_by_its_name() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let ours = "/v1/budgets/tenant:default";

    for (path, limits, status, hint) in [
        (ours, json!({ "perDayUsd": "five" }), 422, "perDayUsd"),
        (ours, json!({ "perDayUsd": 5 }), 422, "perDayUsd"),
        (ours, json!({ "totalUsdMicros": -1 }), 422, "totalUsdMicros"),
        (ours, json!({ "perDay": "5" }), 422, "perDay"),
        ("/v1/budgets/everything", json!({}), 422, "scope"),
        ("/v1/budgets/tenant:acme", json!({}), 404, "default"),
    ] {
        let answer = send(&desk, Method::PUT, path, &limits).await?;
        let problem = body(answer, StatusCode::from_u16(status)?).await?;
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(hint), "{path} {limits}: {detail}");
    }
    desk.close().await
}

async fn send(
    desk: &Desk,
    method: Method,
    path: &str,
    limits: &Value,
) -> anyhow::Result<reqwest::Response> {
    let request = desk.http.request(method, format!("{}{path}", desk.url));
    Ok(request.json(limits).send().await?)
}
