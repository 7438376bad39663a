//! Asking the provider how a generation is doing, until it ends. Asking costs nothing, so nothing
//! here is an attempt, and no single answer is believed that would throw paid pictures away.

use std::time::Duration;

use bus::Step;
use domain::{Billed, Code};
use ideogram::{Error, Progress, RejectKind};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{self, Instant};
use tracing::warn;

use crate::attempt::{Attempt, Made};
use crate::generate::{Generate, Stop, later};
use crate::outcome::{failure, wait};
use crate::polling::pause;

/// How long one delivery of the work is spent asking.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// The pause before the next delivery.
const REST: Duration = Duration::from_secs(10);
/// After this long, links would be dead too; nobody will learn what came of it by asking.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// Answers that make no sense, until they are believed.
const DOUBTS: u32 = 5;
/// The pause after such an answer.
const DOUBT: Duration = Duration::from_millis(500);

impl Generate {
    /// Asks until the provider's job ends.
    pub(crate) async fn follow(
        &self,
        attempt: Attempt<'_>,
        provider_id: String,
        since: Timestamp,
    ) -> Result<Step, Stop> {
        let end = Instant::now() + PATIENCE;
        let (mut polls, mut doubts, mut next) = (0, 0, pause(0));
        while Instant::now() < end {
            let asked = async {
                time::sleep(next).await;
                self.pace.turn().await;
                self.client.poll(&provider_id).await
            };
            let Some(progress) = self.lost.run_until_cancelled(asked).await else {
                return Ok(later());
            };
            polls += 1;
            next = pause(polls);
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
                    let provider_id = Some(provider_id);
                    return self
                        .done(
                            &attempt,
                            Made {
                                provider_id,
                                images,
                                cost,
                                simulated,
                            },
                        )
                        .await;
                }
                Ok(Progress::Failed { reason, .. }) => {
                    let message = format!("the provider reports that it failed: {reason}");
                    let failure = failure(Code::ProviderFailed, message, Billed::No);
                    return self.came_to_nothing(&attempt, failure).await;
                }
                Err(err) if is_gone(&err) && doubts >= DOUBTS => {
                    let reason = "the provider does not know its own generation any more";
                    return Ok(self.unknown(&attempt, reason));
                }
                Err(err) => {
                    warn!(generation = %attempt.job.id, error = &err as &dyn std::error::Error, "poll failed");
                    next = retry_after(&err);
                    if is_gone(&err) {
                        (doubts, next) = (doubts + 1, DOUBT);
                    }
                }
            }
        }
        if Timestamp::now().duration_since(since) > LONGEST {
            return Ok(self.unknown(&attempt, "the provider has not finished it in a day"));
        }
        Ok(wait(REST))
    }
}

/// Whether a poll says that there is no such generation.
const fn is_gone(err: &Error) -> bool {
    matches!(
        err,
        Error::Rejected {
            kind: RejectKind::NotFound | RejectKind::BadRequest,
            ..
        }
    )
}

fn retry_after(err: &Error) -> Duration {
    let asked = match err {
        Error::Unavailable { retry_after, .. }
        | Error::Rejected {
            kind: RejectKind::RateLimited { retry_after },
            ..
        } => *retry_after,
        _ => None,
    };
    asked
        .unwrap_or(Duration::from_secs(2))
        .clamp(Duration::from_secs(1), Duration::from_secs(60))
}
