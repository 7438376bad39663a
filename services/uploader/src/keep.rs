//! What becomes of a generation whose pictures hang on links.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bus::{
    Bus, Delivery, Emit, Expect, Fault, Handler, Ledger, Lost, Policy, Source, Stage, Step, Wait,
};
use domain::{
    Code, Event, Failed, Failure, GenerationId, Image, ImageState, Rendered, Tenant, Usd,
};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tracing::{error, info, warn};

use crate::Config;
use crate::condition::Condition;
use crate::delete::without_removed;
use crate::end::{failed, news, report_lost};
use crate::fetch::{Fetch, Trouble, blank, failure};
use crate::metrics;
use crate::places::{Places, Turn};
use crate::renew::{Renewed, renew};

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
    bus: Bus,
    ledger: Ledger,
    policy: Policy,
    condition: Arc<Condition>,
}

/// What the links of one generation gave.
struct Fetched {
    /// Those that are ours or withheld, and those that are lost if nothing more is tried.
    images: Vec<Image>,
    /// Why it is to be tried again, if it is.
    again: Option<Source>,
    /// Whether a link is dead: by the provider's word, or because its time is over.
    is_dead: bool,
}

impl Keep {
    pub(crate) fn new(
        config: &Config,
        bus: Bus,
        condition: Arc<Condition>,
    ) -> Result<Self, egress::Error> {
        let fetch = Fetch {
            client: egress::Client::new(config.sources.clone())?,
            store: config.store.clone(),
            public_url: config.public_url.as_str().trim_end_matches('/').to_owned(),
            places: Places::new(config.downloads),
            condition: Arc::clone(&condition),
        };
        Ok(Self {
            fetch,
            ledger: bus.ledger(),
            bus,
            policy: config.policy.clone(),
            condition,
        })
    }
}

impl Handler<Rendered> for Keep {
    async fn handle(&self, rendered: Rendered, delivery: &Delivery) -> Result<Step, Fault> {
        let id = rendered.job.id;
        // One try is made even when the links should be dead: they may be kinder than their word.
        let is_last = rendered.expires_at <= Timestamp::now();
        if let Some(why) = self.condition.away().filter(|_| !is_last) {
            return Ok(self.later(why.into(), &rendered, delivery));
        }
        let mut fetched = self.fetch_all(&rendered, delivery, is_last).await;
        if fetched.is_dead {
            match Box::pin(renew(&self.bus, rendered.clone())).await {
                Renewed::Links(fresh) => return Ok(renewed(*fresh, delivery)),
                Renewed::Later(source) => {
                    return Ok(self.wait(source, delivery.attempt, Timestamp::MAX));
                }
                Renewed::None(why) => fetched.tell(&why),
            }
        }
        if let Some(source) = fetched.again {
            return Ok(self.later(source, &rendered, delivery));
        }
        let images = fetched.images;
        images.iter().for_each(report);
        // What nobody has touched has not ended: the server compares when it is told.
        let is_first = delivery.attempt == 1 && !delivery.redelivered;
        let ended = match rendered.late || !is_first {
            true => self.ended(id).await,
            false => Ok(None),
        };
        let settled = match ended {
            Ok(Some(end)) => {
                let late = Box::pin(self.late(images)).await;
                late.map(|images| (images, Some(end)))
            }
            Ok(None) => Ok((images, None)),
            Err(err) => Err(err.into()),
        };
        match settled {
            Ok((images, ended)) => Ok(Step::Emit(news(
                rendered,
                images,
                ended.as_ref(),
                Expect::after(delivery),
            ))),
            // The pictures are ours, so the links may die meanwhile.
            Err(err) => Ok(self.wait(err, delivery.attempt, Timestamp::MAX)),
        }
    }

    /// Another worker told the end, so what this one put may have been removed before it did.
    async fn refused(&self, event: &Event) -> Result<(), Source> {
        match event {
            Event::Completed(completed) => self.late(completed.images.clone()).await.map(drop),
            _ => Ok(()),
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
    async fn fetch_all(&self, rendered: &Rendered, delivery: &Delivery, is_last: bool) -> Fetched {
        let id = rendered.job.id;
        let turn = Turn {
            is_new: delivery.attempt == 1 && !delivery.redelivered,
            drawn: rendered.at,
        };
        let fetches: Vec<_> = rendered
            .images
            .iter()
            .map(|image| self.fetch.fetch(&rendered.job, image, turn))
            .collect();
        let results: Vec<_> = stream::iter(fetches).buffered(AT_ONCE).collect().await;

        let mut fetched = Fetched {
            images: Vec::with_capacity(results.len()),
            again: None,
            is_dead: false,
        };
        for (image, result) in rendered.images.iter().zip(results) {
            let failure = match result {
                Ok(image) => {
                    fetched.images.push(image);
                    continue;
                }
                Err(Trouble::Never(failure)) => failure,
                Err(Trouble::Broken(_, failure) | Trouble::Again(_, failure)) if is_last => {
                    fetched.is_dead = true;
                    failure
                }
                Err(Trouble::Dead(failure)) => {
                    fetched.is_dead = true;
                    failure
                }
                Err(Trouble::Broken(_, failure)) if delivery.attempt >= BROKEN => failure,
                Err(Trouble::Broken(source, failure) | Trouble::Again(source, failure)) => {
                    fetched.again.get_or_insert(source);
                    failure
                }
            };
            fetched.images.push(Image {
                error: Some(failure),
                ..blank(id, image, ImageState::DownloadFailed)
            });
        }
        fetched
    }

    /// Of pictures that were put when all was over, those that nobody has heard of.
    async fn late(&self, images: Vec<Image>) -> Result<Vec<Image>, Source> {
        without_removed(&self.bus, &self.fetch.store, images).await
    }

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

impl Fetched {
    /// Adds to what is lost why there is no other link.
    fn tell(&mut self, why: &str) {
        let failures = self
            .images
            .iter_mut()
            .filter_map(|image| image.error.as_mut());
        for failure in failures {
            failure.message = format!("{}; {why}", failure.message);
        }
    }
}

/// The same once more, with other links: work of its own, so that it is what survives us.
fn renewed(fresh: Rendered, delivery: &Delivery) -> Step {
    let id = fresh.job.id;
    info!(generation = %id, expires_at = %fresh.expires_at, "the provider gave other links");
    metrics::RENEWED.inc();
    Step::Emit(vec![Emit::Work {
        stage: Stage::Upload,
        // As the worker calls what it puts off.
        key: format!("{}.{id}", delivery.cause),
        event: Box::new(fresh.into()),
        cause: delivery.cause,
    }])
}

fn report(image: &Image) {
    if let Some(Failure { code, message, .. }) = &image.error {
        error!(index = image.index, %code, why = message, "a paid picture is lost");
    }
}
