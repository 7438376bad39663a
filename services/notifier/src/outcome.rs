//! How an attempt ended, and what follows from it.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use bus::{Step, Wait};
use domain::Event;
use egress::Answer;
use jiff::{SignedDuration, Timestamp};
use tracing::{debug, error, warn};
use webhooks::{RetrySchedule, Verdict};

use crate::metrics;
use crate::receiver::Receiver;

pub(crate) const SCHEDULE: RetrySchedule = RetrySchedule::STANDARD;

/// How an attempt ended.
pub(crate) enum Outcome {
    Delivered(u16),
    /// Another attempt makes sense.
    Refused {
        verdict: Verdict,
        retry_after: Option<Duration>,
        reason: String,
    },
    /// No other attempt makes sense.
    Hopeless(String),
}

impl Outcome {
    pub(crate) fn of(sent: Result<Answer, egress::Error>) -> Self {
        match sent {
            Ok(answer) => Self::of_answer(&answer),
            Err(err) if err.is_permanent() => Self::Hopeless(err.to_string()),
            Err(err) => {
                let verdict = match err {
                    egress::Error::Timeout(_) => Verdict::Throttled,
                    _ => Verdict::Failed,
                };
                Self::Refused {
                    verdict,
                    retry_after: None,
                    reason: err.to_string(),
                }
            }
        }
    }

    fn of_answer(answer: &Answer) -> Self {
        metrics::SECONDS.observe(answer.elapsed.as_secs_f64());
        let status = answer.status;
        match Verdict::of(status) {
            Verdict::Delivered => Self::Delivered(status),
            Verdict::Gone => {
                Self::Hopeless("the receiver wants no more: it answered 410".to_owned())
            }
            verdict => {
                let asked = answer.retry_after.as_deref();
                let retry_after =
                    asked.and_then(|text| webhooks::retry_after(text, SystemTime::now()));
                Self::Refused {
                    verdict,
                    retry_after,
                    reason: format!("it answered {status}"),
                }
            }
        }
    }

    /// What follows from attempt `attempt`.
    pub(crate) fn next(self, event: &Event, receiver: &Receiver, attempt: u32) -> Step {
        let (host, event_name) = (receiver.host(), event.name());
        let count = |outcome| metrics::ATTEMPTS.with_label_values(&[outcome]).inc();
        let (verdict, retry_after, reason) = match self {
            Self::Delivered(status) => {
                count("delivered");
                debug!(host, event = event_name, status, "told");
                let told = receiver.delivered(event, status, attempt);
                return Step::Emit(told.into_iter().collect());
            }
            Self::Refused {
                verdict,
                retry_after,
                reason,
            } => (verdict, retry_after, reason),
            Self::Hopeless(reason) => (Verdict::Gone, None, reason),
        };
        let random = RandomState::new().hash_one(attempt) as u32;
        let Some(pause) = SCHEDULE.next(attempt as usize, verdict, retry_after, random) else {
            count("failed");
            error!(
                host,
                event = event_name,
                attempt,
                reason,
                "a receiver is not told"
            );
            let untold = receiver.failed(event, attempt, reason);
            return Step::Emit(untold.into_iter().collect());
        };
        count("retried");
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
        let until = Timestamp::now()
            .saturating_add(pause)
            .unwrap_or(Timestamp::MAX);
        warn!(host, event = event_name, attempt, reason, %until, "a receiver is told again later");
        Step::Wait(Wait {
            until,
            counts: true,
            emit: Vec::new(),
        })
    }
}
