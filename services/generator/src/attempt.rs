//! One attempt at buying a generation: `calling` → `submitted` → `rendered`. The only code that
//! spends money.
//!
//! Guarantees: no call without a `calling` on disk before its first byte; what came of a call is
//! written down before anything else is done with it, however long that takes; after `submitted`
//! nothing is bought again for this generation.

mod call;
mod follow;
mod outcome;
mod polling;
mod schedule;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::{Entry, Lease, Ledger, trace};
use domain::{
    Accepted, Billed, Calling, Code, Event, Failure, GenerationId, Hold, Job, OnUnknown, Operation,
    Parked, Unknown, Usd,
};
use ideogram::Client;
use jiff::Timestamp;
use runtime::crash;
use tokio::sync::Notify;
use tokio::time;
use tracing::{Instrument, error, info_span, warn};

use crate::Config;
use crate::metrics::UNKNOWN;
use crate::sources::{Missing, Sources};

pub(crate) use follow::is_gone;
pub(crate) use outcome::{failed, failure};
pub(crate) use polling::Pace;
pub(crate) use schedule::Durations;

/// The pause before a ledger is tried again that does not answer.
const LEDGER_PAUSE: Duration = Duration::from_secs(1);

/// Pictures of an attempt beside the one that was delivered are counted from here on, so many for
/// each attempt.
const LATE: u32 = 100;

/// Makes attempts while this replica holds the account's lease. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Buyer {
    pub(crate) client: Client,
    pub(crate) ledger: Ledger,
    pub(crate) config: Arc<Config>,
    pub(crate) sources: Sources,
    pub(crate) pace: Pace,
    pub(crate) durations: Durations,
    /// No call begins without it.
    pub(crate) lease: Lease,
}

/// What there is to say between an attempt and the desk.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    news: Notify,
    is_named: AtomicBool,
}

impl Contact {
    /// To the attempt: the provider has something to say of it.
    pub(crate) fn wake(&self) {
        self.news.notify_one();
    }

    /// To the desk: whether the provider's name for it is in the ledger.
    pub(crate) fn is_named(&self) -> bool {
        self.is_named.load(Ordering::Acquire)
    }
}

/// How a generation began.
#[derive(Debug, Clone)]
pub(crate) struct Beginning {
    pub(crate) accepted: Accepted,
    /// The trace that it belongs to.
    pub(crate) traceparent: Option<String>,
}

impl Beginning {
    /// None if the entry is another one.
    pub(crate) fn of(entry: Entry) -> Option<Self> {
        Some(Self {
            accepted: entry.event.try_into().ok()?,
            traceparent: entry.traceparent,
        })
    }
}

/// What an attempt starts from.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) id: GenerationId,
    /// The sequence of the ledger's last entry.
    pub(crate) last: u64,
    /// Which attempt it is, from 1.
    pub(crate) number: u32,
    /// How many attempts have failed before.
    pub(crate) failures: u32,
    /// The attempt that may have been billed although another one is made or waited for.
    pub(crate) doubted: Option<u32>,
    /// Its own name, for the ledger and for the provider's webhook.
    pub(crate) token: Arc<str>,
    /// What there is to say between the attempt and the desk.
    pub(crate) contact: Arc<Contact>,
    /// How the generation began; none if it has to be read.
    pub(crate) beginning: Option<Arc<Beginning>>,
    /// The earlier generation that asked for the same.
    pub(crate) duplicate_of: Option<GenerationId>,
    /// Whether its generation has ended without it.
    pub(crate) is_late: bool,
    /// The place of its first picture in the generation: those of another attempt have theirs.
    pub(crate) first_index: u32,
}

/// An attempt that the provider names and nobody waits for.
#[derive(Debug)]
pub(crate) enum GivenUp {
    /// Its generation has ended without it: what it drew is to be told.
    Untold(Box<Grant>),
    /// Its generation waits to be tried again, which is of this number: this one will do.
    Waiting(u32),
    /// Its generation is under way, and until it ends its ledger is its own. Or nobody can tell.
    NotYet,
    /// There is no such attempt, or all of it is told.
    Nothing,
}

