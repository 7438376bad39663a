//! Which route does what is asked for, and in which words.

mod body;
mod check;
mod fields;
mod file;
mod fit;
mod price;
mod route;
mod sizes;
mod styles;
#[cfg(test)]
mod tests;

use domain::{Code, Invalid, Model, Request, Resolution, Usd};
use url::Url;

use crate::Api;
use check::Refusal;
pub(crate) use fields::{Fields, Value};
pub use file::{FilePart, Polarity, Role};
pub use fit::{Shape, fit, shapes};
pub(crate) use route::Expects;
use route::{Dialect, Route, Shapes};

/// A call that is ready to be sent, and what is known of it before.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The path below the base URL.
    pub route: &'static str,
    /// How many of the account's places it takes: one for each image that it makes, and one for a
    /// description.
    pub images: u32,
    /// Whether the answer is an id to poll; else it is the images or texts, after up to 265 s.
    pub asynchronous: bool,
    /// The most it can cost by the published prices. None if nobody published it: then it may be
    /// sent only for what [`Client::quote`](crate::Client::quote) says, which it can be asked, or
    /// [`plan`] had refused it.
    pub upper_bound: Option<Usd>,
    /// The size that is to be expected, if it can be told.
    pub resolution: Option<Resolution>,
    fields: Fields,
    files: Vec<FilePart>,
    expects: Expects,
    shapes: Shapes,
    takes_webhook: bool,
    quotes: bool,
}

/// The fields that move a price; what is drawn does not.
const PRICED: [&str; 10] = [
    "num_images",
    "model",
    "rendering_speed",
    "quality",
    "size",
    "resolution",
    "aspect_ratio",
    "resolution_tier",
    "output_resolution",
    "upscale_factor",
];
/// Those that do so by being there.
const PRICED_BY_PRESENCE: [&str; 2] = ["custom_model_uri", "background"];

impl Call {
    /// The same call, whose end the provider also reports to `url`.
    ///
    /// Routes that have no such field are left as they are: all that answer with what they made,
    /// and some others. The provider wants https, a public address, and at most 2,048 characters.
    #[must_use]
    pub fn with_webhook(mut self, url: &Url) -> Self {
        if self.takes_webhook {
            self.fields.put("webhook_url", url.as_str().to_owned());
        }
        self
    }

    /// The files that must go with it, in the order in which
    /// [`Client::submit`](crate::Client::submit) takes their bytes. Mostly none.
    #[must_use]
    pub fn files(&self) -> &[FilePart] {
        &self.files
    }

    /// Whether the provider can be asked for its price without running it.
    #[must_use]
    pub const fn is_quotable(&self) -> bool {
        self.quotes
    }

    /// What its price depends on, as far as anybody knows: calls with equal shapes cost the same,
    /// so that one quote answers for all of them.
    #[must_use]
    pub fn pricing_shape(&self) -> String {
        let mut shape = self.route.to_owned();
        for (field, value) in self.fields.iter() {
            match value {
                Value::Text(text) if PRICED.contains(&field) => {
                    shape.push_str(&format!(" {field}={text}"));
                }
                Value::Number(n) if PRICED.contains(&field) => {
                    shape.push_str(&format!(" {field}={n}"));
                }
                _ if PRICED_BY_PRESENCE.contains(&field) => shape.push_str(&format!(" {field}")),
                _ => {}
            }
        }
        for file in &self.files {
            shape.push(' ');
            shape.push_str(file.field);
            if let (Role::Source(0), Some(pinned)) = (file.role, &file.pinned) {
                shape.push_str(&format!("={}x{}", pinned.width, pinned.height));
            }
        }
        shape
    }

    pub(crate) const fn fields(&self) -> &Fields {
        &self.fields
    }

    pub(crate) const fn expects(&self) -> Expects {
        self.expects
    }
}

/// Chooses the route that can do what `request` asks for.
///
/// Pictures are checked as far as they are known: their number always, their size and format once
/// they are pinned.
///
/// # Errors
///
/// The field that no route of `api` can say for this model, by its name in a request;
/// [`Code::PriceUnknown`] if its price is not published and the route cannot be asked for it.
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
    // Where the provider chooses, the old route chooses something else.
    if request.model == Model::Auto && Dialect::V2.route(request).is_some() {
        return Err(new.invalid);
    }
    let old = match by(Dialect::Legacy, request) {
        Ok(call) => return Ok(call),
        Err(refusal) => refusal,
    };

    // Blame what the requester can change: not a route that the model never had, and rather a value
    // than a field that another route has.
    let (in_new, in_old) = (
        Dialect::V2.route(request).is_some(),
        Dialect::Legacy.route(request).is_some(),
    );
    match (in_new, in_old) {
        (false, false) => return Err(no_model(request, &[Dialect::V2, Dialect::Legacy])),
        (_, false) => return Err(new.invalid),
        (false, _) => return Err(old.invalid),
        (true, true) => {}
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
    let Some(route) = dialect.route(request) else {
        return Err(no_model(request, &[dialect]).into());
    };
    check::check(request, route)?;
    let size = check::size(request, route)?;
    let files = check::inputs(request, route, size)?;

    Ok(Call {
        route: route.path,
        images: request.num_images,
        asynchronous: matches!(route.expects, Expects::IdIfAsked | Expects::Id),
        upper_bound: upper_bound(request, route)?,
        resolution: check::expected(request, route, size),
        fields: body::body(request, route, size),
        files,
        expects: route.expects,
        shapes: route.shapes,
        takes_webhook: route.webhook,
        quotes: route.quotes(),
    })
}

fn upper_bound(request: &Request, route: &Route) -> Result<Option<Usd>, Invalid> {
    let each = (route.price)(request).map(Usd::from_micros);
    if each.is_none() && !route.quotes() {
        return Err(Invalid {
            field: "model".to_owned(),
            code: Code::PriceUnknown,
            reason: format!(
                "no price is published for {} with these options, and {} cannot be asked for it",
                check::subject(request, route),
                route.path
            ),
        });
    }
    Ok(each.map(|each| each.times(request.num_images)))
}

fn no_model(request: &Request, dialects: &[Dialect]) -> Invalid {
    let operation = request.operation;
    let known = dialects.iter().flat_map(|dialect| dialect.models(request));
    let known: Vec<&str> = known.map(Model::as_str).collect();
    if known.is_empty() {
        let reason = format!("the configured API has no {operation}");
        return Invalid::unsupported("operation", reason);
    }
    let reason = format!(
        "the configured API cannot {operation} with {}, only with {}",
        request.model,
        known.join(", ")
    );
    Invalid::unsupported("model", reason)
}
