//! Pictures and money, counted.

use domain::{Billed, Code, Generation, Image, ImageState, Operation, Status, Usd};
use serde::Serialize;

/// How many pictures, on their way from a wish to a bill.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    requested: Option<u32>,
    delivered: u32,
    withheld: u32,
    /// `null` while nobody knows.
    billed: Option<u32>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cost {
    reserved_usd_micros: i64,
    settled_usd_micros: Option<i64>,
    /// What would have been paid, had the pictures not been bought before.
    saved_usd_micros: i64,
}

impl Counts {
    pub(super) fn of(generation: &Generation) -> Self {
        let count = |holds: fn(&Image) -> bool| {
            let images = generation.images.iter().filter(|image| holds(image));
            u32::try_from(images.count()).unwrap_or(u32::MAX)
        };
        let delivered = match generation.status {
            // What is kept of it all the same is recovered, not delivered.
            Status::Failed => 0,
            _ => count(is_delivered),
        };
        let requested = requested(generation);
        Self {
            requested,
            delivered,
            withheld: count(|image| image.state == ImageState::Withheld),
            billed: match (billed(generation), generation.status) {
                (Billed::No, _) => Some(0),
                (Billed::Unknown, _) => None,
                // A failure says what it cost, and not for which pictures: all that it made.
                (Billed::Yes, Status::Failed) => requested,
                (Billed::Yes, _) => Some(count(|_| true)),
            },
        }
    }
}

impl Cost {
    pub(super) fn of(generation: &Generation) -> Self {
        let saved = if was_reused(generation) {
            generation.cost.reserved
        } else {
            Usd::ZERO
        };
        Self {
            reserved_usd_micros: generation.cost.reserved.micros(),
            settled_usd_micros: generation.cost.settled.map(Usd::micros),
            saved_usd_micros: saved.micros(),
        }
    }
}

/// What makes no pictures was asked for none.
fn requested(generation: &Generation) -> Option<u32> {
    let request = &generation.job.as_ref()?.request;
    Some(match request.operation {
        Operation::Describe => 0,
        _ => request.num_images,
    })
}

const fn is_delivered(image: &Image) -> bool {
    match image.state {
        ImageState::Stored | ImageState::Ready | ImageState::Undecodable | ImageState::Deleted => {
            true
        }
        ImageState::Withheld | ImageState::DownloadFailed => false,
    }
}

/// Whether the provider took money for it, as far as that is known.
pub(crate) fn billed(generation: &Generation) -> Billed {
    match (
        &generation.error,
        generation.status,
        generation.cost.settled,
    ) {
        (Some(error), Status::Failed | Status::Parked, _) => error.billed,
        (_, Status::Accepted | Status::Parked, _) | (_, _, Some(Usd::ZERO)) => Billed::No,
        (_, Status::Completed | Status::Ready, Some(_)) => Billed::Yes,
        _ => Billed::Unknown,
    }
}

/// Whether nothing was bought because it had been bought before.
fn was_reused(generation: &Generation) -> bool {
    let is_duplicate = generation
        .job
        .as_ref()
        .is_some_and(|job| job.duplicate_of.is_some());
    let unbought = match generation.status {
        Status::Completed | Status::Ready => true,
        Status::Failed => matches!(&generation.error, Some(err) if err.code == Code::Duplicate),
        _ => false,
    };
    is_duplicate && unbought && generation.cost.settled == Some(Usd::ZERO)
}

#[cfg(test)]
mod tests {
    use domain::{
        Accepted, Completed, Event, Failed, Failure, GenerationId, ImageId, Job, Phase, Request,
        Tenant,
    };
    use jiff::Timestamp;

    use super::*;

    const PRICE: Usd = Usd::from_micros(320_000);

    fn job() -> Job {
        let request = Request {
            num_images: 4,
            ..Request::new("a fox")
        };
        Job::new(
            GenerationId::generate(),
            Tenant::default(),
            request,
            Timestamp::now(),
        )
    }

    fn image(id: GenerationId, index: u32, state: ImageState) -> Image {
        Image {
            id: ImageId::of(id, index),
            index,
            state,
            key: None,
            url: None,
            width: 0,
            height: 0,
            seed: None,
            prompt: None,
            format: String::new(),
            bytes: 0,
            sha256: String::new(),
            derivatives: Vec::new(),
            error: None,
            traits: None,
            content_credentials: false,
        }
    }

    fn accepted(job: &Job) -> Event {
        Event::from(Accepted {
            job: job.clone(),
            callback_url: None,
            reserved: PRICE,
        })
    }

    fn completed(job: &Job, states: [ImageState; 4], cost: Usd) -> Event {
        let images = (0..).zip(states);
        Event::from(Completed {
            images: images
                .map(|(index, state)| image(job.id, index, state))
                .collect(),
            job: job.clone(),
            texts: Vec::new(),
            cost,
            at: Timestamp::now(),
        })
    }

    fn failed(job: &Job, code: Code, billed: Billed, cost: Usd) -> Event {
        let failure = Failure {
            code,
            message: "no".to_owned(),
            phase: Phase::Generation,
            billed,
        };
        Event::from(Failed {
            id: job.id,
            tenant: job.tenant.clone(),
            custom_id: None,
            job: Some(job.clone()),
            failure,
            cost,
            at: Timestamp::now(),
        })
    }

    fn told(events: impl IntoIterator<Item = Event>) -> Option<(Counts, Cost)> {
        let generation = Generation::of(events)?;
        Some((Counts::of(&generation), Cost::of(&generation)))
    }

    fn counts(delivered: u32, withheld: u32, billed: Option<u32>) -> Counts {
        Counts {
            requested: Some(4),
            delivered,
            withheld,
            billed,
        }
    }

    #[test]
    fn what_is_withheld_is_billed_and_not_delivered() {
        let job = job();
        let states = [
            ImageState::Stored,
            ImageState::Withheld,
            ImageState::Undecodable,
            ImageState::DownloadFailed,
        ];

        let waiting = told([accepted(&job)]);
        assert_eq!(waiting.map(|told| told.0), Some(counts(0, 0, Some(0))));
        let done = told([accepted(&job), completed(&job, states, PRICE)]);
        assert_eq!(done.map(|told| told.0), Some(counts(2, 1, Some(4))));
    }

    #[test]
    fn a_failure_says_itself_whether_it_was_billed() {
        for (billed, cost, images) in [
            (Billed::No, Usd::ZERO, Some(0)),
            (Billed::Yes, PRICE, Some(4)),
            (Billed::Unknown, Usd::ZERO, None),
        ] {
            let job = job();
            let told = told([
                accepted(&job),
                failed(&job, Code::AllWithheld, billed, cost),
            ]);
            assert_eq!(told.map(|told| told.0), Some(counts(0, 0, images)));
        }
    }

    #[test]
    fn what_was_bought_before_saves_its_price() {
        let first = job();
        let again = Job {
            duplicate_of: Some(first.id),
            ..job()
        };
        let states = [ImageState::Ready; 4];
        let saved = |event| told([accepted(&again), event]).map(|told| told.1.saved_usd_micros);

        assert_eq!(
            saved(completed(&again, states, Usd::ZERO)),
            Some(PRICE.micros())
        );
        assert_eq!(
            saved(failed(&again, Code::Duplicate, Billed::No, Usd::ZERO)),
            Some(PRICE.micros())
        );
        // Bought all the same, or failed for another reason.
        assert_eq!(saved(completed(&again, states, PRICE)), Some(0));
        assert_eq!(
            saved(failed(&again, Code::ContentFiltered, Billed::No, Usd::ZERO)),
            Some(0)
        );
    }
}