/// What is to be done about an attempt.
#[derive(Debug, Clone)]
pub(crate) enum Task {
    /// Call the provider once.
    Buy,
    /// Go on asking for what an earlier dispatcher submitted.
    Follow {
        provider_id: String,
        since: Timestamp,
    },
    /// Write down that whoever called left no word of what came of it, and why.
    Doubt(&'static str),
    /// The provider named an attempt of which we knew nothing. If it answers to that name, the
    /// attempt is ours again.
    Adopt { provider_id: String },
    /// Nobody will find out any more whether it was billed: try again, if the requester wants it
    /// so.
    Release,
    /// The provider's bill has no charge for it: try again.
    Acquit,
    /// The provider's bill has it, at this price.
    Charge(Usd),
    /// Nothing more comes of it.
    End(Failure),
}

/// How an attempt ended. The ledger already says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The provider drew it and was paid.
    Rendered { cost: Usd },
    /// Nothing more comes of it.
    Failed { cost: Usd },
    /// It was not billed, and waits.
    Parked {
        /// The sequence of the ledger's last entry.
        last: u64,
        failures: u32,
        until: Option<Timestamp>,
        why: Why,
    },
    /// It may have been billed, and nobody knows.
    Unknown,
    /// It was said to have this name, and the provider knows none of it.
    Refuted(String),
    /// The ledger is not where we thought: to be read again.
    Changed,
    /// Something of ours is not there at the moment. Nothing was begun.
    Later,
    /// The lease is gone, or we are stopping: somebody else goes on.
    Left,
}

/// Why an attempt was not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// The account cannot serve anybody now. At least for so long, if it says so.
    Hold(Hold, Option<Duration>),
    /// Its places are taken; of how many, if it says so.
    Full(Option<u32>),
    /// It cannot be reached.
    Unreachable,
    /// We are stopping.
    Stopped,
    /// The requester would rather pay twice than wait for ever.
    Doubtful,
    /// The provider's bill has no charge for it.
    Unbilled,
}

/// One attempt, as far as it has come.
#[derive(Debug, Clone, Copy)]
struct Attempt<'a> {
    grant: &'a Grant,
    job: &'a Job,
    /// The most that it may cost.
    bound: Usd,
    /// The sequence of the ledger's last entry.
    last: u64,
}

impl Buyer {
    /// Goes on with an attempt from where it stands, to its end.
    pub(crate) async fn run(&self, grant: Grant, task: Task) -> End {
        let Some((job, bound, traceparent)) = self.accepted(&grant).await else {
            return End::Left;
        };
        let span = info_span!("attempt", generation = %job.id, number = grant.number);
        if let Some(traceparent) = &traceparent {
            trace::adopt(&span, traceparent);
        }
        let attempt = Attempt {
            grant: &grant,
            job: &job,
            bound,
            last: grant.last,
        };
        let parent = traceparent.or_else(|| Some(trace::fresh()));
        let work = trace::within(parent, self.perform(attempt, task)).instrument(span);
        work.await.unwrap_or_else(|end| end)
    }

    async fn perform(&self, attempt: Attempt<'_>, task: Task) -> Result<End, End> {
        match task {
            Task::Buy => self.begin(attempt).await,
            Task::Follow { provider_id, since } => self.follow(attempt, provider_id, since).await,
            Task::Doubt(reason) => self.unknown(&attempt, reason).await,
            Task::Adopt { provider_id } => self.recover(attempt, provider_id).await,
            Task::Release => self.release(&attempt).await,
            Task::Acquit => {
                let reason = "the provider's bill has no charge for the last call";
                self.park(&attempt, reason, None, Why::Unbilled).await
            }
            Task::Charge(cost) => self.charge(&attempt, cost).await,
            Task::End(failure) => self.give_up(&attempt, failure).await,
        }
    }

