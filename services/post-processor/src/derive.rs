//! What becomes of a completed generation.

use std::sync::Arc;

use bus::{Delivery, Emit, Expect, Fault, Handler, Lost, Step};
use domain::{Code, Completed, Failure, Image, ImageFailed, ImageReady, ImageState, Job, Ready};
use futures::{StreamExt, stream};
use imaging::Presets;
use jiff::Timestamp;
use storage::Store;
use tokio::sync::Semaphore;
use tracing::error;
use wire::subject;

use crate::cut::{Trouble, derivatives, failure};
use crate::{Config, metrics};

/// `completed` → `image.ready` or `image.failed` for each stored picture, then `ready`.
#[derive(Debug)]
pub(crate) struct Derive {
    store: Store,
    public_url: String,
    presets: Arc<Presets>,
    /// Pictures in memory at once, over all generations.
    places: Semaphore,
    at_once: usize,
}

impl Derive {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            store: config.store.clone(),
            public_url: config.public_url.as_str().trim_end_matches('/').to_owned(),
            presets: Arc::new(config.presets.clone()),
            places: Semaphore::new(config.pictures),
            at_once: config.pictures,
        }
    }

    /// The picture with its derivatives, or with the reason why it has none. Pictures that are not
    /// ours stay as they are.
    async fn finish(&self, job: &Job, image: &Image) -> Result<Image, Fault> {
        if image.state != ImageState::Stored {
            return Ok(image.clone());
        }
        if job.request.presets.is_empty() {
            return Ok(Image {
                state: ImageState::Ready,
                ..image.clone()
            });
        }
        let stopping = failure(Code::Internal, "the image could not be cut".to_owned());
        let place = self.places.acquire().await;
        let _place = place.map_err(|err| Fault::transient(err, stopping))?;
        match derivatives(&self.store, &self.public_url, &self.presets, job, image).await {
            Ok(derivatives) => Ok(Image {
                state: ImageState::Ready,
                derivatives,
                ..image.clone()
            }),
            Err(Trouble::Hopeless(failure)) => Ok(failed(image, failure)),
            Err(Trouble::Again(source, failure)) => Err(Fault::transient(source, failure)),
        }
    }
}

impl Handler<Completed> for Derive {
    async fn handle(&self, completed: Completed, _: &Delivery) -> Result<Step, Fault> {
        let finishing: Vec<_> = completed
            .images
            .iter()
            .map(|image| self.finish(&completed.job, image))
            .collect();
        let finished: Vec<_> = stream::iter(finishing)
            .buffered(self.at_once)
            .collect()
            .await;
        let images = finished.into_iter().collect::<Result<_, Fault>>()?;
        Ok(Step::Emit(news(completed, images)))
    }

    async fn give_up(&self, lost: Lost<Completed>) -> Result<Vec<Emit>, bus::Source> {
        // Without the event there is nobody to tell: the message is among the dead letters.
        let Some(completed) = lost.input else {
            return Ok(Vec::new());
        };
        let failure = failure(lost.failure.code, lost.failure.message);
        let finish = |image: &Image| match image.state {
            ImageState::Stored => failed(image, failure.clone()),
            _ => image.clone(),
        };
        let images = completed.images.iter().map(finish).collect();
        Ok(news(completed, images))
    }
}

fn failed(image: &Image, failure: Failure) -> Image {
    metrics::FAILED.inc();
    error!(image = %image.id, code = %failure.code, why = failure.message, "a picture cannot be cut");
    Image {
        state: ImageState::Undecodable,
        error: Some(failure),
        ..image.clone()
    }
}

/// What is said of the pictures, and that it is all there is to say.
fn news(completed: Completed, images: Vec<Image>) -> Vec<Emit> {
    let Completed {
        job, texts, cost, ..
    } = completed;
    let at = Timestamp::now();
    let of_image = |image: &Image| {
        let (job, image) = (job.clone(), image.clone());
        match image.state {
            ImageState::Ready => {
                // A picture that was deleted meanwhile stays deleted.
                let expect = Expect::NoneOn(subject::asset(image.id));
                let ready = ImageReady {
                    job,
                    image,
                    derivation: None,
                    at,
                };
                Some(Emit::event(ready, expect))
            }
            ImageState::Undecodable => {
                Some(Emit::event(ImageFailed { job, image, at }, Expect::First))
            }
            _ => None,
        }
    };
    let mut news: Vec<Emit> = images.iter().filter_map(of_image).collect();
    news.push(Emit::event(
        Ready {
            job,
            images,
            texts,
            cost,
            at,
        },
        Expect::First,
    ));
    news
}
