//! A validated request: what to draw, what it costs, and how the answer is wanted.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::answer::Refusal;
use crate::catalogue::Size;
use crate::keys::digest;

/// A model, whichever route it is asked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Model {
    V1,
    V1Turbo,
    V2,
    V2Turbo,
    V2a,
    V2aTurbo,
    V3,
    V4,
    V45,
    Auto,
}

/// A validated request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The path it came by.
    pub(crate) route: String,
    pub(crate) model: Model,
    /// Rendering speed or quality, in lower case.
    pub(crate) tier: String,
    /// As sent.
    pub(crate) prompt: String,
    /// As answered: rewritten where magic prompt is on.
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

impl Order {
    pub(crate) fn usd_micros(&self) -> i64 {
        self.usd_micros_each * i64::from(self.images)
    }

    /// Whether the prompt holds one of the words that steer the outcome.
    pub(crate) fn says(&self, word: &str) -> bool {
        self.prompt.contains(word)
    }

    /// What identifies the picture `index`: equal orders give equal pictures.
    pub(crate) fn picture_key(&self, seed: u32, index: u8) -> [u8; 32] {
        digest(&[&seed.to_be_bytes(), &[index], self.prompt.as_bytes()])
    }
}

/// The prompt as a model with magic prompt would rewrite it. A serialised JSON prompt is left alone
/// unless magic prompt is asked for.
pub(crate) fn rewritten(prompt: &str, magic: Option<&str>) -> String {
    let magic = magic.map(str::to_ascii_lowercase);
    let structured =
        serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(prompt).is_ok();
    match magic.as_deref() {
        Some("off") => prompt.to_owned(),
        None | Some("auto") if structured => prompt.to_owned(),
        _ => format!("{prompt}, in soft natural light, balanced composition, richly detailed"),
    }
}

/// Checks a `webhook_url`: https and a public host, unless loopback is allowed.
pub(crate) fn webhook_url(text: &str, allow_loopback: bool) -> Result<Url, Refusal> {
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
        assert_eq!(rewritten("a kite", Some("OFF")), "a kite");
        assert_ne!(rewritten("a kite", None), "a kite");
        assert_eq!(rewritten("{\"a\":1}", Some("auto")), "{\"a\":1}");
        assert_ne!(rewritten("{\"a\":1}", Some("on")), "{\"a\":1}");
    }
}