    async fn begin(&self, attempt: Attempt<'_>) -> Result<End, End> {
        let (job, grant) = (attempt.job, attempt.grant);
        let late = |deadline| deadline <= Timestamp::now();
        if job.request.deadline.is_some_and(late) {
            let message = "the deadline passed while the request was waiting; nothing was bought";
            return self.end(&attempt, Code::DeadlineExceeded, message).await;
        }
        let call = match ideogram::plan(&job.request, self.config.api) {
            Ok(call) => self.config.with_webhook(call, grant),
            Err(invalid) => return self.end(&attempt, invalid.code, invalid.to_string()).await,
        };
        // Nothing is sent yet, so whoever waits for the lease need not wait for this.
        let files = self.sources.files(&call);
        let files = self.lease.lost.run_until_cancelled(files).await;
        let files = match files.ok_or(End::Left)? {
            Ok(files) => files,
            Err(Missing::Gone { code, message }) => return self.end(&attempt, code, message).await,
            Err(Missing::Later(err)) => {
                warn!(generation = %job.id, error = &*err as &dyn std::error::Error, "no pictures");
                return Err(End::Later);
            }
        };
        if !self.lease.held() {
            return Err(End::Left);
        }

        crash::point("generator.before_calling");
        let calling = Calling {
            id: job.id,
            attempt: grant.number,
            token: grant.token.to_string(),
            route: call.route.to_owned(),
            images: call.images,
            reserved: attempt.bound,
            at: Timestamp::now(),
        };
        let last = self.announce(&attempt, calling).await?;
        let attempt = Attempt { last, ..attempt };
        crash::point("generator.after_calling");
        if !self.lease.held() {
            // Writing can take longer than the lease lasts. Nothing was sent: the next one may call.
            let reason = "the process stopped before it called the provider";
            return self.park(&attempt, reason, None, Why::Stopped).await;
        }
        self.call(attempt, &call, files).await
    }

    /// Writes `calling`. Whoever cannot be sure that it is written does not call.
    async fn announce(&self, attempt: &Attempt<'_>, calling: Calling) -> Result<u64, End> {
        match Box::pin(self.ledger.append(calling, attempt.last)).await {
            Ok(sequence) => Ok(sequence),
            Err(bus::Error::Conflict { .. }) => Err(End::Changed),
            Err(err) => {
                warn!(
                    error = &err as &dyn std::error::Error,
                    "cannot write `calling`"
                );
                let entries = self.read(attempt.job.id).await;
                let own = |event: &Event| matches!(event, Event::Calling(calling) if *calling.token == *attempt.grant.token);
                let Some(written) = entries.last().filter(|entry| own(&entry.event)) else {
                    return Err(End::Changed);
                };
                let attempt = Attempt {
                    last: written.sequence,
                    ..*attempt
                };
                let reason = "the ledger did not answer in time; the provider was not called";
                Err(self.park(&attempt, reason, None, Why::Stopped).await?)
            }
        }
    }

    /// Writes down what came of a call, also when somebody took us for dead meanwhile and wrote
    /// `unknown`: now it is known. Paid pictures are told of even after the end.
    async fn tell(&self, attempt: &Attempt<'_>, event: impl Into<Event>) -> Result<u64, End> {
        let mut event = event.into();
        let mut last = attempt.last;
        loop {
            match Box::pin(self.ledger.append(event.clone(), last)).await {
                Ok(sequence) => return Ok(sequence),
                Err(bus::Error::Conflict { .. }) => {
                    let entries = self.read(attempt.job.id).await;
                    let entry = entries.last().filter(|entry| match &entry.event {
                        Event::Unknown(unknown) => unknown.attempt == attempt.grant.number,
                        Event::Failed(_) | Event::Completed(_) | Event::Ready(_) => {
                            matches!(event, Event::Rendered(_))
                        }
                        _ => false,
                    });
                    let entry = entry.ok_or(End::Changed)?;
                    if let Event::Rendered(rendered) = &mut event {
                        rendered.late |= !matches!(entry.event, Event::Unknown(_));
                    }
                    last = entry.sequence;
                }
                Err(err) => {
                    error!(
                        generation = %attempt.job.id, event = event.name(),
                        error = &err as &dyn std::error::Error, "cannot write, trying again"
                    );
                    time::sleep(LEDGER_PAUSE).await;
                }
            }
        }
    }

