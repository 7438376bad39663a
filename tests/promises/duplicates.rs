//! A request that is sent twice is bought once.

use std::collections::BTreeSet;

use e2e::{Options, Pipeline};
use futures::future::try_join_all;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_a_name_is_bought_once_however_often_it_is_sent() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let request = json!({"prompt": "a red kite", "customId": "poster-7", "presets": []});

    for _ in 0..5 {
        let body = request.to_string();
        pipeline
            .broker
            .publish("generation.requested", body)
            .await?;
    }
    let posts = (0..5).map(|_| pipeline.desk.send(&request));
    let mut ids = BTreeSet::new();
    for response in try_join_all(posts).await? {
        assert!(response.status().is_success(), "{}", response.status());
        let answer: serde_json::Value = serde_json::from_str(&response.text().await?)?;
        ids.insert(answer["id"].to_string());
    }
    assert_eq!(ids.len(), 1);
    let id = ids.iter().next().map_or("", |id| id.trim_matches('"'));
    pipeline.desk.ready(id).await?;

    // Behind all of them at the door.
    let last = pipeline
        .desk
        .post(&json!({"prompt": "the last", "presets": []}))
        .await?;
    pipeline
        .desk
        .ready(last["id"].as_str().unwrap_or_default())
        .await?;
    let bill = pipeline.provider.bill();
    assert_eq!(
        bill.iter()
            .filter(|charge| charge.prompt == "a red kite")
            .count(),
        1
    );
    let ends = pipeline.broker.ends().await?;
    assert_eq!(ends.iter().filter(|(_, end)| end == id).count(), 1);
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_cannot_be_used_for_something_else() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    let mut news = pipeline.broker.subscribe("generation.failed").await?;
    let first = json!({"prompt": "a red kite", "customId": "poster-7", "presets": []});
    let asked = pipeline.desk.post(&first).await?;
    pipeline
        .desk
        .ready(asked["id"].as_str().unwrap_or_default())
        .await?;

    let other = json!({"prompt": "a blue kite", "customId": "poster-7", "presets": []});
    let body = other.to_string();
    pipeline
        .broker
        .publish("generation.requested", body)
        .await?;
    let refused = news.next().await?.body;
    assert_eq!(refused["error"]["code"], "conflict");
    assert_eq!(refused["customId"], "poster-7");
    assert_ne!(refused["id"], asked["id"]);
    assert_eq!(pipeline.desk.send(&other).await?.status(), 409);
    assert_eq!(pipeline.provider.bill().len(), 1);
    pipeline.stop().await
}
