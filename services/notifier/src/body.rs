//! What a callback says. Receivers build on every name in here: names are added, never changed.

use std::collections::BTreeMap;

use domain::{Billed, Code, Event, Failure, Image, ImageState, Phase};
use serde::Serialize;
use wire::v1;

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
struct Asked<'a> {
    prompt: &'a str,
    model: &'static str,
    campaign: Option<&'a str>,
    metadata: &'a BTreeMap<String, String>,
    simulated: bool,
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
    },
}

/// The pictures that are ours. Resolution and seed are those of the first.
#[derive(Serialize)]
struct Pictures<'a> {
    images: Vec<&'a str>,
    resolution: Option<String>,
    seed: Option<i64>,
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
    let (name, news) = news(event)?;
    let asked = receiver.job.as_ref().map(|job| Asked {
        prompt: &job.request.prompt,
        model: job.request.model.as_str(),
        campaign: job.request.campaign.as_deref(),
        metadata: &job.request.metadata,
        simulated: job.simulated,
    });
    let body = Body {
        event: name,
        timestamp: happened_at(event)?.to_string(),
        job_id: event.generation().to_string(),
        custom_id: receiver.custom_id.as_deref(),
        asked,
        news,
    };
    // Cannot fail: every key is a string, and memory takes what is written.
    serde_json::to_vec(&body).ok()
}

fn news(event: &Event) -> Option<(&'static str, News<'_>)> {
    Some(match event {
        Event::Completed(completed) => (
            "ideogram.generation.completed",
            News::Stored(pictures(&completed.images)),
        ),
        Event::Ready(ready) => {
            let pictures = pictures(&ready.images);
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
            News::Failed {
                error: (&failed.failure).into(),
            },
        ),
        Event::Unknown(unknown) => {
            let failure = Failure {
                code: Code::OutcomeUnknown,
                message: unknown.reason.clone(),
                phase: Phase::Generation,
                billed: Billed::Unknown,
            };
            (
                "ideogram.generation.unknown",
                News::Failed {
                    error: (&failure).into(),
                },
            )
        }
        _ => return None,
    })
}

/// Withheld and lost pictures have no URL, and those that cannot be cut are kept all the same.
fn pictures(images: &[Image]) -> Pictures<'_> {
    let is_ours = |image: &&Image| {
        matches!(
            image.state,
            ImageState::Stored | ImageState::Ready | ImageState::Undecodable
        )
    };
    let first = images.iter().find(is_ours);
    Pictures {
        images: images
            .iter()
            .filter(is_ours)
            .filter_map(|image| image.url.as_deref())
            .collect(),
        resolution: first.map(|image| format!("{}x{}", image.width, image.height)),
        seed: first.and_then(|image| image.seed),
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
