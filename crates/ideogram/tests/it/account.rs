//! What the organization was billed.

use domain::Usd;
use ideogram::{Action, Api, BucketWidth, Client, Error, RejectKind};
use ideogram_sim::{Picture, Simulator};
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use crate::provider::{Provider, Reply};
use crate::{KEY, call, client, config, refused};

#[tokio::test]
async fn the_bill_is_what_the_simulator_charged() -> anyhow::Result<()> {
    let simulator = Simulator::start(ideogram_sim::Config {
        picture: Picture::Tiny,
        ..ideogram_sim::Config::default()
    })
    .await?;
    let client = client(&simulator.api_url())?;
    for _ in 0..3 {
        client.submit(&call(Api::Auto)?, &[]).await?;
    }

    let now = Timestamp::now();
    let (from, to) = (now - 1.hour(), now + 1.hour());
    let usage = client.usage(from, to, BucketWidth::Hour).await?;

    assert!(usage.simulated);
    assert_eq!(usage.cost(), Usd::from_micros(240_000));
    let line = usage.buckets.iter().flat_map(|bucket| &bucket.lines).next();
    let endpoint = line.and_then(|line| line.endpoint.as_deref());
    assert!(
        endpoint.is_some_and(|route| route.contains("ideogram-2")),
        "{usage:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_bill_is_asked_for_with_the_organizations_key() -> anyhow::Result<()> {
    let bill = json!({"buckets": [{
        "start_time": "2026-11-20T00:00:00Z", "end_time": "2026-11-21T00:00:00Z",
        "line_items": [
            {"product": "images", "endpoint": "generate", "cost_total": "1.20", "currency_code": "USD",
                "source": "api", "api_key": {"id": "k1", "redacted_key": "abc…"}},
            {"cost_total": "0.000001", "surprise": [1]},
        ],
    }]});
    let provider = Provider::answering(Reply::json(200, &bill)).await?;
    let mut config = config(&provider.url)?;
    config.organization_key = Some("organization-key-0123".to_owned());

    let to: Timestamp = "2026-11-21T00:00:00Z".parse()?;
    let usage = Client::new(config)?
        .usage(to - 24.hours(), to, BucketWidth::Day)
        .await?;

    assert_eq!(usage.cost(), Usd::from_micros(1_200_001));
    assert_eq!(usage.buckets[0].end, to);
    assert_eq!(usage.buckets[0].lines[0].api_key.as_deref(), Some("k1"));
    let seen = &provider.seen()[0];
    assert_eq!(seen.headers["api-key"], "organization-key-0123");
    assert_eq!(
        seen.target,
        "GET /v2/account/usage?start_time=2026-11-20T00%3A00%3A00Z\
         &end_time=2026-11-21T00%3A00%3A00Z&bucket_width=1d"
    );
    Ok(())
}

#[tokio::test]
async fn a_bill_with_a_line_that_cannot_be_read_is_no_bill() -> anyhow::Result<()> {
    let line = |line| {
        json!({"buckets": [{"start_time": "2026-11-20T00:00:00Z",
        "end_time": "2026-11-21T00:00:00Z", "line_items": [line]}]})
    };
    let now = Timestamp::now();
    for body in [
        json!({}),
        json!({"buckets": [{}]}),
        line(json!({})),
        line(json!({"cost_total": "much"})),
        line(json!({"cost_total": "1.00", "currency_code": "EUR"})),
    ] {
        let provider = Provider::answering(Reply::json(200, &body)).await?;
        let usage = client(&provider.url)?;
        let err = refused(usage.usage(now - 1.hour(), now, BucketWidth::Hour).await)?;
        let action = Action::Usage;
        assert!(
            matches!(&err, Error::Unavailable { action: a, .. } if *a == action),
            "{err:?}"
        );
    }
    // As a key without billing rights is answered.
    let provider = Provider::answering(Reply::text(404, KEY)).await?;
    let usage = client(&provider.url)?;
    let err = refused(usage.usage(now - 1.hour(), now, BucketWidth::Hour).await)?;
    let kind = RejectKind::NotFound;
    assert!(
        matches!(&err, Error::Rejected { kind: k, .. } if *k == kind),
        "{err:?}"
    );
    assert!(!format!("{err:?}").contains(KEY));
    Ok(())
}
