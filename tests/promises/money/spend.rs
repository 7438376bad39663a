//! What was spent, by anything one may ask for, is what the provider bills.

use std::collections::BTreeMap;

use e2e::{Options, PATIENCE, Pipeline};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::wait_for;

use super::PRICE;

/// Also the first words of their prompts, by which the provider's bill tells them apart.
const CAMPAIGNS: [&str; 2] = ["summer", "winter"];
const GROUPS: [&str; 4] = ["campaign", "tag", "model", "day"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_spending_adds_up_to_the_bill() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    for request in [
        json!({"prompt": "summer kite", "campaign": "summer"}),
        json!({"prompt": "summer kites [withheld]", "campaign": "summer", "numImages": 2}),
        json!({"prompt": "summer kite", "campaign": "summer", "onDuplicate": "reuse"}),
        json!({"prompt": "summer kite", "campaign": "summer"}),
        json!({"prompt": "winter kite", "campaign": "winter", "model": "V_3"}),
        json!({"prompt": "winter kite [withheld]", "campaign": "winter"}),
        json!({"prompt": "winter kite [fail]", "campaign": "winter"}),
        json!({"prompt": "winter kite [unsafe]", "campaign": "winter"}),
        json!({"prompt": "a kite", "model": "V_2A"}),
    ] {
        let mut request = request;
        request["presets"] = json!([]);
        request["tags"] = json!(["kite"]);
        pipeline.desk.outcome(&request).await?;
    }
    let mut billed: BTreeMap<String, i64> = BTreeMap::new();
    for charge in pipeline.provider.bill() {
        let named = |campaign: &&str| charge.prompt.starts_with(campaign);
        let campaign = CAMPAIGNS.into_iter().find(named).unwrap_or_default();
        *billed.entry(campaign.to_owned()).or_default() += charge.usd_micros;
    }
    let total: i64 = billed.values().sum();
    assert_eq!(total, pipeline.provider.state().billed_usd_micros);

    let spend = settled(&pipeline, total).await?;
    let rows = spend["items"].as_array().map_or(&[][..], Vec::as_slice);
    let told = rows.iter().map(|row| {
        let group = row["group"].as_str().unwrap_or_default().to_owned();
        (group, row["settledUsdMicros"].as_i64().unwrap_or_default())
    });
    assert_eq!(told.collect::<BTreeMap<_, _>>(), billed);
    let waste = |group: &str, kind: &str| {
        let row = rows.iter().find(|row| row["group"] == group);
        row.map_or(&Value::Null, |row| &row[kind])
    };
    assert_eq!(waste("summer", "withheldUsdMicros"), PRICE);
    assert_eq!(waste("summer", "duplicateUsdMicros"), PRICE);
    assert_eq!(waste("summer", "savedUsdMicros"), PRICE);
    assert_eq!(waste("winter", "withheldUsdMicros"), PRICE);
    assert_eq!(spend["total"]["reservedUsdMicros"], 0);
    assert_eq!(spend["total"]["unknownUsdMicros"], 0);

    for group in GROUPS {
        let (by, sum) = csv(&pipeline, group).await?;
        assert_eq!((by.as_str(), sum), (group, total));
    }
    pipeline.stop().await
}

/// Waits until the history has been told of everything that was billed.
async fn settled(pipeline: &Pipeline, total: i64) -> anyhow::Result<Value> {
    let mut latest = Value::Null;
    let spend = wait_for(PATIENCE, "history to catch up", async || {
        latest = pipeline.desk.get("/v1/spend?by=campaign").await.ok()?;
        (latest["total"]["settledUsdMicros"] == total).then(|| latest.clone())
    });
    let spend = spend.await;
    spend.map_err(|err| err.context(format!("{total} was billed, and told is {latest}")))
}

/// The name of the first column, and what the column of settled money comes to.
async fn csv(pipeline: &Pipeline, group: &str) -> anyhow::Result<(String, i64)> {
    let path = format!("/v1/spend?by={group}&format=csv");
    let response = pipeline.desk.request(Method::GET, &path).send().await?;
    let media = response.headers()["content-type"].to_str()?.to_owned();
    assert!(media.starts_with("text/csv"), "{media}");
    let text = response.text().await?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let at = names.iter().position(|name| *name == "settledUsdMicros");
    let cells = lines.map(|line| {
        line.split(',')
            .nth(at.unwrap_or_default())
            .unwrap_or_default()
    });
    let mut sum = 0;
    for cell in cells {
        sum += cell.parse::<i64>()?;
    }
    Ok((names.first().copied().unwrap_or_default().to_owned(), sum))
}
