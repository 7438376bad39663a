//! One trace from the request to the callback.

use e2e::{Options, PATIENCE, Pipeline, Stored};
use reqwest::Method;
use serde_json::json;
use testkit::wait_for;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_follows_from_a_request_belongs_to_its_trace() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let body = json!({
        "prompt": "a red kite", "presets": ["thumbnail"], "callbackUrl": pipeline.customer.url(),
    });
    let request = pipeline.desk.request(Method::POST, "/v1/generations");
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let response = request
        .header("traceparent", traceparent)
        .body(body.to_string())
        .send()
        .await?;
    let asked: serde_json::Value = serde_json::from_str(&response.text().await?)?;
    pipeline
        .desk
        .ready(asked["id"].as_str().unwrap_or_default())
        .await?;

    // To the end of the way: that the customer was told of the last of three pieces of news.
    let events = wait_for(PATIENCE, "the last callback", async || {
        let events = pipeline.broker.events().await.ok()?;
        let told = |event: &&Stored| event.subject.starts_with("notification.delivered.");
        (events.iter().filter(told).count() == 3).then_some(events)
    });
    for event in events.await? {
        let traceparent = event.header("traceparent");
        assert!(
            traceparent.contains(TRACE),
            "{}: `{traceparent}`",
            event.subject
        );
    }
    pipeline.stop().await
}
