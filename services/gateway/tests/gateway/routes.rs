//! What is true of every route.

use domain::{Code, GenerationId};
use reqwest::header::ALLOW;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::desk::{Desk, body, kite};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn what_is_not_there_is_a_problem() -> anyhow::Result<()> {
    let desk = Desk::open().await?;
    let nobody = format!("/v1/generations/{}", GenerationId::generate());

    for path in [
        "/v2",
        "/v1/generations/gen_",
        "/v1/generations/%ff",
        nobody.as_str(),
    ] {
        let problem = body(desk.get(path).send().await?, StatusCode::NOT_FOUND).await?;
        assert_eq!(problem["code"], json!("not_found"), "{path}");
    }

    let url = format!("{}/v1/generations", desk.url);
    let response = desk.http.request(Method::DELETE, url).send().await?;
    let allowed = response.headers()[ALLOW].to_str()?.to_owned();
    let problem = body(response, StatusCode::METHOD_NOT_ALLOWED).await?;
    assert_eq!(problem["code"], json!("method_not_allowed"));
    assert!(
        allowed.contains("POST") && allowed.contains("GET"),
        "{allowed}"
    );
    desk.close().await
}

#[tokio::test]
async fn every_code_is_in_the_table() -> anyhow::Result<()> {
    let desk = Desk::open().await?;

    let table = body(desk.get("/v1/errors").send().await?, StatusCode::OK).await?;

    let codes: Vec<&str> = table["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| row["code"].as_str())
        .collect();
    assert_eq!(
        codes,
        Code::ALL
            .iter()
            .map(|code| code.as_str())
            .collect::<Vec<_>>()
    );
    desk.close().await
}

#[tokio::test]
async fn the_first_page_runs_nothing_and_names_the_gateway() -> anyhow::Result<()> {
    let desk = Desk::open().await?;

    let response = desk.get("/").send().await?;
    let policy = response.headers()["content-security-policy"]
        .to_str()?
        .to_owned();
    let page = response.text().await?;

    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(
        page.contains(&format!("curl {}/v1/generations", desk.url)),
        "{page}"
    );
    assert!(
        !page.contains("<script") && !page.contains("{url}"),
        "{page}"
    );
    desk.close().await
}

#[tokio::test]
async fn an_answer_carries_the_trace_of_its_request() -> anyhow::Result<()> {
    let desk = Desk::open().await?;

    let theirs = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let response = desk
        .get("/v1/errors")
        .header("traceparent", theirs)
        .send()
        .await?;
    assert_eq!(response.headers()["x-request-id"], TRACE);

    let fresh = desk.get("/v1/errors").send().await?;
    assert_eq!(fresh.headers()["x-request-id"].len(), TRACE.len());
    assert_ne!(fresh.headers()["x-request-id"], TRACE);
    desk.close().await
}

#[tokio::test]
async fn a_request_takes_its_trace_onto_the_bus() -> anyhow::Result<()> {
    let desk = Desk::open().await?;

    let theirs = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let response = desk.post(&kite()).header("traceparent", &theirs).send();
    body(response.await?, StatusCode::ACCEPTED).await?;

    let trace = desk.header_at_the_door("traceparent").await?;
    assert!(trace.is_some_and(|trace| trace.contains(TRACE)));
    desk.close().await
}
