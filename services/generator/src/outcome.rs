//! What an answer of the provider comes to. Pure.

use std::time::Duration;

use domain::{Billed, Code, Failed, Failure, Job, Phase, Rendered, RenderedImage, Usd};
use ideogram::{RejectKind, ResultImage};
use jiff::Timestamp;

/// What the provider made, as an event. What was withheld has no link, and was billed.
pub(crate) fn rendered(
    job: &Job,
    attempt: u32,
    provider_id: Option<String>,
    images: Vec<ResultImage>,
    cost: Usd,
    link_ttl: Duration,
    now: Timestamp,
) -> Rendered {
    let images: Vec<RenderedImage> = (0..).zip(images).map(rendered_image).collect();
    let default = now.checked_add(link_ttl).unwrap_or(Timestamp::MAX);
    let links = images.iter().filter_map(|image| image.link.as_ref());
    let expires_at = links.map(|link| ideogram::links::expires_at(link, now, link_ttl)).min();
    Rendered {
        job: job.clone(),
        attempt,
        provider_id,
        images,
        expires_at: expires_at.unwrap_or(default),
        cost,
        at: now,
    }
}

fn rendered_image((index, image): (u32, ResultImage)) -> RenderedImage {
    let link = image.url.filter(|_| image.safe);
    RenderedImage { index, link, seed: image.seed, prompt: image.prompt }
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
    Failure { code, message: message.into(), phase: Phase::Generation, billed }
}

/// What to do about a refusal. It did not run and was not billed, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request is to blame: it will be refused again.
    Final(Code),
    /// The account is to blame: the work waits, and no attempt is used up.
    Wait {
        /// For people.
        why: &'static str,
        /// At least this long.
        pause: Duration,
    },
}

/// How long to leave an account alone that cannot serve.
const ACCOUNT_PAUSE: Duration = Duration::from_secs(30);
/// How long to leave an account alone whose places are taken by others.
const PLACES_PAUSE: Duration = Duration::from_secs(2);

pub(crate) fn refusal(kind: RejectKind) -> Refusal {
    let wait = |why, pause| Refusal::Wait { why, pause };
    match kind {
        RejectKind::Unsafe => Refusal::Final(Code::ContentFiltered),
        RejectKind::BadRequest
        | RejectKind::NotFound
        | RejectKind::TooLarge
        | RejectKind::Other => Refusal::Final(Code::ProviderRejected),
        RejectKind::InflightLimit { .. } => {
            wait("all places of the provider account are taken", PLACES_PAUSE)
        }
        RejectKind::RateLimited { retry_after } => wait(
            "the provider asks to slow down",
            retry_after.unwrap_or(PLACES_PAUSE).min(Duration::from_secs(600)),
        ),
        RejectKind::Unauthorized => {
            wait("the provider does not accept the API key; check IDEOGRAM_API_KEY", ACCOUNT_PAUSE)
        }
        RejectKind::Forbidden => {
            wait("the provider account may not do this; check its permissions", ACCOUNT_PAUSE)
        }
        RejectKind::InsufficientFunds => {
            wait("the provider account has no credits left; top it up", ACCOUNT_PAUSE)
        }
        RejectKind::SubscriptionRequired => {
            wait("the provider account needs a subscription", ACCOUNT_PAUSE)
        }
        RejectKind::DailyLimit => {
            wait("the provider account has reached its limit for today", ACCOUNT_PAUSE)
        }
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
            assert!(matches!(refusal(kind), Refusal::Wait { .. }), "{kind:?}");
        }
        assert_eq!(refusal(RejectKind::Unsafe), Refusal::Final(Code::ContentFiltered));
    }
}
