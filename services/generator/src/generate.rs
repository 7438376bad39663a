//! `accepted` → `calling` → `submitted` → `rendered`: the only code that spends money.
//!
//! Guarantees: no call without a `calling` on disk before its first byte; no second call while the
//! first one may have been billed; after `submitted` nothing is ever bought again for this
//! generation.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bus::{Delivery, Emit, Expect, Fault, Handler, Ledger, Lost, Step, Wait};
use domain::{
    Accepted, Billed, Calling, Code, Event, Failure, GenerationId, Job, Parked, Submitted, Unknown,
    Usd,
};
use ideogram::{Answer, Call, Client, Error, Progress, RejectKind, ResultImage};
use jiff::{SignedDuration, Timestamp};
use runtime::crash;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::metrics::{CALLS, IN_FLIGHT, SPENT, UNKNOWN};
use crate::outcome::{Refusal, failed, failure, refusal, rendered};
use crate::places::Places;
use crate::polling::{Pace, pause};
use crate::position::Position;
use crate::Config;

/// How long the places of a call without an answer stay taken: the provider may be at work on it.
const QUARANTINE: Duration = Duration::from_secs(600);

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

impl Handler<Accepted> for Generate {
    async fn handle(&self, accepted: Accepted, delivery: &Delivery) -> Result<Step, Fault> {
        let job = &accepted.job;
        // The server may deliver again what we are still at work on, when it did not hear of our
        // progress. The ledger then shows our own `calling`, of which we know what comes.
        let Some(_at_work) = self.at_work.begin(job.id) else { return Ok(soon()) };
        // A first delivery knows the ledger's last entry; the server refuses `calling` if it errs.
        let first = delivery.attempt == 1 && !delivery.redelivered && delivery.cause > 0;
        let mut position = match first {
            true => Position::Open { last: delivery.cause, attempt: 1 },
            false => self.position(job).await?,
        };
        loop {
            return match position {
                Position::Settled => Ok(Step::done()),
                Position::Called { last, attempt } => {
                    let reason = "the process that called the provider died before it stored the answer";
                    Ok(self.unknown(job, attempt, accepted.reserved, reason, last))
                }
                Position::Submitted { last, attempt, provider_id } => {
                    let Some(_held) = self.take_places(job).await else { return Ok(later()) };
                    self.follow(job, attempt, accepted.reserved, provider_id, last).await
                }
                Position::Open { last, attempt } => match self.buy(&accepted, attempt, last).await {
                    Err(Stop::Overtaken) => {
                        position = self.position(job).await?;
                        continue;
                    }
                    Err(Stop::Fault(fault)) => Err(fault),
                    Ok(step) => Ok(step),
                },
            };
        }
    }

    /// Nothing more is tried. What was sent may have been billed, and says so.
    async fn give_up(&self, lost: Lost<Accepted>) -> Vec<Emit> {
        let Some(Accepted { job, .. }) = lost.input else { return Vec::new() };
        let entries = match self.ledger.read(job.id).await {
            Ok(entries) => entries,
            Err(err) => {
                error!(error = &err as &dyn std::error::Error, "cannot read the ledger to give up");
                return Vec::new();
            }
        };
        let (last, billed) = match Position::of(&entries) {
            Position::Settled => return Vec::new(),
            Position::Open { last, .. } => (last, Billed::No),
            Position::Called { last, .. } | Position::Submitted { last, .. } => {
                (last, Billed::Unknown)
            }
        };
        let failure = Failure { billed, ..lost.failure };
        let event = failed(&job, failure, Usd::ZERO, Timestamp::now());
        vec![Emit::event(event, Expect::LedgerAt(last))]
    }
}

/// Why buying came to no step.
enum Stop {
    /// The ledger is not where we thought.
    Overtaken,
    Fault(Fault),
}

impl Generate {
    async fn position(&self, job: &Job) -> Result<Position, Fault> {
        let entries = self.ledger.read(job.id).await.map_err(|err| unwritten(err, Billed::Unknown))?;
        Ok(Position::of(&entries))
    }

