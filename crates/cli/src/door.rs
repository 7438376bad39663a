//! The gateway and the simulator's admin port, over HTTP.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use runtime::{Env, Secret};
use serde_json::Value;
use url::Url;

/// The longest that a request is held, and some.
const TIMEOUT: Duration = Duration::from_secs(75);

/// Somebody who answers HTTP with JSON.
#[derive(Debug)]
pub(crate) struct Door {
    client: Client,
    base: Url,
    key: Option<Secret>,
    name: &'static str,
}

impl Door {
    /// The gateway at `DARKROOM_URL`, with `DARKROOM_API_KEY` if it is set.
    pub(crate) fn gateway(env: &Env) -> anyhow::Result<Self> {
        let base = env.or("DARKROOM_URL", "http://127.0.0.1:8080".parse()?)?;
        Self::new(base, env.secret("DARKROOM_API_KEY")?, "DARKROOM_URL")
    }

    /// The simulator's admin port at `DARKROOM_SIM_ADMIN_URL`.
    pub(crate) fn simulator(env: &Env) -> anyhow::Result<Self> {
        let base = env.or("DARKROOM_SIM_ADMIN_URL", "http://127.0.0.1:8092".parse()?)?;
        Self::new(base, None, "DARKROOM_SIM_ADMIN_URL")
    }

    fn new(base: Url, key: Option<Secret>, name: &'static str) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().timeout(TIMEOUT).build();
        Ok(Self {
            client: client.context("cannot build an HTTP client")?,
            base,
            key,
            name,
        })
    }

    pub(crate) async fn get(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Value> {
        self.send(self.request(Method::GET, path)?.query(query))
            .await
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        body: &Value,
        prefer: Option<&str>,
    ) -> anyhow::Result<Value> {
        let mut request = self.request(Method::POST, path)?.json(body);
        if let Some(prefer) = prefer {
            request = request.header("prefer", prefer);
        }
        self.send(request).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(self.request(Method::PUT, path)?.json(body)).await
    }

    /// An answer that is no JSON unless it is a refusal.
    pub(crate) async fn text(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<String> {
        let (status, body) = self
            .exchange(self.request(Method::GET, path)?.query(query))
            .await?;
        if !status.is_success() {
            self.read(status, &body)?;
        }
        String::from_utf8(body.into()).context("the answer is no text")
    }

    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.send(self.request(Method::DELETE, path)?).await
    }

    fn request(&self, method: Method, path: &str) -> anyhow::Result<RequestBuilder> {
        let mut request = self.client.request(method, self.base.join(path)?);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose());
        }
        Ok(request)
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let (status, body) = self.exchange(request).await?;
        self.read(status, &body)
    }

    async fn exchange(&self, request: RequestBuilder) -> anyhow::Result<(StatusCode, Bytes)> {
        let unreachable = || {
            format!(
                "nobody answers at {}; is `darkroom up` running? ({} says where)",
                self.base, self.name
            )
        };
        let answer = request.send().await.with_context(unreachable)?;
        let status = answer.status();
        let body = answer.bytes().await.context("the answer broke off")?;
        Ok((status, body))
    }

    fn read(&self, status: StatusCode, body: &[u8]) -> anyhow::Result<Value> {
        if status.is_success() && body.is_empty() {
            return Ok(Value::Null);
        }
        let value: Value = serde_json::from_slice(body).map_err(|_| {
            anyhow!(
                "{} answers {status} with something that is not JSON",
                self.base
            )
        })?;
        if !status.is_success() {
            let detail = value["detail"]
                .as_str()
                .or(value["error"].as_str())
                .unwrap_or("no reason given");
            bail!("{status}: {detail}");
        }
        Ok(value)
    }
}