    /// The ledger of a generation, however long it takes to read.
    pub(crate) async fn read(&self, id: GenerationId) -> Vec<Entry> {
        loop {
            match self.ledger.read(id).await {
                Ok(entries) => return entries,
                Err(err) => {
                    warn!(generation = %id, error = &err as &dyn std::error::Error, "cannot read");
                    time::sleep(LEDGER_PAUSE).await;
                }
            }
        }
    }

    /// What is known of the attempt of that token, which nobody waits for.
    pub(crate) async fn given_up(&self, id: GenerationId, token: &str) -> GivenUp {
        let attempts = match self.ledger.attempts(id).await {
            Ok(attempts) => attempts,
            Err(err) => {
                warn!(generation = %id, error = &err as &dyn std::error::Error, "cannot read");
                return GivenUp::NotYet;
            }
        };
        let Some(attempt) = attempts.iter().find(|attempt| attempt.token == token) else {
            return GivenUp::Nothing;
        };
        let told = match self.ledger.rendered(id).await {
            Ok(told) => told,
            Err(err) => {
                warn!(generation = %id, error = &err as &dyn std::error::Error, "cannot read");
                return GivenUp::NotYet;
            }
        };
        if told.iter().any(|told| told.attempt == attempt.attempt) {
            return GivenUp::Nothing;
        }
        let entries = self.read(id).await;
        let Some(last) = entries.last() else {
            return GivenUp::NotYet;
        };
        if let Event::Parked(parked) = &last.event
            && parked.doubted == Some(attempt.attempt)
        {
            return GivenUp::Waiting(attempt.attempt);
        }
        // Not only the last entry: whoever was here before may have died after `submitted`.
        let is_end = |event: &Event| event.is_terminal() || matches!(event, Event::Ready(_));
        if !entries.iter().any(|entry| is_end(&entry.event)) {
            return GivenUp::NotYet;
        }
        let first_index = match told.is_empty() {
            true => 0,
            false => attempt.attempt.saturating_mul(LATE),
        };
        GivenUp::Untold(Box::new(Grant {
            id,
            first_index,
            is_late: true,
            last: last.sequence,
            number: attempt.attempt,
            failures: 0,
            doubted: None,
            token: Arc::from(token),
            contact: Arc::default(),
            beginning: None,
            duplicate_of: None,
        }))
    }

    /// How the generation began, and the most that it may cost. None if the lease is gone before it
    /// could be read.
    async fn accepted(&self, grant: &Grant) -> Option<(Job, Usd, Option<String>)> {
        let beginning = match &grant.beginning {
            Some(beginning) => Beginning::clone(beginning),
            None => self.read_beginning(grant.id).await?,
        };
        let Beginning {
            accepted,
            traceparent,
        } = beginning;
        let job = Job {
            duplicate_of: accepted.job.duplicate_of.or(grant.duplicate_of),
            ..accepted.job
        };
        Some((job, accepted.reserved, traceparent))
    }

    async fn read_beginning(&self, id: GenerationId) -> Option<Beginning> {
        while self.lease.held() {
            match self.ledger.beginning(id).await {
                Ok(Some(entry)) => match Beginning::of(entry) {
                    Some(beginning) => return Some(beginning),
                    None => error!(generation = %id, "it begins with something else"),
                },
                Ok(None) => error!(generation = %id, "the ledger has lost its beginning"),
                Err(err) => {
                    warn!(generation = %id, error = &err as &dyn std::error::Error, "cannot read");
                }
            }
            time::sleep(LEDGER_PAUSE).await;
        }
        None
    }

    /// Fails; nothing was billed.
    async fn end(
        &self,
        attempt: &Attempt<'_>,
        code: Code,
        message: impl Into<String>,
    ) -> Result<End, End> {
        self.fail(attempt, failure(code, message, Billed::No), Usd::ZERO)
            .await
    }

