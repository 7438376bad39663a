//! What becomes of a completed generation.

use std::sync::Arc;

use bus::{Emit, Expect, Fault, Step};
use domain::{Completed, Failure, Image, ImageFailed, ImageReady, ImageState, Job, Ready};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use tracing::error;
use wire::subject;

use crate::cutter::{Cutter, Made};
use crate::metrics;
use crate::trouble::{Trouble, failure};

/// `completed` → `image.ready` or `image.failed` for each stored picture, then `ready`.
#[derive(Debug)]
pub(crate) struct Derive {
    cutter: Arc<Cutter>,
    /// Pictures of one generation that are in work at once.
    at_once: usize,
}

impl Derive {
    pub(crate) const fn new(cutter: Arc<Cutter>, at_once: usize) -> Self {
        Self { cutter, at_once }
    }

    /// The picture with its derivatives, or with the reason why it has none. Pictures that are not
    /// ours stay as they are. One of which no cut is wanted is not opened, so nobody can say yet what
    /// it looks like.
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
        match self.cut(job, image).await {
            Ok(Made {
                derivatives,
                traits,
            }) => Ok(Image {
                state: ImageState::Ready,
                derivatives,
                traits,
                ..image.clone()
            }),
            Err(Trouble::Hopeless(failure)) => Ok(failed(image, failure)),
            Err(Trouble::Again(source, failure)) => Err(Fault::transient(source, failure)),
        }
    }

    async fn cut(&self, job: &Job, image: &Image) -> Result<Made, Trouble> {
        let presets = self.cutter.chosen(&job.request.presets)?;
        self.cutter.make(job, image, presets).await
    }

    pub(crate) async fn handle(&self, completed: Completed) -> Result<Step, Fault> {
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

    /// Every picture of it is told to have failed.
    pub(crate) fn give_up(completed: Completed, why: Failure) -> Vec<Emit> {
        let failure = failure(why.code, why.message);
        let finish = |image: &Image| match image.state {
            ImageState::Stored => failed(image, failure.clone()),
            _ => image.clone(),
        };
        let images = completed.images.iter().map(finish).collect();
        news(completed, images)
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