    async fn take_places(&self, job: &Job) -> Option<Held> {
        let images = job.request.num_images;
        let permit = self.lost.run_until_cancelled(self.places.take(images)).await??;
        IN_FLIGHT.add(images.into());
        Some(Held { permit: Some(permit), images })
    }

    /// Calls the provider once.
    async fn buy(&self, accepted: &Accepted, attempt: u32, last: u64) -> Result<Step, Stop> {
        let job = &accepted.job;
        if let Some(step) = self.too_late(job, last) {
            return Ok(step);
        }
        let call = match ideogram::plan(&job.request, self.config.api) {
            Ok(call) => call,
            Err(invalid) => {
                let failure = failure(invalid.code, invalid.to_string(), Billed::No);
                return Ok(end(job, failure, Usd::ZERO, last));
            }
        };
        let Some(held) = self.take_places(job).await else { return Ok(later()) };
        if let Some(step) = self.too_late(job, last) {
            return Ok(step);
        }

        crash::point("generator.before_calling");
        let calling = Calling {
            id: job.id,
            attempt,
            token: format!("{}-{}", self.fence, uuid::Uuid::new_v4().simple()),
            route: call.route.to_owned(),
            images: call.images,
            reserved: call.upper_bound,
            at: Timestamp::now(),
        };
        let last = match self.ledger.append(calling, last).await {
            Ok(sequence) => sequence,
            Err(bus::Error::Conflict { .. }) => return Err(Stop::Overtaken),
            Err(err) => return Err(Stop::Fault(unwritten(err, Billed::No))),
        };
        crash::point("generator.after_calling");
        self.call(accepted, &call, attempt, last, held).await.map_err(Stop::Fault)
    }

    async fn call(
        &self,
        accepted: &Accepted,
        call: &Call,
        attempt: u32,
        last: u64,
        held: Held,
    ) -> Result<Step, Fault> {
        let job = &accepted.job;
        let answer = self.client.submit(call).await;
        crash::point("generator.after_answer");
        match answer {
            Ok(answer) if answer.simulated() != self.config.simulated => {
                error!(
                    simulated = answer.simulated(),
                    "IDEOGRAM_BASE_URL leads to another kind of provider than configured"
                );
                self.answered(job, call, attempt, last, answer).await
            }
            Ok(answer) => self.answered(job, call, attempt, last, answer).await,
            Err(Error::Rejected { kind, message, .. }) => {
                self.rejected(job, kind, message, last).await
            }
            Err(err @ Error::NotSent(_)) => {
                CALLS.with_label_values(&["not sent"]).inc();
                self.park(job, "the provider cannot be reached", last).await?;
                let failure = failure(Code::ProviderUnavailable, err.to_string(), Billed::No);
                Err(Fault::transient(err, failure))
            }
            Err(err) => {
                CALLS.with_label_values(&["unknown"]).inc();
                warn!(generation = %job.id, error = &err as &dyn std::error::Error, "outcome unknown");
                held.quarantine();
                Ok(self.unknown(job, attempt, call.upper_bound, &err.to_string(), last))
            }
        }
    }

    /// The answer is stored before anything else is done with it.
    async fn answered(
        &self,
        job: &Job,
        call: &Call,
        attempt: u32,
        last: u64,
        answer: Answer,
    ) -> Result<Step, Fault> {
        CALLS.with_label_values(&["answered"]).inc();
        let bound = call.upper_bound;
        match answer {
            Answer::Done { provider_id, images, cost, .. } => {
                Ok(self.done(job, attempt, provider_id, images, cost.unwrap_or(bound), last))
            }
            Answer::Accepted { provider_id, .. } => {
                let id = provider_id.clone();
                let at = Timestamp::now();
                let submitted = Submitted { id: job.id, attempt, provider_id: id, at };
                let last = self.store_answer(submitted, last).await?;
                crash::point("generator.after_submitted");
                self.follow(job, attempt, bound, provider_id, last).await
            }
        }
    }

