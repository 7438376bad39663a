//! Asking the provider how a generation is doing, until it ends. Asking costs nothing, so nothing
//! here is an attempt, and no single answer is believed that would throw paid pictures away.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{Billed, Code, Usd};
use ideogram::{Error, Progress, RejectKind};
use jiff::Timestamp;
use tokio::time;
use tracing::{info, warn};

use super::call::spread;
use super::outcome::Made;
use super::schedule::pause;
use super::{Attempt, Buyer, End, failure};
use crate::gate::MOST_ASKED;

/// After this long, links would be dead too; nobody will learn what came of it by asking.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Answers that make no sense, until they are believed.
const DOUBTS: u32 = 5;
/// The pause after such an answer.
const DOUBT: Duration = Duration::from_millis(500);
/// The pause after a poll that failed, which doubles with every one that follows, and the longest:
/// with its spread, a minute.
const FAILED: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(48));

impl Buyer {
    /// Asks until the provider's job ends, or somebody else is to go on asking.
    pub(super) async fn follow(
        &self,
        attempt: Attempt<'_>,
        provider_id: String,
        since: Timestamp,
    ) -> Result<End, End> {
        attempt
            .grant
            .contact
            .is_named
            .store(true, Ordering::Release);
        let (mut doubts, mut failures, mut next) = (0, 0, Duration::ZERO);
        loop {
            let drawn_for = elapsed(since);
            if drawn_for >= LONGEST {
                break;
            }
            let expected = self.durations.expected(&attempt.job.request);
            next = next.max(pause(drawn_for, expected));
            let asked = async {
                // The provider may tell us that there is news; we ask by ourselves all the same.
                drop(time::timeout(next, attempt.grant.contact.news.notified()).await);
                self.pace.turn().await;
                Box::pin(self.client.poll(&provider_id)).await
            };
            let Some(progress) = self.lease.lost.run_until_cancelled(asked).await else {
                return Err(End::Left);
            };
            (failures, next) = match &progress {
                Err(err) if !is_gone(err) => (failures + 1, after_failure(failures, err)),
                _ => (0, Duration::ZERO),
            };
            match progress {
                Ok(Progress::Pending { .. }) => {}
                Ok(Progress::Completed { images, .. }) if images.is_empty() && doubts < DOUBTS => {
                    warn!(generation = %attempt.job.id, "done, it says, and shows no image");
                    (doubts, next) = (doubts + 1, DOUBT);
                }
                Ok(Progress::Completed {
                    images,
                    cost,
                    simulated,
                }) => {
                    let made = Made {
                        provider_id: Some(provider_id),
                        images,
                        texts: Vec::new(),
                        cost,
                        simulated,
                    };
                    return self.done(&attempt, made).await;
                }
                Ok(Progress::Failed { reason, .. }) => {
                    let message = format!("the provider reports that it failed: {reason}");
                    let failure = failure(Code::ProviderFailed, message, Billed::No);
                    return self.fail(&attempt, failure, Usd::ZERO).await;
                }
                Err(err) if is_gone(&err) && doubts >= DOUBTS => {
                    let reason = "the provider does not know its own generation any more";
                    return self.unknown(&attempt, reason).await;
                }
                Err(err) => {
                    warn!(generation = %attempt.job.id, error = &err as &dyn std::error::Error, "poll failed");
                    if is_gone(&err) {
                        (doubts, next) = (doubts + 1, DOUBT);
                    }
                }
            }
        }
        let reason = "the provider has not finished it in a day";
        self.unknown(&attempt, reason).await
    }

    /// Takes up an attempt whose answer was lost and whose name came another way.
    pub(super) async fn recover(
        &self,
        attempt: Attempt<'_>,
        provider_id: String,
    ) -> Result<End, End> {
        let mut doubts = 0;
        loop {
            let asked = async {
                self.pace.turn().await;
                Box::pin(self.client.poll(&provider_id)).await
            };
            let asked = self.lease.lost.run_until_cancelled(asked).await;
            let Err(err) = asked.ok_or(End::Left)? else {
                break;
            };
            warn!(generation = %attempt.job.id, error = &err as &dyn std::error::Error, "not recovered");
            doubts += 1;
            match is_gone(&err) {
                true if doubts > DOUBTS => return Err(End::Refuted(provider_id)),
                true => time::sleep(DOUBT).await,
                false if matches!(err, Error::InvalidId(_)) => {
                    return Err(End::Refuted(provider_id));
                }
                // The news comes again.
                false => return Err(End::Changed),
            }
        }
        info!(generation = %attempt.job.id, provider_id, "found again");
        let since = Timestamp::now();
        // What was given up meanwhile stays given up; its pictures are told of all the same.
        let attempt = match self.submitted(attempt, &provider_id).await {
            Ok(attempt) => attempt,
            Err(_) => attempt,
        };
        self.follow(attempt, provider_id, since).await
    }
}

pub(super) fn elapsed(since: Timestamp) -> Duration {
    let elapsed = Timestamp::now().duration_since(since);
    elapsed.try_into().unwrap_or_default()
}

/// Whether a poll says that there is no such generation.
pub(crate) const fn is_gone(err: &Error) -> bool {
    matches!(
        err,
        Error::Rejected {
            kind: RejectKind::NotFound | RejectKind::BadRequest,
            ..
        }
    )
}

/// The pause after a poll that failed after so many `failures` in a row. All that are under way fail
/// together, so it is spread; and it is never shorter than what the provider asks for.
fn after_failure(failures: u32, err: &Error) -> Duration {
    let pause = FAILED.0.saturating_mul(2u32.saturating_pow(failures));
    let asked = match err {
        Error::Unavailable { retry_after, .. }
        | Error::Rejected {
            kind: RejectKind::RateLimited { retry_after },
            ..
        } => *retry_after,
        _ => None,
    };
    let asked = asked.unwrap_or_default().min(MOST_ASKED);
    spread(pause.min(FAILED.1)).max(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ideogram::Action;

    fn failed(retry_after: Option<Duration>) -> Error {
        Error::Unavailable {
            action: Action::Poll,
            reason: "it was asked too often",
            status: Some(429),
            retry_after,
            source: None,
        }
    }

    #[test]
    fn polls_that_fail_become_ever_rarer_and_do_not_come_back_together() {
        for (failures, usual) in [(0, 2), (1, 4), (2, 8), (4, 32), (5, 48), (u32::MAX, 48)] {
            let usual = Duration::from_secs(usual);
            let pauses: Vec<Duration> = (0..50)
                .map(|_| after_failure(failures, &failed(None)))
                .collect();
            let (least, most) = (usual.mul_f64(0.74), usual.mul_f64(1.26));
            assert!(
                pauses.iter().all(|p| (least..=most).contains(p)),
                "{pauses:?}"
            );
            assert!(
                pauses.windows(2).any(|pair| pair[0] != pair[1]),
                "{pauses:?}"
            );
        }
    }

    #[test]
    fn what_the_provider_asks_for_is_the_least_up_to_an_hour() {
        let asked = |seconds| Some(Duration::from_secs(seconds));
        for (wish, pause) in [(90, 90), (600, 600), (u64::MAX, 3_600)] {
            let pause = Duration::from_secs(pause);
            assert_eq!(after_failure(0, &failed(asked(wish))), pause);
            assert_eq!(after_failure(9, &failed(asked(wish))), pause);
        }
        assert!(after_failure(0, &failed(asked(0))) >= Duration::from_secs(1));
    }
}
