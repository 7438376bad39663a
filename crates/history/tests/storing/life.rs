//! Lives of generations, as events tell them.

use std::collections::BTreeMap;

use domain::{
    Accepted, AspectRatio, Billed, Calling, Code, Completed, Event, Failed, Failure, GenerationId,
    Image, ImageId, ImageReady, ImageState, Job, NotificationDelivered, Phase, Ready, Rendered,
    Request, Submitted, Tenant, Usd,
};
use jiff::Timestamp;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap_or_default()
}

pub(crate) fn job(prompt: &str, second: i64) -> Job {
    let request = Request {
        aspect_ratio: Some(AspectRatio {
            width: 16,
            height: 9,
        }),
        presets: vec!["instagram".into()],
        metadata: BTreeMap::from([("sku".to_owned(), "7".to_owned())]),
        ..Request::new(prompt)
    };
    Job {
        simulated: true,
        callback: true,
        ..Job::new(
            GenerationId::generate(),
            Tenant::default(),
            request,
            at(second),
        )
    }
}

pub(crate) fn accepted(job: &Job) -> Event {
    Event::from(Accepted {
        job: job.clone(),
        callback_url: None,
        reserved: Usd::from_micros(80_000),
    })
}

pub(crate) fn image(job: &Job, state: ImageState) -> Image {
    Image {
        id: ImageId::of(job.id, 0),
        index: 0,
        state,
        key: Some(format!("generated/{}/0-abc.png", job.id)),
        url: None,
        width: 64,
        height: 36,
        seed: Some(4_242),
        prompt: None,
        format: "png".to_owned(),
        bytes: 10,
        sha256: "ab".to_owned(),
        derivatives: Vec::new(),
        error: None,
        traits: None,
        content_credentials: false,
    }
}

pub(crate) fn completed(job: &Job) -> Event {
    Event::from(Completed {
        job: job.clone(),
        images: vec![image(job, ImageState::Stored)],
        texts: Vec::new(),
        cost: Usd::from_micros(80_000),
        at: at(5),
    })
}

pub(crate) fn refused(id: GenerationId, tenant: Tenant) -> Event {
    Event::from(Failed {
        id,
        tenant,
        custom_id: None,
        job: None,
        failure: Failure {
            code: Code::InvalidField,
            message: "`prompt`: is missing".to_owned(),
            phase: Phase::Admission,
            billed: Billed::No,
        },
        cost: Usd::ZERO,
        at: at(1),
    })
}

/// From the beginning to the last word, with nothing going wrong.
pub(crate) fn whole(job: &Job) -> Vec<Event> {
    let id = job.id;
    vec![
        accepted(job),
        Event::from(Calling {
            id,
            attempt: 1,
            token: "t".to_owned(),
            route: "v2".to_owned(),
            images: 1,
            reserved: Usd::from_micros(80_000),
            at: at(2),
        }),
        Event::from(Submitted {
            id,
            attempt: 1,
            provider_id: "p".to_owned(),
            at: at(3),
        }),
        Event::from(Rendered {
            late: false,
            job: job.clone(),
            attempt: 1,
            provider_id: None,
            images: Vec::new(),
            texts: Vec::new(),
            expires_at: at(3_600),
            cost: Usd::from_micros(80_000),
            at: at(4),
        }),
        completed(job),
        Event::from(ImageReady {
            job: job.clone(),
            derivation: None,
            image: image(job, ImageState::Ready),
            at: at(6),
        }),
        Event::from(Ready {
            job: job.clone(),
            images: vec![image(job, ImageState::Ready)],
            texts: Vec::new(),
            cost: Usd::from_micros(80_000),
            at: at(7),
        }),
        Event::from(NotificationDelivered {
            event_id: format!("generation-completed-{id}"),
            id,
            endpoint: "abc".to_owned(),
            status: 200,
            attempts: 1,
            at: at(8),
        }),
    ]
}
