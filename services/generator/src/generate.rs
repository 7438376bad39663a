//! `accepted` → `calling` → `submitted` → `rendered`: the only code that spends money.
//!
//! Guarantees: no call without a `calling` on disk before its first byte; no second call while the
//! first one may have been billed; after `submitted` nothing is ever bought again for this
//! generation.

use std::sync::Arc;
use std::time::Duration;

use bus::{Delivery, Emit, Expect, Fault, Handler, Ledger, Lost, Step};
use domain::{Accepted, Billed, Calling, Code, Event, Failure, GenerationId, Job, Phase, Usd};
use ideogram::Client;
use jiff::Timestamp;
use runtime::crash;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::Config;
use crate::at_work::AtWork;
use crate::attempt::Attempt;
use crate::outcome::{failed, failure, wait, without_ledger};
use crate::places::{Held, Places};
use crate::polling::Pace;
use crate::position::Position;

/// When to look again at what somebody is at work on.
const LOOK: Duration = Duration::from_secs(10);

/// Calls the provider while this replica holds the account's lease.
pub(crate) struct Generate {
    pub(crate) client: Client,
    pub(crate) ledger: Ledger,
    pub(crate) config: Arc<Config>,
    pub(crate) places: Places,
    pub(crate) pace: Pace,
    pub(crate) at_work: AtWork,
    /// The lease's number, part of every attempt's token.
    pub(crate) fence: u64,
    /// Cancelled when the lease is lost: no call begins after it.
    pub(crate) lost: CancellationToken,
}

/// Why work came to no step.
pub(crate) enum Stop {
    /// The ledger is not where we thought.
    Overtaken,
    /// The ledger does not answer.
    Ledger(bus::Error),
    Fault(Fault),
}

impl From<bus::Error> for Stop {
    fn from(err: bus::Error) -> Self {
        match err {
            bus::Error::Conflict { .. } => Self::Overtaken,
            err => Self::Ledger(err),
        }
    }
}

impl Handler<Accepted> for Generate {
    async fn handle(&self, accepted: Accepted, delivery: &Delivery) -> Result<Step, Fault> {
        let job = &accepted.job;
        // The server may deliver again what we are still at work on, when it did not hear of our
        // progress. The ledger then shows our own `calling`, of which we know what comes.
        let Some(_at_work) = self.at_work.begin(job.id) else {
            return Ok(wait(LOOK));
        };
        // A first delivery knows the ledger's last entry, and the server refuses `calling` if it
        // errs, as it does for what was put off. What may end without a call must look.
        let first = delivery.attempt == 1 && !delivery.redelivered && delivery.cause > 0;
        let mut position = match first && job.request.deadline.is_none() {
            true => Ok(Position::Open {
                last: delivery.cause,
                attempt: 1,
            }),
            false => self.position(job.id).await,
        };
        loop {
            let stop = match position {
                Ok(position) => match self.advance(&accepted, position).await {
                    Ok(step) => return Ok(step),
                    Err(stop) => stop,
                },
                Err(stop) => stop,
            };
            position = match stop {
                Stop::Overtaken => self.position(job.id).await,
                Stop::Ledger(err) => {
                    return without_ledger(err, Phase::Generation, Billed::Unknown);
                }
                Stop::Fault(fault) => return Err(fault),
            };
        }
    }

    /// Nothing more is tried. What was sent may have been billed, so it does not fail but is unknown.
    async fn give_up(&self, lost: Lost<Accepted>) -> Vec<Emit> {
        let known = lost.input.map(|accepted| accepted.job.id);
        let Some(id) = known.or_else(|| lost.key.parse().ok()) else {
            return Vec::new();
        };
        // Only a copy of the message is given up: whoever is at work will say what comes of it.
        let Some(_at_work) = self.at_work.begin(id) else {
            return Vec::new();
        };
        let entries = match self.ledger.read(id).await {
            Ok(entries) => entries,
            Err(err) => {
                error!(
                    error = &err as &dyn std::error::Error,
                    "cannot read the ledger to give up"
                );
                return Vec::new();
            }
        };
        let Some(Event::Accepted(accepted)) = entries.first().map(|entry| &entry.event) else {
            return Vec::new();
        };
        let (job, bound) = (&accepted.job, accepted.reserved);
        let step = match Position::of(&entries) {
            Position::Settled => return Vec::new(),
            Position::Open { last, .. } => end(
                job,
                Failure {
                    billed: Billed::No,
                    ..lost.failure
                },
                last,
            ),
            Position::Called {
                last,
                attempt: number,
                ..
            }
            | Position::Submitted {
                last,
                attempt: number,
                ..
            } => self.unknown(
                &Attempt {
                    job,
                    number,
                    bound,
                    last,
                },
                &lost.failure.message,
            ),
        };
        match step {
            Step::Emit(emits) => emits,
            Step::Wait(_) => Vec::new(),
        }
    }
}

