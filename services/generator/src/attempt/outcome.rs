//! What an answer of the provider comes to. Pure.

use std::time::Duration;

use domain::{Billed, Code, Failed, Failure, Hold, Job, Phase, Rendered, RenderedImage, Usd};
use ideogram::{RejectKind, ResultImage};
use jiff::Timestamp;

use super::{Attempt, Why};

/// What the provider made.
#[derive(Debug)]
pub(super) struct Made {
    /// The provider's name for it, if its route gives one.
    pub(super) provider_id: Option<String>,
    pub(super) images: Vec<ResultImage>,
    pub(super) texts: Vec<String>,
    /// As far as the provider says so.
    pub(super) cost: Option<Usd>,
    /// Whether the answer came from a simulator.
    pub(super) simulated: bool,
}

/// What the provider made, as an event. What was withheld has no link, and was billed. What a
/// simulator made says so, whatever we believed when the request came.
pub(super) fn rendered(
    attempt: &Attempt<'_>,
    made: Made,
    link_ttl: Duration,
    now: Timestamp,
) -> Rendered {
    let Attempt {
        job, grant, bound, ..
    } = attempt;
    let images = (grant.first_index..).zip(made.images);
    let images: Vec<RenderedImage> = images.map(rendered_image).collect();
    let default = now.checked_add(link_ttl).unwrap_or(Timestamp::MAX);
    let links = images.iter().filter_map(|image| image.link.as_ref());
    let expires_at = links
        .map(|link| ideogram::links::expires_at(link, now, link_ttl))
        .min();
    Rendered {
        job: Job {
            simulated: job.simulated || made.simulated,
            ..Job::clone(job)
        },
        attempt: grant.number,
        provider_id: made.provider_id,
        images,
        texts: made.texts,
        late: grant.is_late,
        expires_at: expires_at.unwrap_or(default),
        cost: made.cost.unwrap_or(*bound),
        at: now,
    }
}

fn rendered_image((index, image): (u32, ResultImage)) -> RenderedImage {
    let link = image.url.filter(|_| image.safe);
    RenderedImage {
        index,
        link,
        seed: image.seed,
        prompt: image.prompt,
    }
}

/// The end of a generation that came to nothing at the provider.
pub(crate) fn failed(job: &Job, failure: Failure, cost: Usd, now: Timestamp) -> Failed {
    Failed {
        id: job.id,
        tenant: job.tenant.clone(),
        custom_id: job.custom_id.clone(),
        job: Some(job.clone()),
        failure,
        cost,
        at: now,
    }
}

/// A failure at the provider.
pub(crate) fn failure(code: Code, message: impl Into<String>, billed: Billed) -> Failure {
    Failure {
        code,
        message: message.into(),
        phase: Phase::Generation,
        billed,
    }
}

/// What to do about a refusal. It did not run and was not billed, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request is to blame: it will be refused again.
    Final(Code),
    /// The account is to blame: the work waits, and no attempt is used up.
    Wait(Why),
}

pub(super) fn refusal(kind: RejectKind) -> Refusal {
    let hold = |hold| Refusal::Wait(Why::Hold(hold, None));
    match kind {
        RejectKind::Unsafe => Refusal::Final(Code::ContentFiltered),
        RejectKind::BadRequest
        | RejectKind::NotFound
        | RejectKind::TooLarge
        | RejectKind::Other => Refusal::Final(Code::ProviderRejected),
        RejectKind::InflightLimit { max } => Refusal::Wait(Why::Full(max)),
        RejectKind::RateLimited { retry_after } => {
            Refusal::Wait(Why::Hold(Hold::Cooling, retry_after))
        }
        RejectKind::Unauthorized => hold(Hold::BadKey),
        RejectKind::Forbidden => hold(Hold::Forbidden),
        RejectKind::InsufficientFunds => hold(Hold::OutOfFunds),
        RejectKind::SubscriptionRequired => hold(Hold::SubscriptionRequired),
        RejectKind::DailyLimit => hold(Hold::DailyLimit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_cannot_serve_makes_work_wait() {
        for kind in [
            RejectKind::Unauthorized,
            RejectKind::InsufficientFunds,
            RejectKind::DailyLimit,
            RejectKind::InflightLimit { max: Some(10) },
        ] {
            assert!(matches!(refusal(kind), Refusal::Wait(_)), "{kind:?}");
        }
        assert_eq!(
            refusal(RejectKind::Unsafe),
            Refusal::Final(Code::ContentFiltered)
        );
    }
}
