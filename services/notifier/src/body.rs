//! What a callback says. Receivers build on every name in here: names are added, never changed.

use std::collections::BTreeMap;

use domain::{Billed, Code, Event, Failure, Image, ImageState, Operation, Phase, Request, Usd};
use serde::Serialize;
use wire::v1;

use crate::operator;
use crate::order::happened_at;
use crate::receiver::Receiver;

/// What every callback has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    event: &'static str,
    /// When it happened, RFC 3339; when it was told is in the headers.
    timestamp: String,
    job_id: String,
    custom_id: Option<&'a str>,
    #[serde(flatten)]
    asked: Option<Asked<'a>>,
    #[serde(flatten)]
    news: News<'a>,
}

/// What every callback has but those of requests that were refused at the door.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asked<'a> {
    operation: &'static str,
    prompt: &'a str,
    model: &'static str,
    campaign: Option<&'a str>,
    metadata: &'a BTreeMap<String, String>,
    simulated: bool,
    /// The earlier generation that asked for the same.
    duplicate_of: Option<String>,
    /// How many pictures.
    requested: u32,
}

/// What only some have.
#[derive(Serialize)]
#[serde(untagged)]
enum News<'a> {
    Stored(Pictures<'a>),
    Ready {
        #[serde(flatten)]
        pictures: Pictures<'a>,
        derivatives: Vec<Derivative>,
    },
    Image {
        image: Box<v1::Image>,
    },
    Failed {
        error: v1::Failure,
        delivered: u32,
        billed: Option<u32>,
    },
}

/// The pictures that are ours. Resolution and seed are those of the first.
#[derive(Serialize)]
struct Pictures<'a> {
    images: Vec<&'a str>,
    resolution: Option<String>,
    seed: Option<i64>,
    /// What the provider said, if it was asked for words.
    texts: &'a [String],
    delivered: usize,
    withheld: usize,
    /// What was withheld or lost was billed too.
    billed: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Derivative {
    image_id: String,
    #[serde(flatten)]
    derivative: v1::Derivative,
}

/// The body that tells of `event`; none if nobody is told of such events.
pub(crate) fn body(event: &Event, receiver: &Receiver) -> Option<Vec<u8>> {
    if operator::is_for(event) {
        return operator::body(event);
    }
    let requested = receiver
        .job
        .as_ref()
        .map_or(0, |job| requested(&job.request));
    let (name, news) = news(event, requested)?;
    let asked = receiver.job.as_ref().map(|job| Asked {
        operation: job.request.operation.as_str(),
        prompt: &job.request.prompt,
        model: job.request.model.as_str(),
        campaign: job.request.campaign.as_deref(),
        metadata: &job.request.metadata,
        simulated: job.simulated,
        duplicate_of: job.duplicate_of.map(|id| id.to_string()),
        requested,
    });
    let body = Body {
        event: name,
        timestamp: happened_at(event)?.to_string(),
        job_id: event.generation()?.to_string(),
        custom_id: receiver.custom_id.as_deref(),
        asked,
        news,
    };
    // Cannot fail: every key is a string, and memory takes what is written.
    serde_json::to_vec(&body).ok()
}

/// What is told, and under which name; of a failure that was billed, all `requested` pictures were.
fn news(event: &Event, requested: u32) -> Option<(&'static str, News<'_>)> {
    Some(match event {
        Event::Completed(completed) => (
            "ideogram.generation.completed",
            News::Stored(pictures(
                &completed.images,
                &completed.texts,
                completed.cost,
            )),
        ),
        Event::Ready(ready) => {
            let pictures = pictures(&ready.images, &ready.texts, ready.cost);
            let derivatives = derivatives(&ready.images);
            (
                "ideogram.generation.ready",
                News::Ready {
                    pictures,
                    derivatives,
                },
            )
        }
        Event::ImageReady(ready) => (
            "ideogram.image.ready",
            News::Image {
                image: Box::new((&ready.image).into()),
            },
        ),
        Event::Failed(failed) => (
            "ideogram.generation.failed",
            failure(&failed.failure, requested),
        ),
        Event::Unknown(unknown) => {
            let unknown = Failure {
                code: Code::OutcomeUnknown,
                message: unknown.reason.clone(),
                phase: Phase::Generation,
                billed: Billed::Unknown,
            };
            ("ideogram.generation.unknown", failure(&unknown, requested))
        }
        _ => return None,
    })
}

fn failure(failure: &Failure, requested: u32) -> News<'static> {
    News::Failed {
        error: failure.into(),
        delivered: 0,
        billed: match failure.billed {
            Billed::No => Some(0),
            Billed::Yes => Some(requested),
            Billed::Unknown => None,
        },
    }
}

/// What makes no pictures was asked for none.
const fn requested(request: &Request) -> u32 {
    match request.operation {
        Operation::Describe => 0,
        _ => request.num_images,
    }
}

/// Withheld and lost pictures have no URL, and those that cannot be cut are kept all the same.
/// What cost nothing was not bought, but had been before.
fn pictures<'a>(images: &'a [Image], texts: &'a [String], cost: Usd) -> Pictures<'a> {
    let is_ours = |image: &&Image| {
        matches!(
            image.state,
            ImageState::Stored | ImageState::Ready | ImageState::Undecodable
        )
    };
    let first = images.iter().find(is_ours);
    let is_withheld = |image: &&Image| image.state == ImageState::Withheld;
    Pictures {
        images: images
            .iter()
            .filter(is_ours)
            .filter_map(|image| image.url.as_deref())
            .collect(),
        resolution: first.map(|image| format!("{}x{}", image.width, image.height)),
        seed: first.and_then(|image| image.seed),
        texts,
        delivered: images.iter().filter(is_ours).count(),
        withheld: images.iter().filter(is_withheld).count(),
        billed: if cost == Usd::ZERO { 0 } else { images.len() },
    }
}

fn derivatives(images: &[Image]) -> Vec<Derivative> {
    let of_image = |image: &Image| {
        let image_id = image.id.to_string();
        let named = |derivative| Derivative {
            image_id: image_id.clone(),
            derivative: v1::Derivative::from(derivative),
        };
        image.derivatives.iter().map(named).collect::<Vec<_>>()
    };
    images.iter().flat_map(of_image).collect()
}
