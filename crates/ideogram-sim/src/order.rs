//! A validated request: what to draw, what it costs, and how the answer is wanted.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::answer::Refusal;
use crate::catalogue::{Route, Run, Shape, Size, Work};
use crate::describe::describe;
use crate::inputs::Inputs;
use crate::keys::{Digest, digest};
use crate::picture::{Source, Subject};
use crate::schema::Asked;

/// A validated request. It says all that its pictures and its answer need, so that a journal of
/// orders is enough to go on from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The path it came by.
    pub(crate) route: String,
    /// The id of the key it came with.
    pub(crate) api_key: String,
    pub(crate) shape: Shape,
    pub(crate) work: Work,
    pub(crate) transparent: bool,
    /// What is worked on, and what of it changes.
    pub(crate) image: Option<Digest>,
    pub(crate) mask: Option<Digest>,
    /// The pictures that were sent along.
    pub(crate) references: Vec<Digest>,
    /// Rendering speed, quality or model, in lower case.
    pub(crate) tier: String,
    /// As sent.
    pub(crate) prompt: String,
    /// As answered: rewritten where magic prompt is on. Of a description: the description.
    pub(crate) drawn_prompt: String,
    pub(crate) images: u8,
    /// As sent.
    pub(crate) seed: Option<u32>,
    pub(crate) size: Size,
    pub(crate) style_type: Option<String>,
    pub(crate) run_async: bool,
    pub(crate) webhook_url: Option<Url>,
    pub(crate) usd_micros_each: i64,
}

/// Who asks, and what they may.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The id of the key.
    pub(crate) api_key: String,
    pub(crate) may_use_loopback: bool,
}

impl Order {
    /// Makes an order of what was asked, if its size and its webhook can be had.
    pub(crate) fn of(
        route: &Route,
        asked: &Asked,
        inputs: &Inputs,
        caller: Caller,
    ) -> Result<Self, Refusal> {
        let size = (route.size)(asked, inputs.image.as_ref().map(|image| image.size))?;
        let webhook = asked.word("webhook_url");
        let webhook_url = webhook
            .map(|text| webhook_url(text, caller.may_use_loopback))
            .transpose()?;
        let prompt = asked.word("prompt").unwrap_or_default();
        let digest = |source: &Source| source.digest;
        Ok(Self {
            route: route.path.to_owned(),
            api_key: caller.api_key,
            shape: route.shape,
            work: work(route, asked, inputs),
            transparent: route.transparent || asked.word("background") == Some("transparent"),
            image: inputs.image.as_ref().map(digest),
            mask: inputs.mask.as_ref().map(digest),
            references: inputs.references.iter().map(digest).collect(),
            tier: route.tier(asked).to_owned(),
            drawn_prompt: match &inputs.image {
                Some(image) if route.work == Work::Describe => describe(route, asked, image),
                _ => drawn_prompt(route, asked, prompt),
            },
            prompt: prompt.to_owned(),
            images: asked.number("num_images").map_or(1, |n| n as u8),
            seed: asked.number("seed"),
            size,
            style_type: asked.word("style_type").map(str::to_owned),
            run_async: answers_at_once(route, asked),
            webhook_url,
            usd_micros_each: route.usd_micros(asked),
        })
    }

    pub(crate) fn usd_micros(&self) -> i64 {
        self.usd_micros_each * i64::from(self.images)
    }

    /// Whether the prompt holds one of the words that steer the outcome.
    pub(crate) fn says(&self, word: &str) -> bool {
        self.prompt.contains(word)
    }

    /// What picture `index` shows: equal orders give equal pictures.
    pub(crate) fn subject(&self, seed: u32, index: u8) -> Subject {
        let references = self.references.concat();
        Subject {
            key: digest(&[
                &seed.to_be_bytes(),
                &[index],
                self.prompt.as_bytes(),
                &references,
            ]),
            size: self.size,
            prompt: self.prompt.clone(),
            work: self.work,
            transparent: self.transparent,
            image: self.image,
            mask: self.mask,
        }
    }
}

