//! Which route draws what is asked for, and in which words.

mod body;
mod check;
mod route;
mod sizes;
mod styles;
#[cfg(test)]
mod tests;

use domain::{Invalid, Request, Resolution, Usd};
use serde_json::Value;
use url::Url;

use crate::{Api, price};
use check::Refusal;
use route::Dialect;

/// A call that is ready to be sent, and what is known of it before.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The path below the base URL.
    pub route: &'static str,
    /// How many images it makes, which is how many of the account's places it takes.
    pub images: u32,
    /// Whether the answer is an id to poll; else it is the images, after up to 265 s.
    pub asynchronous: bool,
    /// The most it can cost by the published prices.
    pub upper_bound: Usd,
    /// The size that is to be expected.
    pub resolution: Option<Resolution>,
    body: Value,
}

impl Call {
    /// The same call, whose end the provider also reports to `url`.
    ///
    /// Routes that answer with the images have no such field and are left as they are. The provider
    /// wants https, a public address, and at most 2,048 characters.
    #[must_use]
    pub fn with_webhook(mut self, url: &Url) -> Self {
        if self.asynchronous
            && let Some(body) = self.body.as_object_mut()
        {
            body.insert(
                "webhook_url".to_owned(),
                Value::String(url.as_str().to_owned()),
            );
        }
        self
    }

    pub(crate) const fn body(&self) -> &Value {
        &self.body
    }
}

/// Chooses the route that can say what `request` asks for.
///
/// # Errors
///
/// The field that no route of `api` can say for this model, by its name in a request; or `model` if
/// the combination has no published price.
pub fn plan(request: &Request, api: Api) -> Result<Call, Invalid> {
    match api {
        Api::Auto => automatic(request),
        Api::V2 => by(Dialect::V2, request).map_err(|refusal| refusal.invalid),
        Api::V1 => by(Dialect::V1, request).map_err(|refusal| refusal.invalid),
        Api::Legacy => by(Dialect::Legacy, request).map_err(|refusal| refusal.invalid),
    }
}

fn automatic(request: &Request) -> Result<Call, Invalid> {
    let new = match by(Dialect::V2, request) {
        Ok(call) => return Ok(call),
        Err(refusal) => refusal,
    };
    let old = match by(Dialect::Legacy, request) {
        Ok(call) => return Ok(call),
        Err(refusal) => refusal,
    };

    // Blame what the requester can change: not a route that the model never had, and rather a value
    // than a field that another route has.
    if Dialect::Legacy.route(request.model).is_none() {
        return Err(new.invalid);
    }
    if Dialect::V2.route(request.model).is_none() {
        return Err(old.invalid);
    }
    if new.invalid.field == old.invalid.field {
        return Err(if new.absent { old.invalid } else { new.invalid });
    }
    let (field, other) = (new.invalid.field, old.invalid.field);
    let reason = format!(
        "cannot be combined with this {other}: {}",
        old.invalid.reason
    );
    Err(Invalid::unsupported(field, reason))
}

fn by(dialect: Dialect, request: &Request) -> Result<Call, Refusal> {
    let model = request.model;
    let refused = |reason| Refusal {
        invalid: Invalid::unsupported("model", reason),
        absent: false,
    };
    let Some(route) = dialect.route(model) else {
        let known = dialect.models();
        return Err(refused(format!(
            "the configured API cannot draw with {model}, only with {known}"
        )));
    };
    let size = check::check(request, &route)?;
    let Some(each) = price(model, request.rendering_speed, request.quality) else {
        return Err(refused(format!(
            "no price is known for {model} with these options"
        )));
    };

    Ok(Call {
        route: route.path,
        images: request.num_images,
        asynchronous: dialect == Dialect::V2,
        upper_bound: each.times(request.num_images),
        resolution: Some(size.resolution()),
        body: body::body(request, &route, size),
    })
}
