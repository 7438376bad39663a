//! What an answer of the provider comes to. Pure.

use std::time::Duration;

use bus::{Fault, Step, Wait};
use domain::{Billed, Code, Failed, Failure, Job, Phase, Rendered, RenderedImage, Usd};
use ideogram::{RejectKind, ResultImage};
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::Pauses;
use crate::attempt::{Attempt, Made};

/// What the provider made, as an event. What was withheld has no link, and was billed. What a
/// simulator made says so, whatever we believed when the request came.
pub(crate) fn rendered(
    attempt: &Attempt<'_>,
    made: Made,
    link_ttl: Duration,
    now: Timestamp,
) -> Rendered {
    let images: Vec<RenderedImage> = (0..).zip(made.images).map(rendered_image).collect();
    let default = now.checked_add(link_ttl).unwrap_or(Timestamp::MAX);
    let links = images.iter().filter_map(|image| image.link.as_ref());
    let expires_at = links
        .map(|link| ideogram::links::expires_at(link, now, link_ttl))
        .min();
    let simulated = attempt.job.simulated || made.simulated;
    Rendered {
        job: Job {
            simulated,
            ..attempt.job.clone()
        },
        attempt: attempt.number,
        provider_id: made.provider_id,
        images,
        expires_at: expires_at.unwrap_or(default),
        cost: made.cost.unwrap_or(attempt.bound),
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

/// Waiting, which uses up no attempt.
pub(crate) fn wait(pause: Duration) -> Step {
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    let until = Timestamp::now()
        .saturating_add(pause)
        .unwrap_or(Timestamp::MAX);
    Step::Wait(Wait {
        until,
        counts: false,
        emit: Vec::new(),
    })
}

/// How long to leave a ledger alone that does not answer.
const LEDGER_PAUSE: Duration = Duration::from_secs(3);

/// What to do when the ledger cannot be read or written: that is not the request's fault, so it
/// waits. Only an entry that is none is a reason to give up.
pub(crate) fn without_ledger(err: bus::Error, phase: Phase, billed: Billed) -> Result<Step, Fault> {
    if let bus::Error::Decode { .. } = err {
        let message = "the ledger of this generation holds an entry that is none".to_owned();
        let failure = Failure {
            code: Code::Internal,
            message,
            phase,
            billed,
        };
        return Err(Fault::transient(err, failure));
    }
    warn!(error = &err as &dyn std::error::Error, "no ledger, no step");
    Ok(wait(LEDGER_PAUSE))
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

/// The longest that the provider's own wish to be left alone is heeded.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

pub(crate) fn refusal(kind: RejectKind, pauses: &Pauses) -> Refusal {
    let wait = |why, pause| Refusal::Wait { why, pause };
    match kind {
        RejectKind::Unsafe => Refusal::Final(Code::ContentFiltered),
        RejectKind::BadRequest
        | RejectKind::NotFound
        | RejectKind::TooLarge
        | RejectKind::Other => Refusal::Final(Code::ProviderRejected),
        RejectKind::InflightLimit { .. } => wait(
            "all places of the provider account are taken",
            pauses.places,
        ),
        RejectKind::RateLimited { retry_after } => wait(
            "the provider asks to slow down",
            retry_after.unwrap_or(pauses.places).min(LONGEST_PAUSE),
        ),
        RejectKind::Unauthorized => wait(
            "the provider does not accept the API key; check IDEOGRAM_API_KEY",
            pauses.account,
        ),
        RejectKind::Forbidden => wait(
            "the provider account may not do this; check its permissions",
            pauses.account,
        ),
        RejectKind::InsufficientFunds => wait(
            "the provider account has no credits left; top it up",
            pauses.account,
        ),
        RejectKind::SubscriptionRequired => {
            wait("the provider account needs a subscription", pauses.account)
        }
        RejectKind::DailyLimit => wait(
            "the provider account has reached its limit for today",
            pauses.account,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_cannot_serve_makes_work_wait() {
        let pauses = Pauses::default();
        for kind in [
            RejectKind::Unauthorized,
            RejectKind::InsufficientFunds,
            RejectKind::DailyLimit,
            RejectKind::InflightLimit { max: Some(10) },
        ] {
            assert!(
                matches!(refusal(kind, &pauses), Refusal::Wait { .. }),
                "{kind:?}"
            );
        }
        assert_eq!(
            refusal(RejectKind::Unsafe, &pauses),
            Refusal::Final(Code::ContentFiltered)
        );
    }
}
