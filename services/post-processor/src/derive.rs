//! What becomes of a completed generation.

use std::sync::Arc;

use bus::{Delivery, Emit, Entry, Expect, Fault, Ledger, Step};
use domain::{
    Code, Completed, Event, Failure, Image, ImageFailed, ImageReady, ImageState, Job, Ready,
};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use tracing::error;

use crate::cutter::{Cutter, Made};
use crate::metrics;
use crate::recut::is_removal;
use crate::trouble::{Trouble, failure};

/// `completed` → `image.ready` or `image.failed` for each stored picture, then `ready`.
///
/// Each picture begins with the last word on it, and has its own stored only if that is still the last
/// one: otherwise all is done again, so that of a picture that was deleted meanwhile nothing is told
/// and nothing stays.
#[derive(Debug)]
pub(crate) struct Derive {
    ledger: Ledger,
    cutter: Arc<Cutter>,
    /// Pictures of one generation that are in work at once.
    at_once: usize,
}

/// What became of a picture.
struct Finished {
    image: Image,
    /// How to tell it; none if there is nothing to tell.
    news: Option<Expect>,
}

impl Derive {
    pub(crate) const fn new(ledger: Ledger, cutter: Arc<Cutter>, at_once: usize) -> Self {
        Self {
            ledger,
            cutter,
            at_once,
        }
    }

    /// The picture with its derivatives, or with the reason why it has none. Pictures that are not
    /// ours, and those that were told before, stay as they are.
    async fn finish(&self, job: &Job, image: &Image, is_first: bool) -> Result<Finished, Fault> {
        let silent = |image| Ok(Finished { image, news: None });
        if image.state != ImageState::Stored {
            return silent(image.clone());
        }
        let told = match is_first {
            // Of what nobody has touched nothing was told, and if it was, the server says so.
            true => Vec::new(),
            false => self.told(image).await?,
        };
        let events = || told.iter().rev().map(|entry| &entry.event);
        if events().any(is_removal) {
            self.withdraw(job, image).await.map_err(fault)?;
            return silent(deleted(image));
        }
        let known = events().find_map(|event| match event {
            Event::ImageReady(ready) => Some(&ready.image),
            Event::ImageFailed(failed) => Some(&failed.image),
            _ => None,
        });
        if let Some(known) = known {
            return silent(known.clone());
        }
        let last = told.last().map_or(0, |entry| entry.sequence);
        Ok(Finished {
            image: self.derive(job, image).await?,
            news: Some(Expect::PictureAt(last)),
        })
    }

    async fn told(&self, image: &Image) -> Result<Vec<Entry>, Fault> {
        let told = self.ledger.picture(image.id).await;
        told.map_err(|err| {
            let message = "what is known of the picture cannot be read".to_owned();
            Fault::transient(err, failure(Code::Internal, message))
        })
    }

    /// A picture of which no cut is wanted is not opened, so nobody can say yet what it looks like.
    async fn derive(&self, job: &Job, image: &Image) -> Result<Image, Fault> {
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
            Err(trouble) => Err(fault(trouble)),
        }
    }

    async fn cut(&self, job: &Job, image: &Image) -> Result<Made, Trouble> {
        let presets = self.cutter.chosen(&job.request.presets)?;
        self.cutter.make(job, image, presets).await
    }

    /// Removes what an earlier attempt put, and did not come to tell: it is in nobody's list.
    async fn withdraw(&self, job: &Job, image: &Image) -> Result<(), Trouble> {
        match self.cutter.chosen(&job.request.presets) {
            Ok(presets) => self.cutter.unmake(job, image, &presets).await,
            // Then none of them was cut either.
            Err(_) => Ok(()),
        }
    }

    pub(crate) async fn handle(
        &self,
        completed: Completed,
        delivery: &Delivery,
    ) -> Result<Step, Fault> {
        let is_first = delivery.attempt == 1 && !delivery.redelivered;
        let finishing: Vec<_> = completed
            .images
            .iter()
            .map(|image| self.finish(&completed.job, image, is_first))
            .collect();
        let finished: Vec<_> = stream::iter(finishing)
            .buffered(self.at_once)
            .collect()
            .await;
        let finished = finished.into_iter().collect::<Result<_, Fault>>()?;
        Ok(Step::Emit(news(completed, finished)))
    }

    /// Every picture of it is told to have failed.
    pub(crate) fn give_up(completed: Completed, why: Failure) -> Vec<Emit> {
        let failure = failure(why.code, why.message);
        let finish = |image: &Image| match image.state {
            ImageState::Stored => Finished {
                image: failed(image, failure.clone()),
                news: Some(Expect::First),
            },
            _ => Finished {
                image: image.clone(),
                news: None,
            },
        };
        let finished = completed.images.iter().map(finish).collect();
        news(completed, finished)
    }
}

fn fault(trouble: Trouble) -> Fault {
    match trouble {
        Trouble::Hopeless(failure) => Fault::Permanent(failure),
        Trouble::Again(source, failure) => Fault::transient(source, failure),
    }
}

/// As whoever deleted it says.
fn deleted(image: &Image) -> Image {
    Image {
        state: ImageState::Deleted,
        key: None,
        url: None,
        derivatives: Vec::new(),
        ..image.clone()
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
fn news(completed: Completed, finished: Vec<Finished>) -> Vec<Emit> {
    let Completed {
        job, texts, cost, ..
    } = completed;
    let at = Timestamp::now();
    let of_image = |finished: &Finished| {
        let expect = finished.news.clone()?;
        let (job, image) = (job.clone(), finished.image.clone());
        match image.state {
            ImageState::Ready => {
                let ready = ImageReady {
                    job,
                    image,
                    derivation: None,
                    at,
                };
                Some(Emit::event(ready, expect))
            }
            ImageState::Undecodable => Some(Emit::event(ImageFailed { job, image, at }, expect)),
            _ => None,
        }
    };
    let mut news: Vec<Emit> = finished.iter().filter_map(of_image).collect();
    news.push(Emit::event(
        Ready {
            job,
            images: finished.into_iter().map(|done| done.image).collect(),
            texts,
            cost,
            at,
        },
        Expect::First,
    ));
    news
}