    /// Ends it without a word of the provider. What may have been billed is counted as billed.
    async fn give_up(&self, attempt: &Attempt<'_>, failure: Failure) -> Result<End, End> {
        let cost = match failure.billed {
            Billed::Unknown => attempt.bound,
            Billed::Yes | Billed::No => Usd::ZERO,
        };
        self.fail(attempt, failure, Usd::ZERO).await?;
        Ok(End::Failed { cost })
    }

    /// Ends the generation, unless it has ended without this attempt: it has one end.
    async fn fail(&self, attempt: &Attempt<'_>, failure: Failure, cost: Usd) -> Result<End, End> {
        if attempt.grant.is_late {
            warn!(generation = %attempt.job.id, message = failure.message, "nothing comes of a late attempt");
            return Ok(End::Failed { cost });
        }
        let failure = in_doubt(failure, attempt.grant.doubted);
        let event = failed(attempt.job, failure, cost, Timestamp::now());
        self.tell(attempt, event).await?;
        Ok(End::Failed { cost })
    }

    /// Writes that nothing is open at the provider and nothing was billed: only then may there be
    /// another call.
    async fn park(
        &self,
        attempt: &Attempt<'_>,
        reason: &str,
        until: Option<Timestamp>,
        why: Why,
    ) -> Result<End, End> {
        let failures = attempt.grant.failures + u32::from(why == Why::Unreachable);
        let doubted = match why {
            Why::Doubtful => Some(attempt.grant.number),
            _ => attempt.grant.doubted,
        };
        let parked = Parked {
            id: attempt.job.id,
            reason: reason.to_owned(),
            failures,
            until,
            in_doubt: why == Why::Doubtful,
            doubted,
            at: Timestamp::now(),
        };
        let last = self.tell(attempt, parked).await?;
        crash::point("generator.after_parked");
        Ok(End::Parked {
            last,
            failures,
            until,
            why,
        })
    }

    /// What is told in words is never asked for twice: it is no picture that a deadline waits for.
    async fn release(&self, attempt: &Attempt<'_>) -> Result<End, End> {
        let request = &attempt.job.request;
        let may_be_repeated = request.operation != Operation::Describe;
        let is_second = attempt.grant.doubted.is_some();
        if request.on_unknown != OnUnknown::Retry || !may_be_repeated || is_second {
            return Ok(End::Unknown);
        }
        let reason = "nobody knows whether the last call was billed; onUnknown says to try again";
        self.park(attempt, reason, None, Why::Doubtful).await
    }

    /// Ends what the bill has: it is paid for, and there is no name by which its pictures could be
    /// asked for.
    async fn charge(&self, attempt: &Attempt<'_>, cost: Usd) -> Result<End, End> {
        let message = format!(
            "the provider's bill has the call ({cost}), but its answer was lost, and with it the \
             pictures; if they turn up late, they are kept as recovered"
        );
        let failure = failure(Code::OutcomeUnknown, message, Billed::Yes);
        self.fail(attempt, failure, cost).await
    }

    async fn unknown(&self, attempt: &Attempt<'_>, reason: &str) -> Result<End, End> {
        if attempt.grant.is_late {
            warn!(generation = %attempt.job.id, reason, "nothing comes of a late attempt");
            return Ok(End::Unknown);
        }
        UNKNOWN.inc_by(u64::try_from(attempt.bound.micros()).unwrap_or(0));
        let unknown = Unknown {
            id: attempt.job.id,
            attempt: attempt.grant.number,
            reason: reason.to_owned(),
            reserved: attempt.bound,
            at: Timestamp::now(),
        };
        self.tell(attempt, unknown).await?;
        Ok(End::Unknown)
    }
}

/// What is to be said of the end of a generation, of which an earlier attempt may have been billed.
fn in_doubt(failure: Failure, doubted: Option<u32>) -> Failure {
    if doubted.is_none() || failure.billed != Billed::No {
        return failure;
    }
    let message = format!(
        "{}; but an earlier call was sent and its answer was lost: that one may have been billed",
        failure.message
    );
    Failure {
        billed: Billed::Unknown,
        message,
        ..failure
    }
}
