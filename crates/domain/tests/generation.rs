//! Events come twice, late and out of order; what they add up to is the same.

use domain::{
    Accepted, Billed, Calling, Code, Completed, Event, Failed, Failure, Generation, GenerationId,
    Image, ImageFailed, ImageId, ImageReady, ImageState, Job, Parked, Phase, Ready, Rendered,
    Request, Status, Submitted, Tenant, Unknown, Usd,
};
use jiff::Timestamp;
use proptest::prelude::{Just, Strategy, any};
use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

const RESERVED: Usd = Usd::from_micros(160_000);
const COST: Usd = Usd::from_micros(120_000);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap_or_default()
}

fn id() -> GenerationId {
    GenerationId::of_key(&Tenant::default(), "a life")
}

fn job() -> Job {
    Job {
        custom_id: Some("mine".to_owned()),
        simulated: true,
        ..Job::new(
            id(),
            Tenant::default(),
            Request {
                num_images: 2,
                ..Request::new("a fox")
            },
            at(0),
        )
    }
}

fn image(index: u32, state: ImageState) -> Image {
    Image {
        id: ImageId::of(id(), index),
        index,
        state,
        key: Some(format!("generated/{index}")),
        url: None,
        width: 640,
        height: 640,
        seed: Some(7),
        prompt: None,
        format: "png".to_owned(),
        bytes: 1_000,
        sha256: String::new(),
        derivatives: Vec::new(),
        error: None,
        traits: None,
        content_credentials: false,
    }
}

fn failure() -> Failure {
    Failure {
        code: Code::DownloadFailed,
        message: "the links died".to_owned(),
        phase: Phase::Download,
        billed: Billed::Yes,
    }
}

/// How it begins, whatever becomes of it.
fn beginning() -> Vec<Event> {
    let (id, attempt, reserved) = (id(), 1, RESERVED);
    vec![
        Accepted {
            job: job(),
            callback_url: None,
            reserved,
        }
        .into(),
        Parked {
            failures: 0,
            until: None,
            in_doubt: false,
            doubted: None,
            id,
            reason: "out of funds".to_owned(),
            at: at(1),
        }
        .into(),
        Calling {
            id,
            attempt,
            token: "t".to_owned(),
            route: "v2".to_owned(),
            images: 2,
            reserved,
            at: at(2),
        }
        .into(),
        Unknown {
            id,
            attempt,
            reason: "no answer".to_owned(),
            reserved,
            at: at(3),
        }
        .into(),
        Submitted {
            id,
            attempt,
            provider_id: "theirs".to_owned(),
            at: at(4),
        }
        .into(),
        Rendered {
            late: false,
            texts: Vec::new(),
            job: job(),
            attempt,
            provider_id: None,
            images: Vec::new(),
            expires_at: at(3600),
            cost: COST,
            at: at(5),
        }
        .into(),
    ]
}

fn completed_life() -> Vec<Event> {
    let images = vec![image(0, ImageState::Stored), image(1, ImageState::Stored)];
    let mut life = beginning();
    life.push(
        Completed {
            texts: Vec::new(),
            job: job(),
            images,
            cost: COST,
            at: at(6),
        }
        .into(),
    );
    life
}

fn ready_life() -> Vec<Event> {
    let images = vec![
        image(0, ImageState::Ready),
        image(1, ImageState::Undecodable),
    ];
    let mut life = completed_life();
    life.extend([
        Event::from(ImageReady {
            job: job(),
            derivation: None,
            image: images[0].clone(),
            at: at(7),
        }),
        ImageFailed {
            job: job(),
            image: images[1].clone(),
            at: at(8),
        }
        .into(),
        Ready {
            texts: Vec::new(),
            job: job(),
            images,
            cost: COST,
            at: at(9),
        }
        .into(),
    ]);
    life
}

/// The provider took less in the end than it said when it was done.
fn failed_life() -> Vec<Event> {
    let mut life = beginning();
    life.push(
        Failed {
            id: id(),
            tenant: Tenant::default(),
            custom_id: Some("mine".to_owned()),
            job: Some(job()),
            failure: failure(),
            cost: Usd::from_micros(60_000),
            at: at(6),
        }
        .into(),
    );
    life
}

/// A life, and the same life with some events told twice, shuffled.
fn told() -> impl Strategy<Value = (Vec<Event>, Vec<Event>)> {
    let life = prop_oneof![
        Just(completed_life()),
        Just(ready_life()),
        Just(failed_life())
    ];
    let twice = proptest::collection::vec(any::<bool>(), 16);
    (life, twice).prop_flat_map(|(life, twice)| {
        let again = life.iter().zip(&twice).filter(|(_, twice)| **twice);
        let told: Vec<Event> = life
            .iter()
            .chain(again.map(|(event, _)| event))
            .cloned()
            .collect();
        (Just(life), Just(told).prop_shuffle())
    })
}

const fn how_far(status: Status) -> u8 {
    match status {
        Status::Accepted => 0,
        Status::Running | Status::Parked | Status::Unknown => 1,
        Status::Completed => 2,
        Status::Ready | Status::Failed => 3,
    }
}

proptest! {
    #[test]
    fn a_life_adds_up_to_the_same_in_any_order((life, told) in told()) {
        prop_assert_eq!(Generation::of(told), Generation::of(life));
    }

    #[test]
    fn a_generation_never_goes_back((_, told) in told()) {
        let mut generation: Option<Generation> = None;
        for event in &told {
            let before = generation.as_ref().map(|known| (how_far(known.status), known.images.len()));
            generation = match generation {
                None => Generation::begin(event),
                Some(mut known) => {
                    known.apply(event);
                    Some(known)
                }
            };
            let after = generation.as_ref().map(|known| (how_far(known.status), known.images.len()));
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            prop_assert!(after.0 >= before.0 && after.1 >= before.1, "{event:?}");
        }
    }
}

#[test]
fn the_end_of_each_life_is_what_it_should_be() {
    let end = |life| Generation::of(life).map(|end| (end.status, end.cost.settled, end.error));

    assert_eq!(
        end(completed_life()),
        Some((Status::Completed, Some(COST), None))
    );
    assert_eq!(end(ready_life()), Some((Status::Ready, Some(COST), None)));
    let settled = Some(Usd::from_micros(60_000));
    assert_eq!(
        end(failed_life()),
        Some((Status::Failed, settled, Some(failure())))
    );

    let ready = Generation::of(ready_life());
    let times = ready
        .as_ref()
        .map(|ready| (ready.created_at, ready.completed_at, ready.ready_at));
    assert_eq!(times, Some((at(0), Some(at(6)), Some(at(9)))));
    let states: Vec<_> = ready
        .iter()
        .flat_map(|ready| &ready.images)
        .map(|i| i.state)
        .collect();
    assert_eq!(states, [ImageState::Ready, ImageState::Undecodable]);
}

#[test]
fn events_without_the_job_are_no_generation() {
    let told: Vec<Event> = beginning().into_iter().skip(1).take(4).collect();

    assert_eq!(Generation::of(told), None);
}
