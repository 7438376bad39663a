//! Lives of generations, as short as they can be.

use domain::{
    Accepted, Billed, Calling, Code, Completed, Failed, Failure, GenerationId, Image, ImageId,
    ImageState, Job, Phase, Rendered, Request, Tenant, Usd,
};
use jiff::Timestamp;

pub(crate) fn job(id: GenerationId) -> Job {
    Job {
        simulated: true,
        callback: true,
        ..Job::new(
            id,
            Tenant::default(),
            Request::new("a fox"),
            Timestamp::UNIX_EPOCH,
        )
    }
}

pub(crate) fn accepted(id: GenerationId) -> anyhow::Result<Accepted> {
    let callback_url = Some("https://customer.test/secret-callback".parse()?);
    Ok(Accepted {
        job: job(id),
        callback_url,
        reserved: Usd::from_micros(80_000),
    })
}

/// `token` makes it another event than anybody else's.
pub(crate) fn calling(id: GenerationId, token: &str) -> Calling {
    Calling {
        id,
        attempt: 1,
        token: token.to_owned(),
        route: "v2".to_owned(),
        images: 1,
        reserved: Usd::from_micros(80_000),
        at: Timestamp::UNIX_EPOCH,
    }
}

pub(crate) fn rendered(id: GenerationId) -> Rendered {
    Rendered {
        late: false,
        texts: Vec::new(),
        job: job(id),
        attempt: 1,
        provider_id: None,
        images: Vec::new(),
        expires_at: Timestamp::MAX,
        cost: Usd::from_micros(80_000),
        at: Timestamp::UNIX_EPOCH,
    }
}

pub(crate) fn image(id: GenerationId) -> Image {
    Image {
        id: ImageId::of(id, 0),
        index: 0,
        state: ImageState::Stored,
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

pub(crate) fn completed(id: GenerationId) -> Completed {
    Completed {
        texts: Vec::new(),
        job: job(id),
        images: vec![image(id)],
        cost: Usd::from_micros(80_000),
        at: Timestamp::UNIX_EPOCH,
    }
}

pub(crate) fn failed(id: GenerationId, failure: Failure) -> Failed {
    Failed {
        id,
        tenant: Tenant::default(),
        custom_id: None,
        job: Some(job(id)),
        failure,
        cost: Usd::ZERO,
        at: Timestamp::UNIX_EPOCH,
    }
}

pub(crate) fn failure(code: Code) -> Failure {
    Failure {
        code,
        message: format!("told as {code}"),
        phase: Phase::Download,
        billed: Billed::Yes,
    }
}