    /// Stores the provider's name for the generation, also when somebody took us for dead meanwhile
    /// and wrote `unknown`: now it is known.
    async fn store_answer(&self, submitted: Submitted, last: u64) -> Result<u64, Fault> {
        let broken = |err| unwritten(err, Billed::Unknown);
        match self.ledger.append(submitted.clone(), last).await {
            Err(bus::Error::Conflict { .. }) => {}
            result => return result.map_err(broken),
        }
        let entries = self.ledger.read(submitted.id).await.map_err(broken)?;
        let doubted = entries.last().filter(|entry| {
            matches!(&entry.event, Event::Unknown(unknown) if unknown.attempt == submitted.attempt)
        });
        let last = doubted.map_or(last, |entry| entry.sequence);
        self.ledger.append(submitted, last).await.map_err(broken)
    }

    /// Asks until the provider's job ends. Asking costs nothing, so nothing here is an attempt.
    async fn follow(
        &self,
        job: &Job,
        attempt: u32,
        bound: Usd,
        provider_id: String,
        last: u64,
    ) -> Result<Step, Fault> {
        for n in 0.. {
            let asked = async {
                time::sleep(pause(n)).await;
                self.pace.turn().await;
                self.client.poll(&provider_id).await
            };
            let Some(progress) = self.lost.run_until_cancelled(asked).await else {
                return Ok(later());
            };
            match progress {
                Ok(Progress::Pending { .. }) => {}
                Ok(Progress::Completed { images, cost, .. }) => {
                    let cost = cost.unwrap_or(bound);
                    return Ok(self.done(job, attempt, Some(provider_id), images, cost, last));
                }
                Ok(Progress::Failed { reason, .. }) => {
                    let message = format!("the provider reports that it failed: {reason}");
                    let failure = failure(Code::ProviderFailed, message, Billed::No);
                    return Ok(end(job, failure, Usd::ZERO, last));
                }
                Err(err) if is_gone(&err) => {
                    let reason = "the provider does not know its own generation any more";
                    return Ok(self.unknown(job, attempt, bound, reason, last));
                }
                Err(err) => {
                    warn!(generation = %job.id, error = &err as &dyn std::error::Error, "poll failed");
                    time::sleep(retry_after(&err)).await;
                }
            }
        }
        Ok(later())
    }

    fn done(
        &self,
        job: &Job,
        attempt: u32,
        provider_id: Option<String>,
        images: Vec<ResultImage>,
        cost: Usd,
        last: u64,
    ) -> Step {
        SPENT.inc_by(u64::try_from(cost.micros()).unwrap_or(0));
        if images.is_empty() {
            let message = "the provider reports success and sent no image";
            let failure = failure(Code::ProviderAnswerUnreadable, message, Billed::Yes);
            return end(job, failure, cost, last);
        }
        let (v2, older) = self.config.link_ttl;
        let ttl = if provider_id.is_some() { v2 } else { older };
        let now = Timestamp::now();
        let event = rendered(job, attempt, provider_id, images, cost, ttl, now);
        Step::emit(event, Expect::LedgerAt(last))
    }

    async fn rejected(
        &self,
        job: &Job,
        kind: RejectKind,
        message: String,
        last: u64,
    ) -> Result<Step, Fault> {
        CALLS.with_label_values(&["rejected"]).inc();
        match refusal(kind) {
            Refusal::Final(code) => {
                let message = format!("the provider refused: {message}");
                Ok(end(job, failure(code, message, Billed::No), Usd::ZERO, last))
            }
            Refusal::Wait { why, pause } => {
                info!(generation = %job.id, why, "parked");
                self.park(job, why, last).await?;
                let until = Timestamp::now()
                    .saturating_add(SignedDuration::try_from(spread(pause)).unwrap_or_default())
                    .unwrap_or(Timestamp::MAX);
                Ok(Step::Wait(Wait { until, counts: false, emit: Vec::new() }))
            }
        }
    }