impl Generate {
    async fn position(&self, id: GenerationId) -> Result<Position, Stop> {
        let entries = self.ledger.read(id).await?;
        if entries.is_empty() {
            // A replica that lags behind, perhaps: nothing to throw work away for.
            let failure = failure(Code::Internal, "its ledger is empty", Billed::Unknown);
            return Err(Stop::Fault(Fault::transient(
                "no entry in the ledger",
                failure,
            )));
        }
        Ok(Position::of(&entries))
    }

    async fn advance(&self, accepted: &Accepted, position: Position) -> Result<Step, Stop> {
        let (job, bound) = (&accepted.job, accepted.reserved);
        match position {
            Position::Settled => Ok(Step::done()),
            Position::Called {
                last,
                attempt: number,
                since,
            } => {
                let gone = Timestamp::now().duration_since(since);
                let gone = Duration::try_from(gone).unwrap_or_default();
                let rest = self.config.pauses.quarantine.saturating_sub(gone);
                self.places.quarantine(job.request.num_images, rest);
                let reason =
                    "the process that called the provider died before it stored the answer";
                Ok(self.unknown(
                    &Attempt {
                        job,
                        number,
                        bound,
                        last,
                    },
                    reason,
                ))
            }
            Position::Submitted {
                last,
                attempt: number,
                provider_id,
                since,
            } => {
                let Some(_held) = self.take_places(job).await else {
                    return Ok(later());
                };
                let attempt = Attempt {
                    job,
                    number,
                    bound,
                    last,
                };
                self.follow(attempt, provider_id, since).await
            }
            Position::Open {
                last,
                attempt: number,
            } => {
                self.buy(Attempt {
                    job,
                    number,
                    bound,
                    last,
                })
                .await
            }
        }
    }

    async fn take_places(&self, job: &Job) -> Option<Held> {
        self.lost
            .run_until_cancelled(self.places.take(job.request.num_images))
            .await?
    }

    /// Calls the provider once.
    async fn buy(&self, attempt: Attempt<'_>) -> Result<Step, Stop> {
        let Attempt {
            job, number, last, ..
        } = attempt;
        if let Some(step) = self.too_late(job, last) {
            return Ok(step);
        }
        let call = match ideogram::plan(&job.request, self.config.api) {
            Ok(call) => call,
            Err(invalid) => {
                return Ok(end(
                    job,
                    failure(invalid.code, invalid.to_string(), Billed::No),
                    last,
                ));
            }
        };
        let Some(held) = self.take_places(job).await else {
            return Ok(later());
        };
        if let Some(step) = self.too_late(job, last) {
            return Ok(step);
        }

        crash::point("generator.before_calling");
        let calling = Calling {
            id: job.id,
            attempt: number,
            token: format!("{}-{}", self.fence, uuid::Uuid::new_v4().simple()),
            route: call.route.to_owned(),
            images: call.images,
            reserved: call.upper_bound,
            at: Timestamp::now(),
        };
        let last = self.ledger.append(calling, last).await?;
        let attempt = Attempt {
            bound: call.upper_bound,
            last,
            ..attempt
        };
        crash::point("generator.after_calling");
        if self.lost.is_cancelled() {
            // Writing can take longer than the lease lasts. Nothing was sent: the next one may call.
            self.park(
                &attempt,
                "the process stopped before it called the provider",
            )
            .await?;
            return Ok(later());
        }
        self.call(attempt, &call, held).await
    }

    fn too_late(&self, job: &Job, last: u64) -> Option<Step> {
        if self.lost.is_cancelled() {
            return Some(later());
        }
        let passed = job
            .request
            .deadline
            .is_some_and(|deadline| deadline <= Timestamp::now());
        passed.then(|| {
            let message = "the deadline passed while the request was waiting; nothing was bought";
            end(
                job,
                failure(Code::DeadlineExceeded, message, Billed::No),
                last,
            )
        })
    }
}

/// Somebody else is to go on, at once: we are stopping.
pub(crate) fn later() -> Step {
    wait(Duration::ZERO)
}

/// Fails without a call.
fn end(job: &Job, failure: Failure, last: u64) -> Step {
    Step::emit(
        failed(job, failure, Usd::ZERO, Timestamp::now()),
        Expect::LedgerAt(last),
    )
}