/// How the pictures come out of what was sent.
fn work(route: &Route, asked: &Asked, inputs: &Inputs) -> Work {
    match route.work {
        Work::Describe => Work::Describe,
        _ if inputs.mask.is_some() => Work::Repaint(route.mask),
        Work::Draw if inputs.image.is_some() => Work::Blend(50),
        Work::Blend(usual) => {
            let weight = asked.number("image_weight");
            Work::Blend(weight.map_or(usual, |weight| 100u8.saturating_sub(weight as u8)))
        }
        work => work,
    }
}

/// Whether an order of this route is answered before it is done.
fn answers_at_once(route: &Route, asked: &Asked) -> bool {
    match route.run {
        Run::Held => false,
        Run::Always => true,
        Run::Asked => {
            asked.flag("async").unwrap_or(false) || (route.webhook && asked.has("webhook_url"))
        }
    }
}

/// The prompt as answered: only routes that know a magic prompt rewrite it.
fn drawn_prompt(route: &Route, asked: &Asked, prompt: &str) -> String {
    let magic = ["magic_prompt", "magic_prompt_option"]
        .into_iter()
        .find(|name| route.kind(name).is_some());
    match magic {
        Some(field) => rewritten(prompt, asked.word(field)),
        None => prompt.to_owned(),
    }
}

/// The prompt as a model with magic prompt would rewrite it. A serialised JSON prompt is left alone
/// unless magic prompt is asked for.
fn rewritten(prompt: &str, magic: Option<&str>) -> String {
    let structured =
        serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(prompt).is_ok();
    match magic {
        Some("off") => prompt.to_owned(),
        None | Some("auto") if structured => prompt.to_owned(),
        _ => format!("{prompt}, in soft natural light, balanced composition, richly detailed"),
    }
}

/// Checks a `webhook_url`: https and a public host, unless loopback is allowed.
fn webhook_url(text: &str, allow_loopback: bool) -> Result<Url, Refusal> {
    let url = Url::parse(text)
        .map_err(|_| Refusal::schema(format_args!("'{text}' is not a 'uri'"), "webhook_url"))?;
    let refused = |why: &str| {
        Refusal::semantic(
            StatusCode::BAD_REQUEST,
            format!("Invalid webhook_url: {why}."),
        )
    };
    if !matches!(url.scheme(), "https" | "http") || (url.scheme() == "http" && !allow_loopback) {
        return Err(refused("it must use https"));
    }
    if !allow_loopback && is_private_host(&url) {
        return Err(refused("its host is private"));
    }
    Ok(url)
}

fn is_private_host(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => crate::webhook::is_private(ip.into()),
        Some(url::Host::Ipv6(ip)) => crate::webhook::is_private(ip.into()),
        Some(url::Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost"
                || [".localhost", ".local", ".internal"]
                    .iter()
                    .any(|end| name.ends_with(end))
        }
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_go_to_public_https_hosts_only() {
        for bad in [
            "http://example.com/h",
            "https://127.0.0.1/h",
            "https://localhost/h",
            "https://[::1]/h",
            "https://10.0.0.8/h",
            "https://169.254.169.254/latest",
            "https://metadata.google.internal/",
            "https://[::ffff:127.0.0.1]/h",
            "ftp://example.com/",
            "not a url",
        ] {
            assert!(webhook_url(bad, false).is_err(), "{bad}");
        }
        assert!(webhook_url("https://example.com/h", false).is_ok());
        assert!(webhook_url("http://127.0.0.1:9/h", true).is_ok());
    }

    #[test]
    fn a_structured_prompt_is_rewritten_only_on_request() {
        assert_eq!(rewritten("a kite", Some("off")), "a kite");
        assert_ne!(rewritten("a kite", None), "a kite");
        assert_eq!(rewritten("{\"a\":1}", Some("auto")), "{\"a\":1}");
        assert_ne!(rewritten("{\"a\":1}", Some("on")), "{\"a\":1}");
    }
}