    /// Writes that the call came to nothing and was not billed: only then may there be another.
    async fn park(&self, job: &Job, reason: &str, last: u64) -> Result<u64, Fault> {
        let parked = Parked { id: job.id, reason: reason.to_owned(), at: Timestamp::now() };
        self.ledger.append(parked, last).await.map_err(|err| unwritten(err, Billed::No))
    }

    fn unknown(&self, job: &Job, attempt: u32, reserved: Usd, reason: &str, last: u64) -> Step {
        UNKNOWN.inc_by(u64::try_from(reserved.micros()).unwrap_or(0));
        let reason = reason.to_owned();
        let event = Unknown { id: job.id, attempt, reason, reserved, at: Timestamp::now() };
        Step::emit(event, Expect::LedgerAt(last))
    }

    fn too_late(&self, job: &Job, last: u64) -> Option<Step> {
        if self.lost.is_cancelled() {
            return Some(later());
        }
        let passed = job.request.deadline.is_some_and(|deadline| deadline <= Timestamp::now());
        passed.then(|| {
            let message = "the deadline passed while the request was waiting; nothing was bought";
            end(job, failure(Code::DeadlineExceeded, message, Billed::No), Usd::ZERO, last)
        })
    }
}

/// Places that are taken while this lives.
struct Held {
    permit: Option<OwnedSemaphorePermit>,
    images: u32,
}

impl Held {
    /// Keeps the places for a while after a call of which nobody knows whether it goes on.
    fn quarantine(self) {
        tokio::spawn(async move {
            time::sleep(QUARANTINE).await;
            drop(self);
        });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.permit.take());
        IN_FLIGHT.sub(self.images.into());
    }
}

/// Which generations this process is at work on. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct AtWork(Arc<Mutex<HashSet<GenerationId>>>);

/// Ends when it is dropped.
struct Work {
    id: GenerationId,
    of: AtWork,
}

impl AtWork {
    /// `None` if it is being worked on.
    fn begin(&self, id: GenerationId) -> Option<Work> {
        self.ids().insert(id).then(|| Work { id, of: self.clone() })
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<GenerationId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.of.ids().remove(&self.id);
    }
}

/// Somebody is at it; look again when that should be over.
fn soon() -> Step {
    let until = Timestamp::now().saturating_add(SignedDuration::from_secs(10));
    let until = until.unwrap_or(Timestamp::MAX);
    Step::Wait(Wait { until, counts: false, emit: Vec::new() })
}

/// Somebody else is to go on, at once: we are stopping.
fn later() -> Step {
    Step::Wait(Wait { until: Timestamp::now(), counts: false, emit: Vec::new() })
}

fn end(job: &Job, failure: Failure, cost: Usd, last: u64) -> Step {
    Step::emit(Event::from(failed(job, failure, cost, Timestamp::now())), Expect::LedgerAt(last))
}

fn unwritten(err: bus::Error, billed: Billed) -> Fault {
    let message = "the ledger could not be written or read in any attempt";
    Fault::transient(err, failure(Code::Internal, message, billed))
}

/// Whether a poll says that there is no such generation.
const fn is_gone(err: &Error) -> bool {
    matches!(err, Error::Rejected { kind: RejectKind::NotFound | RejectKind::BadRequest, .. })
}

fn retry_after(err: &Error) -> Duration {
    let asked = match err {
        Error::Unavailable { retry_after, .. }
        | Error::Rejected { kind: RejectKind::RateLimited { retry_after }, .. } => *retry_after,
        _ => None,
    };
    asked.unwrap_or(Duration::from_secs(2)).clamp(Duration::from_secs(1), Duration::from_secs(60))
}

/// Between three quarters and five quarters of it, so that what was parked together does not come
/// back together.
fn spread(pause: Duration) -> Duration {
    let share = f64::from(uuid::Uuid::new_v4().as_u128() as u16) / f64::from(u16::MAX);
    pause.mul_f64(0.75 + share / 2.0)
}
