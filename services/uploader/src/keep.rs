//! What becomes of a generation whose pictures hang on links.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use bus::{Delivery, Emit, Expect, Fault, Handler, Ledger, Lost, Policy, Step, Wait};
use domain::{
    Code, Completed, Event, Failed, Failure, GenerationId, Image, ImageState, Phase, Rendered,
    RenderedImage, Tenant, Usd,
};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tracing::{error, warn};

use crate::Config;
use crate::fetch::{Fetch, Trouble, blank, failure};
use crate::metrics;

/// Pictures of one job fetched at once.
const AT_ONCE: usize = 4;
/// How often a link may give something that is no picture.
const BROKEN: u32 = 3;
/// The longest pause while links live.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// `rendered` → `completed`, by storing what the links give.
#[derive(Debug)]
pub(crate) struct Keep {
    fetch: Fetch,
    ledger: Ledger,
    policy: Policy,
}

impl Keep {
    pub(crate) fn new(config: &Config, ledger: Ledger) -> Result<Self, egress::Error> {
        let fetch = Fetch {
            client: egress::Client::new(config.sources.clone())?,
            store: config.store.clone(),
            public_url: config.public_url.as_str().trim_end_matches('/').to_owned(),
            places: Semaphore::new(config.policy.concurrency),
        };
        Ok(Self {
            fetch,
            ledger,
            policy: config.policy.clone(),
        })
    }
}

impl Handler<Rendered> for Keep {
    async fn handle(&self, rendered: Rendered, delivery: &Delivery) -> Result<Step, Fault> {
        let now = Timestamp::now();
        let remaining = rendered.expires_at.duration_since(now);
        metrics::LEAST_REMAINING.set(remaining.as_secs_f64());

        let id = rendered.job.id;
        let fetches: Vec<_> = rendered
            .images
            .iter()
            .map(|image| self.fetch.fetch(id, image))
            .collect();
        let fetched: Vec<_> = stream::iter(fetches).buffered(AT_ONCE).collect().await;

        // One try is made even when the links should be dead: they may be kinder than their word.
        let is_last = remaining.is_zero() || remaining.is_negative();
        let mut images = Vec::with_capacity(fetched.len());
        for (rendered_image, fetched) in rendered.images.iter().zip(fetched) {
            let failure = match fetched {
                Ok(image) => {
                    images.push(image);
                    continue;
                }
                Err(Trouble::Broken(source, _)) if !is_last && delivery.attempt < BROKEN => {
                    return Ok(self.later(source, &rendered, delivery));
                }
                Err(Trouble::Again(source, _)) if !is_last => {
                    return Ok(self.later(source, &rendered, delivery));
                }
                Err(
                    Trouble::Dead(failure)
                    | Trouble::Broken(_, failure)
                    | Trouble::Again(_, failure),
                ) => failure,
            };
            images.push(lost(id, rendered_image, failure));
        }
        Ok(Step::Emit(vec![Emit::event(
            end(rendered, images),
            Expect::after(delivery),
        )]))
    }

    async fn give_up(&self, gone: Lost<Rendered>) -> Vec<Emit> {
        let code = match gone.failure.code {
            Code::StoreFailed => Code::StoreFailed,
            _ => Code::DownloadFailed,
        };
        let failure = failure(code, gone.failure.message);
        let failed = match gone.input {
            Some(rendered) => {
                report_lost(rendered.cost, 1, 1);
                Some(failed(rendered, failure))
            }
            None => self.unreadable(&gone.key, failure).await,
        };
        let expect = Expect::LedgerAt(gone.cause);
        failed
            .map(|failed| Emit::event(failed, expect))
            .into_iter()
            .collect()
    }
}

impl Keep {
    /// Another try while the links live. Only the first ones count as attempts, so that a store that
    /// is away for hours costs nothing but the time.
    fn later(&self, source: bus::Source, rendered: &Rendered, delivery: &Delivery) -> Step {
        let attempt = delivery.attempt;
        let doubled = self
            .policy
            .pause
            .saturating_mul(2_u32.saturating_pow(attempt - 1));
        let share = (RandomState::new().hash_one(attempt) % 1000) as f64 / 1000.0;
        let pause = doubled.min(LONGEST_PAUSE).mul_f64(0.75 + share / 2.0);
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::from_secs(300));
        let until = Timestamp::now()
            .saturating_add(pause)
            .unwrap_or(rendered.expires_at);
        let until = until.min(rendered.expires_at);
        warn!(error = &*source as &dyn std::error::Error, attempt, %until, "not ours yet, trying again");
        Step::Wait(Wait {
            until,
            counts: attempt + 1 < self.policy.attempts,
            emit: Vec::new(),
        })
    }

    /// The end of a generation whose `rendered` cannot be read; none if it has no beginning either.
    async fn unreadable(&self, key: &str, failure: Failure) -> Option<Failed> {
        let id: GenerationId = key.parse().ok()?;
        let accepted = match self.ledger.accepted(id).await {
            Ok(accepted) => accepted,
            Err(err) => {
                error!(
                    error = &err as &dyn std::error::Error,
                    "ends without its beginning"
                );
                None
            }
        };
        let cost = accepted
            .as_ref()
            .map_or(Usd::ZERO, |accepted| accepted.reserved);
        let job = accepted.map(|accepted| accepted.job);
        report_lost(cost, 1, 1);
        Some(Failed {
            id,
            tenant: job
                .as_ref()
                .map_or_else(Tenant::default, |job| job.tenant.clone()),
            custom_id: job.as_ref().and_then(|job| job.custom_id.clone()),
            job,
            failure,
            cost,
            at: Timestamp::now(),
        })
    }
}

fn lost(id: GenerationId, rendered: &RenderedImage, failure: Failure) -> Image {
    error!(index = rendered.index, code = %failure.code, why = failure.message, "a paid picture is lost");
    Image {
        error: Some(failure),
        ..blank(id, rendered, ImageState::DownloadFailed)
    }
}

/// How it ends: completed if a single picture is ours.
fn end(rendered: Rendered, images: Vec<Image>) -> Event {
    let count = |state| images.iter().filter(|image| image.state == state).count();
    report_lost(
        rendered.cost,
        count(ImageState::DownloadFailed),
        images.len(),
    );
    if count(ImageState::Stored) > 0 {
        let Rendered { job, cost, .. } = rendered;
        return Completed {
            job,
            images,
            cost,
            at: Timestamp::now(),
        }
        .into();
    }
    let failure = images
        .into_iter()
        .find_map(|image| image.error)
        .unwrap_or_else(|| {
            let message = "the provider made the images, billed them, and withheld every one";
            Failure {
                phase: Phase::Generation,
                ..failure(Code::AllWithheld, message.to_owned())
            }
        });
    failed(rendered, failure).into()
}

fn failed(rendered: Rendered, failure: Failure) -> Failed {
    let Rendered { job, cost, .. } = rendered;
    Failed {
        id: job.id,
        tenant: job.tenant.clone(),
        custom_id: job.custom_id.clone(),
        job: Some(job),
        failure,
        cost,
        at: Timestamp::now(),
    }
}

/// Counts the share of `cost` that was paid for nothing.
fn report_lost(cost: Usd, lost: usize, images: usize) {
    let share = cost.micros().max(0).unsigned_abs() * lost as u64 / images.max(1) as u64;
    metrics::LOST.inc_by(share);
}
