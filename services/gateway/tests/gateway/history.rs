//! What is asked of the historian, and what is said when nobody answers.

use std::time::Duration;

use anyhow::{Context as _, bail};
use domain::{Event, Generation, GenerationId};
use reqwest::StatusCode;
use reqwest::header::{LINK, RETRY_AFTER};
use serde_json::json;
use testkit::wait_until;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use wire::v1;

use crate::desk::{Desk, body, job, ready};

#[tokio::test]
async fn a_search_asks_the_historian_for_the_tenants_own() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let job = job(GenerationId::generate(), "a fox")?;
    let known = Generation::of([Event::from(ready(&job))]);
    let page = v1::HistoryPage {
        items: known.iter().map(Into::into).collect(),
        cursor: Some("a/b".to_owned()),
    };
    let asked = Mutex::new(Vec::new());
    let historian = async |_: &'static str, question: bytes::Bytes| {
        asked.lock().await.push(question);
        Ok(wire::ask::write(&page))
    };
    let historian = desk
        .bus
        .answer("history", &["search"], CancellationToken::new(), historian);

    let user = async {
        wait_until(Duration::from_secs(10), "the historian", async || {
            desk.bus.ask("history.search", "").await.is_ok()
        })
        .await?;
        asked.lock().await.clear();
        desk.get("/v1/generations?q=fox&model=V_2&limit=1")
            .send()
            .await
            .context("no answer")
    };
    let response = tokio::select! {
        response = user => response?,
        ended = historian => bail!("the historian ended: {ended:?}"),
    };

    let link = response.headers()[LINK].to_str()?.to_owned();
    let found = body(response, StatusCode::OK).await?;
    assert_eq!(
        link,
        "</v1/generations?limit=1&model=V_2&q=fox&cursor=a%2Fb>; rel=\"next\""
    );
    assert_eq!(found["nextCursor"], json!("a/b"));
    assert_eq!(found["items"][0]["id"], json!(job.id.to_string()));
    let expected = v1::HistorySearch {
        tenant: "default".to_owned(),
        q: Some("fox".to_owned()),
        model: Some("V_2".to_owned()),
        limit: Some(1),
        ..Default::default()
    };
    let questions = asked.lock().await.clone();
    assert_eq!(questions.len(), 1);
    assert_eq!(
        wire::ask::read::<v1::HistorySearch>(&questions[0])?,
        expected
    );
    desk.close().await
}

#[tokio::test]
async fn without_a_historian_a_search_may_be_tried_again() -> anyhow::Result<()> {
    let desk = Desk::open().await?;

    let response = desk.get("/v1/generations?q=fox").send().await?;
    assert!(response.headers().contains_key(RETRY_AFTER));
    let problem = body(response, StatusCode::SERVICE_UNAVAILABLE).await?;
    assert_eq!(problem["retryable"], json!(true));

    let unknown = desk.get("/v1/generations?colour=red").send().await?;
    let problem = body(unknown, StatusCode::UNPROCESSABLE_ENTITY).await?;
    assert_eq!(problem["field"], json!("colour"));
    desk.close().await
}
