//! What a customer's server makes of a callback, with code that is not ours.

use anyhow::Context as _;
use e2e::{PATIENCE, Pipeline};
use image::GenericImageView as _;
use serde_json::Value;
use standardwebhooks::Webhook;
use testkit::Received;

/// The next callback, verified with the secret that `darkroom webhook-secret` prints.
pub(crate) async fn hears(pipeline: &Pipeline) -> anyhow::Result<(Received, Value)> {
    let callback = pipeline.customer.next(PATIENCE).await?;
    let secret = pipeline
        .broker
        .value("keys", "webhook-secret.default")
        .await?;
    Webhook::new(&secret)?.verify(&callback.body, &callback.headers)?;
    let body = callback.json()?;
    Ok((callback, body))
}

/// The callbacks up to and with the one called `last`.
pub(crate) async fn hears_until(
    pipeline: &Pipeline,
    last: &str,
) -> anyhow::Result<Vec<(Received, Value)>> {
    let mut heard = Vec::new();
    loop {
        let (callback, body) = hears(pipeline).await?;
        let over = body["event"] == last;
        heard.push((callback, body));
        if over {
            return Ok(heard);
        }
    }
}

/// Width and height of a picture that is there and whole.
pub(crate) async fn looks(pipeline: &Pipeline, url: &Value) -> anyhow::Result<(u32, u32)> {
    let bytes = pipeline.desk.download(url).await?;
    let picture = image::load_from_memory(&bytes).context("not a picture")?;
    Ok(picture.dimensions())
}
