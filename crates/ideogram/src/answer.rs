//! Answers, read with tolerance: every field may be missing, null, or of a kind that is new to us,
//! and only what nothing can be done without is insisted on.

use domain::{Resolution, Usd};
use serde_json::Value;
use url::Url;

use crate::plan::Expects;

/// What came of submitting a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It will be made; poll for it.
    Accepted {
        /// The provider's name for it: durable before anything else, or the images are lost.
        provider_id: String,
        /// Whether the simulator answered.
        simulated: bool,
    },
    /// It has been made.
    Done {
        /// The provider's name for it, if it has one; of use for a poll if the call was
        /// asynchronous, else for a word with the provider's people.
        provider_id: Option<String>,
        /// The images, in the provider's order; as many as it sent, be it none.
        images: Vec<ResultImage>,
        /// What it says of a picture that it was to describe: prose, or the JSON of a structured
        /// prompt.
        texts: Vec<String>,
        /// What it cost, if the answer says so.
        cost: Option<Usd>,
        /// Whether the simulator answered.
        simulated: bool,
    },
}

/// How a generation is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Not done yet, or in a state that is new to us.
    Pending {
        /// Whether the simulator answered.
        simulated: bool,
    },
    /// It has been made, and billed.
    Completed {
        /// The images, in the provider's order; as many as it sent, be it none.
        images: Vec<ResultImage>,
        /// What it cost, if the answer says so.
        cost: Option<Usd>,
        /// Whether the simulator answered.
        simulated: bool,
    },
    /// It came to nothing and was not billed. The only state in which it may be submitted again.
    Failed {
        /// The provider's words, at most 2 KiB; may be empty.
        reason: String,
        /// Whether the simulator answered.
        simulated: bool,
    },
}

/// One image at the provider.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultImage {
    /// Where to fetch it, until it expires; none if it was withheld.
    pub url: Option<Url>,
    /// What it was drawn from.
    pub seed: Option<i64>,
    /// What was drawn, after magic prompt.
    pub prompt: Option<String>,
    /// Its size, if it says so.
    pub resolution: Option<Resolution>,
    /// Whether it passed the output check. One that did not is billed all the same.
    pub safe: bool,
}

impl Answer {
    /// Whether the simulator answered.
    #[must_use]
    pub const fn simulated(&self) -> bool {
        match self {
            Self::Accepted { simulated, .. } | Self::Done { simulated, .. } => *simulated,
        }
    }

    /// Reads the body of a successful submission; nothing if it has neither what was made nor an
    /// id to poll. An error that comes inside a success is nothing, too: nobody says whether it was
    /// billed.
    pub(crate) fn read(body: &Value, expects: Expects, simulated: bool) -> Option<Self> {
        let generation = id(body, "generation_id");
        if expects == Expects::Texts {
            return texts(body).map(|texts| Self::Done {
                provider_id: generation.or_else(|| id(body, "description_id")),
                images: Vec::new(),
                texts,
                cost: cost(body),
                simulated,
            });
        }
        // An id with an empty list is a promise where a promise was asked for.
        let promised = expects != Expects::Images;
        let Some(images) = images(body).filter(|images| !(promised && images.is_empty())) else {
            return generation.map(|provider_id| Self::Accepted {
                provider_id,
                simulated,
            });
        };
        Some(Self::Done {
            // What older routes call a request cannot be polled.
            provider_id: generation.or_else(|| id(body, "request_id")),
            images,
            texts: Vec::new(),
            cost: cost(body),
            simulated,
        })
    }
}

impl Progress {
    /// Whether the simulator answered.
    #[must_use]
    pub const fn simulated(&self) -> bool {
        match self {
            Self::Pending { simulated }
            | Self::Completed { simulated, .. }
            | Self::Failed { simulated, .. } => *simulated,
        }
    }

    /// Reads the body of a successful poll; nothing if it has no state.
    pub(crate) fn read(body: &Value, simulated: bool) -> Option<Self> {
        let reason = || text(body, "failure_reason").unwrap_or_default();
        Some(match body.get("status")?.as_str()? {
            "completed" => Self::Completed {
                images: images(body).unwrap_or_default(),
                cost: cost(body),
                simulated,
            },
            "failed" => Self::Failed {
                reason: reason(),
                simulated,
            },
            _ => Self::Pending { simulated },
        })
    }
}

/// The images of a body, if it has a list of them.
pub(crate) fn images(body: &Value) -> Option<Vec<ResultImage>> {
    Some(body.get("data")?.as_array()?.iter().map(image).collect())
}

/// The description in a body, if it has one: a list of texts, or a structured prompt.
fn texts(body: &Value) -> Option<Vec<String>> {
    match body.get("descriptions").and_then(Value::as_array) {
        Some(list) => Some(list.iter().filter_map(|item| text(item, "text")).collect()),
        None => text(body, "json_prompt").map(|prompt| vec![prompt]),
    }
}

/// A generation's name: not empty, and possible as one segment of a path.
pub(crate) fn id(body: &Value, field: &str) -> Option<String> {
    body.get(field)?
        .as_str()
        .filter(|id| is_id(id))
        .map(str::to_owned)
}

/// Whether it may be a generation's name: 22 characters of URL-safe base64 today.
pub(crate) fn is_id(id: &str) -> bool {
    (1..=256).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_graphic())
        && !matches!(id, "." | "..")
}

fn image(item: &Value) -> ResultImage {
    let url = text(item, "url")
        .filter(|url| !url.is_empty())
        .and_then(|url| Url::parse(&url).ok());
    ResultImage {
        seed: item.get("seed").and_then(Value::as_i64),
        prompt: text(item, "prompt"),
        resolution: text(item, "resolution").and_then(|size| size.parse().ok()),
        safe: item
            .get("is_image_safe")
            .and_then(Value::as_bool)
            .unwrap_or(url.is_some()),
        url,
    }
}

/// A text, or, where prompts are structured, the JSON of it.
fn text(item: &Value, field: &str) -> Option<String> {
    match item.get(field)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn cost(body: &Value) -> Option<Usd> {
    micros(body, "usage_cost_usd_micros")
}

/// An amount of money that is not negative.
pub(crate) fn micros(body: &Value, field: &str) -> Option<Usd> {
    body.get(field)?
        .as_i64()
        .filter(|micros| *micros >= 0)
        .map(Usd::from_micros)
}
