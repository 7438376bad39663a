//! One paid call, and what came of it.

use std::time::Duration;

use bus::{Expect, Fault, Step};
use domain::{Billed, Code, Event, Failure, Parked, Submitted, Unknown, Usd};
use ideogram::{Answer, Call, Error, RejectKind};
use jiff::Timestamp;
use runtime::crash;
use tracing::{error, info, warn};

use crate::attempt::{Attempt, Made};
use crate::generate::{Generate, Stop};
use crate::metrics::{CALLS, SPENT, UNKNOWN};
use crate::outcome::{Refusal, failed, failure, refusal, rendered, wait};
use crate::places::Held;

impl Generate {
    /// Sends it, and sees to it that what comes of it is written down.
    pub(crate) async fn call(
        &self,
        attempt: Attempt<'_>,
        call: &Call,
        held: Held,
    ) -> Result<Step, Stop> {
        let job = attempt.job;
        let answer = self.client.submit(call).await;
        crash::point("generator.after_answer");
        match answer {
            Ok(answer) => self.answered(attempt, answer).await,
            Err(Error::Rejected { kind, message, .. }) => {
                self.rejected(&attempt, kind, &message).await
            }
            Err(err @ Error::NotSent(_)) => {
                CALLS.with_label_values(&["not sent"]).inc();
                self.park(&attempt, "the provider cannot be reached")
                    .await?;
                let failure = failure(Code::ProviderUnavailable, err.to_string(), Billed::No);
                Err(Stop::Fault(Fault::transient(err, failure)))
            }
            Err(err) => {
                CALLS.with_label_values(&["unknown"]).inc();
                warn!(generation = %job.id, error = &err as &dyn std::error::Error, "outcome unknown");
                held.quarantine(self.config.pauses.quarantine);
                Ok(self.unknown(&attempt, &err.to_string()))
            }
        }
    }

    /// The answer is stored before anything else is done with it.
    async fn answered(&self, attempt: Attempt<'_>, answer: Answer) -> Result<Step, Stop> {
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
                cost,
                simulated,
            } => {
                self.done(
                    &attempt,
                    Made {
                        provider_id,
                        images,
                        cost,
                        simulated,
                    },
                )
                .await
            }
            Answer::Accepted { provider_id, .. } => {
                let at = Timestamp::now();
                let submitted = Submitted {
                    id: attempt.job.id,
                    attempt: attempt.number,
                    provider_id: provider_id.clone(),
                    at,
                };
                let last = self.tell(&attempt, submitted).await?;
                crash::point("generator.after_submitted");
                self.follow(Attempt { last, ..attempt }, provider_id, at)
                    .await
            }
        }
    }

    /// Writes down what came of a call, also when somebody took us for dead meanwhile and wrote
    /// `unknown`: now it is known.
    pub(crate) async fn tell(
        &self,
        attempt: &Attempt<'_>,
        event: impl Into<Event>,
    ) -> Result<u64, Stop> {
        let event = event.into();
        match self.ledger.append(event.clone(), attempt.last).await {
            Err(bus::Error::Conflict { .. }) => {}
            result => return Ok(result?),
        }
        let entries = self.ledger.read(attempt.job.id).await?;
        let doubted = entries.last().filter(|entry| {
            matches!(&entry.event, Event::Unknown(unknown) if unknown.attempt == attempt.number)
        });
        match doubted {
            Some(entry) => Ok(self.ledger.append(event, entry.sequence).await?),
            None => Err(Stop::Overtaken),
        }
    }

    pub(crate) async fn done(&self, attempt: &Attempt<'_>, made: Made) -> Result<Step, Stop> {
        let cost = made.cost.unwrap_or(attempt.bound);
        let (v2, older) = self.config.link_ttl;
        let ttl = if made.provider_id.is_some() {
            v2
        } else {
            older
        };
        let event = match made.images.is_empty() {
            false => Event::from(rendered(attempt, made, ttl, Timestamp::now())),
            true => {
                let message = "the provider reports success and sent no image";
                let failure = failure(Code::ProviderAnswerUnreadable, message, Billed::Yes);
                failed(attempt.job, failure, cost, Timestamp::now()).into()
            }
        };
        self.tell(attempt, event).await?;
        SPENT.inc_by(u64::try_from(cost.micros()).unwrap_or(0));
        Ok(Step::done())
    }

    async fn rejected(
        &self,
        attempt: &Attempt<'_>,
        kind: RejectKind,
        message: &str,
    ) -> Result<Step, Stop> {
        CALLS.with_label_values(&["rejected"]).inc();
        match refusal(kind, &self.config.pauses) {
            Refusal::Final(code) => {
                let message = format!("the provider refused: {message}");
                self.came_to_nothing(attempt, failure(code, message, Billed::No))
                    .await
            }
            Refusal::Wait { why, pause } => {
                info!(generation = %attempt.job.id, why, "parked");
                self.park(attempt, why).await?;
                Ok(wait(spread(pause)))
            }
        }
    }

    /// The call is over and cost nothing, and there will be no other.
    pub(crate) async fn came_to_nothing(
        &self,
        attempt: &Attempt<'_>,
        failure: Failure,
    ) -> Result<Step, Stop> {
        let event = failed(attempt.job, failure, Usd::ZERO, Timestamp::now());
        self.tell(attempt, event).await.map(|_| Step::done())
    }

    /// Writes that the call came to nothing and was not billed: only then may there be another.
    pub(crate) async fn park(&self, attempt: &Attempt<'_>, reason: &str) -> Result<u64, Stop> {
        let id = attempt.job.id;
        self.tell(
            attempt,
            Parked {
                id,
                reason: reason.to_owned(),
                at: Timestamp::now(),
            },
        )
        .await
    }

    pub(crate) fn unknown(&self, attempt: &Attempt<'_>, reason: &str) -> Step {
        UNKNOWN.inc_by(u64::try_from(attempt.bound.micros()).unwrap_or(0));
        let event = Unknown {
            id: attempt.job.id,
            attempt: attempt.number,
            reason: reason.to_owned(),
            reserved: attempt.bound,
            at: Timestamp::now(),
        };
        Step::emit(event, Expect::LedgerAt(attempt.last))
    }
}

/// Between three quarters and five quarters of it, so that what was parked together does not come
/// back together.
fn spread(pause: Duration) -> Duration {
    let share = f64::from(uuid::Uuid::new_v4().as_u128() as u16) / f64::from(u16::MAX);
    pause.mul_f64(0.75 + share / 2.0)
}
