//! What an answer of the provider comes to. Pure.

use std::time::Duration;

use domain::{Billed, Code, Failed, Failure, Hold, Job, Phase, Rendered, RenderedImage, Usd};
use ideogram::{Call, RejectKind, ResultImage};
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
    /// It is for more images than the account may ever have in progress: it will be refused again,
    /// however long it waits.
    TooMany {
        /// How many it may have.
        most: u32,
    },
    /// The account is to blame: the work waits, and no attempt is used up.
    Wait(Why),
}

pub(super) fn refusal(kind: RejectKind, call: &Call) -> Refusal {
    let hold = |hold| Refusal::Wait(Why::Hold(hold, None));
    match kind {
        RejectKind::Unsafe => Refusal::Final(Code::ContentFiltered),
        RejectKind::BadRequest
        | RejectKind::NotFound
        | RejectKind::TooLarge
        | RejectKind::FeatureLimit
        | RejectKind::Other => Refusal::Final(Code::ProviderRejected),
        // Of the routes that make images, 403 is documented for these alone: it is the model that
        // the account may not use.
        RejectKind::Forbidden if call.route.ends_with("-custom-model") => {
            Refusal::Final(Code::ProviderRejected)
        }
        // The provider counts images. An account without any place is no fault of the request.
        RejectKind::InflightLimit { max: Some(most) } if (1..call.images).contains(&most) => {
            Refusal::TooMany { most }
        }
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
    use domain::{Model, Request};
    use ideogram::{Api, plan};

    fn call(change: impl FnOnce(&mut Request)) -> Call {
        let mut request = Request::new("a kite");
        (request.model, request.num_images) = (Model::V3, 4);
        change(&mut request);
        plan(&request, Api::V2).expect("it can be asked for")
    }

    #[test]
    fn an_account_that_cannot_serve_makes_work_wait() {
        for kind in [
            RejectKind::Unauthorized,
            RejectKind::Forbidden,
            RejectKind::InsufficientFunds,
            RejectKind::DailyLimit,
            RejectKind::InflightLimit { max: Some(10) },
            RejectKind::InflightLimit { max: Some(4) },
            RejectKind::InflightLimit { max: Some(0) },
            RejectKind::InflightLimit { max: None },
        ] {
            let refusal = refusal(kind, &call(|_| {}));
            assert!(matches!(refusal, Refusal::Wait(_)), "{kind:?}");
        }
    }

    #[test]
    fn what_the_account_can_never_serve_ends() {
        let plain = call(|_| {});
        let custom = call(|request| request.custom_model = Some("model/a/version/1".to_owned()));
        let rejected = Refusal::Final(Code::ProviderRejected);
        for (kind, call, expected) in [
            (
                RejectKind::Unsafe,
                &plain,
                Refusal::Final(Code::ContentFiltered),
            ),
            (RejectKind::FeatureLimit, &plain, rejected.clone()),
            (RejectKind::Forbidden, &custom, rejected),
            (
                RejectKind::InflightLimit { max: Some(3) },
                &plain,
                Refusal::TooMany { most: 3 },
            ),
        ] {
            assert_eq!(refusal(kind, call), expected, "{kind:?}");
        }
        let key = refusal(RejectKind::Unauthorized, &custom);
        assert_eq!(key, Refusal::Wait(Why::Hold(Hold::BadKey, None)));
    }
}
