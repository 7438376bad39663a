//! The client against a provider on loopback.

mod account;
mod broken;
mod operations;
mod pictures;
mod poll;
mod provider;
mod quote;
mod secrecy;
mod submit;
mod upload;
mod webhook;

use anyhow::Context;
use domain::{Model, Request};
use ideogram::{Answer, Api, Call, Client, Config, Error, Progress, plan};
use serde_json::{Value, json};
use url::Url;

use provider::{Provider, Reply};

pub(crate) const KEY: &str = "secret-key-0123456789";

pub(crate) const ID: &str = "AbCdEfGhIjKlMnOpQrStUv";

pub(crate) fn request(model: Model) -> Request {
    Request {
        model,
        ..Request::new("a red kite")
    }
}

pub(crate) fn call(api: Api) -> anyhow::Result<Call> {
    Ok(plan(&request(Model::V2), api)?)
}

pub(crate) fn config(base_url: &str) -> anyhow::Result<Config> {
    Ok(Config::new(Url::parse(base_url)?, KEY.to_owned()))
}

pub(crate) fn client(base_url: &str) -> anyhow::Result<Client> {
    Ok(Client::new(config(base_url)?)?)
}

pub(crate) async fn submit(reply: Reply, api: Api) -> anyhow::Result<Result<Answer, Error>> {
    let provider = Provider::answering(reply).await?;
    Ok(client(&provider.url)?.submit(&call(api)?, &[]).await)
}

pub(crate) async fn poll(reply: Reply) -> anyhow::Result<Result<Progress, Error>> {
    let provider = Provider::answering(reply).await?;
    Ok(client(&provider.url)?.poll(ID).await)
}

pub(crate) fn image(url: Value, safe: bool) -> Value {
    json!({"url": url, "prompt": "a kite", "resolution": "1024x1024", "seed": 7, "is_image_safe": safe})
}

/// The error that was to be expected.
pub(crate) fn refused<T, E>(result: Result<T, E>) -> anyhow::Result<E> {
    result.err().context("it went well")
}
