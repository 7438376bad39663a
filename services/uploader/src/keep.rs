//! What becomes of a generation whose pictures hang on links.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use bus::{Delivery, Emit, Expect, Fault, Handler, Ledger, Lost, Policy, Source, Step, Wait};
use domain::{
    Code, Event, Failed, Failure, GenerationId, Image, ImageState, Rendered, RenderedImage, Tenant,
    Usd,
};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tracing::{error, warn};

use crate::Config;
use crate::end::{failed, news, report_lost};
use crate::fetch::{Fetch, Trouble, blank, failure};
use crate::metrics;

/// Pictures of one job fetched at once.
const AT_ONCE: usize = 4;
/// How often a link may give something that is no picture.
const BROKEN: u32 = 3;
/// The longest pause while links live.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// `rendered` → `completed` or `failed`, by storing what the links give; or `image.recovered`, if the
/// generation had ended before.
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
        // What nobody has touched has not ended: the server compares when it is told.
        let is_first = delivery.attempt == 1 && !delivery.redelivered;
        let ended = match rendered.late || !is_first {
            true => self.ended(id).await,
            false => Ok(None),
        };
        match ended {
            Ok(ended) => Ok(Step::Emit(news(
                rendered,
                images,
                ended.as_ref(),
                Expect::after(delivery),
            ))),
            // The pictures are ours, so the links may die meanwhile.
            Err(err) => Ok(self.wait(err.into(), delivery.attempt, Timestamp::MAX)),
        }
    }

    async fn give_up(&self, gone: Lost<Rendered>) -> Result<Vec<Emit>, Source> {
        let code = match gone.failure.code {
            Code::StoreFailed => Code::StoreFailed,
            _ => Code::DownloadFailed,
        };
        let failure = failure(code, gone.failure.message);
        let Some(rendered) = gone.input else {
            // What cannot be read cannot have been completed: at worst it had failed before.
            let failed = self.unreadable(&gone.key, failure).await?;
            let told = |failed| Emit::event(failed, Expect::First);
            return Ok(failed.map(told).into_iter().collect());
        };
        report_lost(rendered.cost, 1, 1);
        if self.ended(rendered.job.id).await?.is_some() {
            return Ok(Vec::new());
        }
        let expect = Expect::LedgerAt(gone.cause);
        Ok(vec![Emit::event(failed(rendered, failure), expect)])
    }
}

impl Keep {
    /// How the generation has ended, if it has: cancelled, say, before the provider was done.
    async fn ended(&self, id: GenerationId) -> Result<Option<Event>, bus::Error> {
        match self.ledger.end_of(id).await {
            Ok(end) => Ok(end),
            // That does not get better by waiting, and an end of ours can be read.
            Err(err @ bus::Error::Decode { .. }) => {
                error!(
                    error = &err as &dyn std::error::Error,
                    "an entry of the ledger cannot be read"
                );
                Ok(None)
            }
            Err(err) => Err(err),
        }
    }

    /// Another try while the links live.
    fn later(&self, source: Source, rendered: &Rendered, delivery: &Delivery) -> Step {
        self.wait(source, delivery.attempt, rendered.expires_at)
    }

    /// Another try, at `latest` if that is soon. Only the first ones count as attempts, so that a
    /// store that is away for hours costs nothing but the time.
    fn wait(&self, source: Source, attempt: u32, latest: Timestamp) -> Step {
        let doubled = self
            .policy
            .pause
            .saturating_mul(2_u32.saturating_pow(attempt - 1));
        let share = (RandomState::new().hash_one(attempt) % 1000) as f64 / 1000.0;
        let pause = doubled.min(LONGEST_PAUSE).mul_f64(0.75 + share / 2.0);
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::from_secs(300));
        let until = Timestamp::now().saturating_add(pause).unwrap_or(latest);
        let until = until.min(latest);
        warn!(error = &*source as &dyn std::error::Error, attempt, %until, "not ours yet, trying again");
        Step::Wait(Wait {
            until,
            counts: attempt + 1 < self.policy.attempts,
            emit: Vec::new(),
        })
    }

    /// The end of a generation whose `rendered` cannot be read; none if it has no name either.
    async fn unreadable(&self, key: &str, failure: Failure) -> Result<Option<Failed>, bus::Error> {
        let Ok(id) = key.parse::<GenerationId>() else {
            return Ok(None);
        };
        let accepted = match self.ledger.accepted(id).await {
            Err(err @ bus::Error::Decode { .. }) => {
                error!(
                    error = &err as &dyn std::error::Error,
                    "ends without its beginning"
                );
                None
            }
            accepted => accepted?,
        };
        let cost = accepted
            .as_ref()
            .map_or(Usd::ZERO, |accepted| accepted.reserved);
        let job = accepted.map(|accepted| accepted.job);
        report_lost(cost, 1, 1);
        Ok(Some(Failed {
            id,
            tenant: job
                .as_ref()
                .map_or_else(Tenant::default, |job| job.tenant.clone()),
            custom_id: job.as_ref().and_then(|job| job.custom_id.clone()),
            job,
            failure,
            cost,
            at: Timestamp::now(),
        }))
    }
}

fn lost(id: GenerationId, rendered: &RenderedImage, failure: Failure) -> Image {
    error!(index = rendered.index, code = %failure.code, why = failure.message, "a paid picture is lost");
    Image {
        error: Some(failure),
        ..blank(id, rendered, ImageState::DownloadFailed)
    }
}
