//! The bill as the provider shows it.

use std::time::Duration;

use ideogram_sim::Config;
use serde_json::{Value, json};

use crate::harness::{Rig, V45, read};

/// All lines since yesterday, as `key` sees them.
async fn lines(rig: &Rig, key: &str, more: &str) -> anyhow::Result<(u16, Vec<Value>)> {
    let start = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(20);
    let url = format!(
        "{}/v2/account/usage?start_time={start}&bucket_width=1h{more}",
        rig.sim.api_url()
    );
    let answer = read(rig.http.get(url).header("Api-Key", key)).await?;
    let buckets = answer.json["buckets"].as_array().into_iter().flatten();
    let lines = buckets.filter_map(|bucket| bucket["line_items"].as_array());
    Ok((answer.status, lines.flatten().cloned().collect()))
}

async fn buy(rig: &Rig, key: &str, images: u8) -> anyhow::Result<u16> {
    let body = json!({ "prompt": "a kite", "num_images": images, "quality": "low" });
    let url = format!("{}{V45}", rig.sim.api_url());
    let answer = read(rig.http.post(url).header("Api-Key", key).json(&body)).await?;
    Ok(answer.status)
}

#[tokio::test]
async fn the_bill_is_kept_apart_by_key() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    for (key, images) in [("one", 2), ("two", 1), ("one", 3)] {
        buy(&rig, key, images).await?;
    }

    let (_, lines) = lines(&rig, "one", "").await?;

    let mut shown: Vec<_> = lines
        .iter()
        .map(|line| {
            let units = &line["billed_units"];
            (units["quantity"].as_u64(), line["cost_total"].as_str())
        })
        .collect();
    shown.sort_unstable();
    assert_eq!(
        shown,
        [(Some(1), Some("0.030000")), (Some(5), Some("0.150000"))]
    );
    let bill = rig.sim.bill();
    let of_one = lines
        .iter()
        .find(|line| line["billed_units"]["quantity"] == 5);
    assert_eq!(
        of_one.map(|line| &line["api_key"]["id"]),
        Some(&json!(bill[0].api_key))
    );
    assert_ne!(bill[0].api_key, bill[1].api_key);
    Ok(())
}

#[tokio::test]
async fn a_key_without_the_right_is_told_that_there_is_no_bill() -> anyhow::Result<()> {
    let rig = Rig::start(Config {
        api_keys: vec!["worker".to_owned()],
        billing_key: Some("owner".to_owned()),
        ..Config::default()
    })
    .await?;

    assert_eq!(buy(&rig, "worker", 1).await?, 200);
    assert_eq!(lines(&rig, "worker", "").await?.0, 404);
    assert_eq!(lines(&rig, "stranger", "").await?.0, 401);
    let (status, lines) = lines(&rig, "owner", "").await?;
    assert_eq!((status, lines.len()), (200, 1));
    Ok(())
}

#[tokio::test]
async fn the_bill_lags_and_knows_where_orders_come_from() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    rig.sim
        .change_settings(|settings| settings.usage_lag_seconds = 120);
    buy(&rig, "k", 1).await?;

    let early = lines(&rig, "k", "").await?.1;
    rig.sim.advance_clock(Duration::from_secs(121));
    let late = lines(&rig, "k", "").await?.1;
    let api = lines(&rig, "k", "&sources=app&sources=api").await?.1;
    let app = lines(&rig, "k", "&sources=app").await?.1;

    assert_eq!(
        (early.len(), late.len(), api.len(), app.len()),
        (0, 1, 1, 0)
    );
    Ok(())
}
