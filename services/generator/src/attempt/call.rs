//! The paid call, and what its answer comes to.

use std::time::Duration;

use bytes::Bytes;
use domain::{Billed, Code, Submitted};
use ideogram::{Answer, Call, Error};
use jiff::{SignedDuration, Timestamp};
use runtime::crash;
use tracing::{error, info, warn};

use super::follow::elapsed;
use super::outcome::{self, Made, Refusal};
use super::{Attempt, Buyer, End, Why, failure};
use crate::metrics::{CALLS, SPENT};

/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(600);

impl Buyer {
    /// Sends it, and sees to it that what comes of it is written down.
    pub(super) async fn call(
        &self,
        attempt: Attempt<'_>,
        call: &Call,
        files: Vec<Bytes>,
    ) -> Result<End, End> {
        // In a box, so that a thousand that only wait for the provider are small.
        let answer = Box::pin(self.client.submit(call, &files)).await;
        drop(files);
        crash::point("generator.after_answer");
        match answer {
            Ok(answer) => self.answered(attempt, answer).await,
            Err(Error::Rejected { kind, message, .. }) => {
                let refusal = outcome::refusal(kind, call);
                self.rejected(&attempt, refusal, &message).await
            }
            Err(err @ Error::File { .. }) => {
                CALLS.with_label_values(&["not sent"]).inc();
                self.end(&attempt, Code::SourceUnavailable, err.to_string())
                    .await
            }
            Err(err @ Error::NotSent(_)) => {
                CALLS.with_label_values(&["not sent"]).inc();
                warn!(generation = %attempt.job.id, error = &err as &dyn std::error::Error, "not sent");
                self.not_sent(&attempt, &err).await
            }
            Err(err) => {
                CALLS.with_label_values(&["unknown"]).inc();
                warn!(generation = %attempt.job.id, error = &err as &dyn std::error::Error, "outcome unknown");
                self.unknown(&attempt, &err.to_string()).await
            }
        }
    }

    /// The answer is stored before anything else is done with it.
    async fn answered(&self, attempt: Attempt<'_>, answer: Answer) -> Result<End, End> {
        CALLS.with_label_values(&["answered"]).inc();
        if answer.simulated() != self.config.simulated {
            let simulated = answer.simulated();
            error!(
                simulated,
                "IDEOGRAM_BASE_URL leads to another kind of provider than configured"
            );
        }
        match answer {
            Answer::Done {
                provider_id,
                images,
                texts,
                cost,
                simulated,
            } => {
                let made = Made {
                    provider_id,
                    images,
                    texts,
                    cost,
                    simulated,
                };
                self.done(&attempt, made).await
            }
            Answer::Accepted { provider_id, .. } => {
                let attempt = self.submitted(attempt, &provider_id).await?;
                let since = Timestamp::now();
                let end = self.follow(attempt, provider_id, since).await?;
                if let End::Rendered { .. } = end {
                    let request = &attempt.job.request;
                    self.durations.took(request, elapsed(since));
                }
                Ok(end)
            }
        }
    }

    pub(super) async fn submitted<'a>(
        &self,
        attempt: Attempt<'a>,
        provider_id: &str,
    ) -> Result<Attempt<'a>, End> {
        let submitted = Submitted {
            id: attempt.job.id,
            attempt: attempt.grant.number,
            provider_id: provider_id.to_owned(),
            at: Timestamp::now(),
        };
        let last = self.tell(&attempt, submitted).await?;
        crash::point("generator.after_submitted");
        Ok(Attempt { last, ..attempt })
    }

    pub(super) async fn done(&self, attempt: &Attempt<'_>, made: Made) -> Result<End, End> {
        let cost = made.cost.unwrap_or(attempt.bound);
        let (v2, older) = self.config.link_ttl;
        let ttl = if made.provider_id.is_some() {
            v2
        } else {
            older
        };
        crash::point("generator.before_rendered");
        let now = Timestamp::now();
        SPENT.inc_by(u64::try_from(cost.micros()).unwrap_or(0));
        if made.images.is_empty() && made.texts.is_empty() {
            let message = "the provider reports success and sent nothing";
            let failure = failure(Code::ProviderAnswerUnreadable, message, Billed::Yes);
            return self.fail(attempt, failure, cost).await;
        }
        let rendered = outcome::rendered(attempt, made, ttl, now);
        self.tell(attempt, rendered).await?;
        crash::point("generator.after_rendered");
        Ok(End::Rendered { cost })
    }

    async fn rejected(
        &self,
        attempt: &Attempt<'_>,
        refusal: Refusal,
        message: &str,
    ) -> Result<End, End> {
        CALLS.with_label_values(&["rejected"]).inc();
        match refusal {
            Refusal::Final(code) => {
                let message = format!("the provider refused: {message}");
                self.end(attempt, code, message).await
            }
            Refusal::TooMany { most } => {
                let message = format!(
                    "the provider account may have no more than {most} images in progress at once; \
                     ask for fewer per request"
                );
                self.end(attempt, Code::ProviderRejected, message).await
            }
            Refusal::Wait(why) => {
                let reason = match &why {
                    Why::Hold(hold, _) => hold.advice(),
                    _ => "all places of the provider account are taken",
                };
                info!(generation = %attempt.job.id, reason, "parked");
                self.park(attempt, reason, None, why).await
            }
        }
    }

    /// It never left us, so it may be tried again, as often as attempts are allowed.
    async fn not_sent(&self, attempt: &Attempt<'_>, err: &Error) -> Result<End, End> {
        let failures = attempt.grant.failures + 1;
        if failures >= self.config.attempts {
            let message = format!("given up after {failures} attempts: {err}");
            return self.end(attempt, Code::ProviderUnavailable, message).await;
        }
        let pause = self.config.pauses.retry * 2u32.saturating_pow(failures - 1);
        let pause = SignedDuration::try_from(spread(pause.min(LONGEST))).unwrap_or_default();
        let until = Timestamp::now().saturating_add(pause).ok();
        let reason = "the provider cannot be reached";
        self.park(attempt, reason, until, Why::Unreachable).await
    }
}

/// Between three quarters and five quarters of it, so that what failed together does not come back
/// together.
pub(crate) fn spread(pause: Duration) -> Duration {
    let share = f64::from(uuid::Uuid::new_v4().as_u128() as u16) / f64::from(u16::MAX);
    pause.mul_f64(0.75 + share / 2.0)
}
