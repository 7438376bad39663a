use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;
use testkit::wait_for;

use crate::PATIENCE;

/// The HTTP API as curl sees it.
#[derive(Debug, Clone)]
pub struct Desk {
    client: Client,
    url: String,
}

impl Desk {
    pub(crate) fn new(url: String) -> anyhow::Result<Self> {
        let client = Client::builder()
            .no_proxy()
            .timeout(PATIENCE + Duration::from_secs(10));
        Ok(Self {
            client: client.build()?,
            url,
        })
    }

    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// A request to `path`, to be completed and sent.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Sends a generation request without waiting for anything.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub async fn send(&self, body: &Value) -> anyhow::Result<Response> {
        let request = self.request(Method::POST, "/v1/generations");
        let request = request.header("content-type", "application/json");
        Ok(request.body(body.to_string()).send().await?)
    }

    /// Sends a generation request, and returns the resource of the 202.
    ///
    /// # Errors
    ///
    /// If the answer is another one.
    pub async fn post(&self, body: &Value) -> anyhow::Result<Value> {
        read(self.send(body).await?, StatusCode::ACCEPTED).await
    }

    /// Reads JSON.
    ///
    /// # Errors
    ///
    /// If the answer is not 200.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let response = self.request(Method::GET, path).send().await?;
        read(response, StatusCode::OK).await
    }

    /// Waits until nothing more will happen to a generation, or until nobody knows what has.
    ///
    /// # Errors
    ///
    /// If that takes longer than [`PATIENCE`]; with how it stands.
    pub async fn end(&self, id: &str) -> anyhow::Result<Value> {
        let path = format!("/v1/generations/{id}");
        let mut latest = Value::Null;
        let end = wait_for(PATIENCE, "the end of a generation", async || {
            latest = self.get(&path).await.ok()?;
            let over = matches!(
                latest["status"].as_str(),
                Some("ready" | "failed" | "unknown")
            );
            over.then(|| latest.clone())
        });
        let end = end.await;
        end.with_context(|| format!("it stands so: {latest}"))
    }

    /// Waits until a generation is ready.
    ///
    /// # Errors
    ///
    /// As [`end`](Self::end), and if it ends otherwise.
    pub async fn ready(&self, id: &str) -> anyhow::Result<Value> {
        let generation = self.end(id).await?;
        ensure!(
            generation["status"] == "ready",
            "it is not ready: {generation}"
        );
        Ok(generation)
    }

    /// Sends a generation request and waits for its end.
    ///
    /// # Errors
    ///
    /// As [`post`](Self::post) and [`end`](Self::end).
    pub async fn outcome(&self, body: &Value) -> anyhow::Result<Value> {
        let asked = self.post(body).await?;
        let id = asked["id"].as_str().context("an answer without an id")?;
        self.end(id).await
    }

    /// Sends a generation request and waits until it is ready.
    ///
    /// # Errors
    ///
    /// As [`post`](Self::post) and [`ready`](Self::ready).
    pub async fn made(&self, body: &Value) -> anyhow::Result<Value> {
        let asked = self.post(body).await?;
        let id = asked["id"].as_str().context("an answer without an id")?;
        self.ready(id).await
    }

    /// Sends JSON with any method to any path, again while nobody is there to obey, and reads the
    /// JSON of the answer.
    ///
    /// # Errors
    ///
    /// If the answer is not 200, or 503 for longer than [`PATIENCE`].
    pub async fn command(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = wait_for(PATIENCE, "somebody to obey", async || {
            let request = self.request(method.clone(), path);
            let request = request.header("content-type", "application/json");
            let response = request.body(body.to_string()).send().await.ok()?;
            (response.status() != StatusCode::SERVICE_UNAVAILABLE).then_some(response)
        });
        read(answer.await?, StatusCode::OK).await
    }

    /// Downloads a link as it stands, without any header of ours.
    ///
    /// # Errors
    ///
    /// If the answer is not 200.
    pub async fn download(&self, url: &Value) -> anyhow::Result<Vec<u8>> {
        let url = url.as_str().context("there is no link")?;
        let response = self.client.get(url).send().await?;
        ensure!(response.status() == StatusCode::OK, "{}", response.status());
        Ok(response.bytes().await?.to_vec())
    }
}

async fn read(response: Response, expected: StatusCode) -> anyhow::Result<Value> {
    let (status, body) = (response.status(), response.text().await?);
    ensure!(status == expected, "{status}: {body}");
    Ok(serde_json::from_str(&body)?)
}
