//! One piece of news and one receiver.

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use bus::{Bus, Delivery, Emit, Expect, Fault, Handler, Ledger, Lost, Source, Step, Wait};
use domain::{
    Billed, Code, Event, Failure, GenerationId, Job, NotificationDelivered, NotificationFailed,
    Phase,
};
use egress::Answer;
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use runtime::crash;
use tracing::{debug, error, warn};
use url::Url;
use webhooks::{RetrySchedule, Verdict};

use crate::body::body;
use crate::metrics;
use crate::order::{earlier, happened_at, held_back_until};
use crate::secrets::Secrets;

const SCHEDULE: RetrySchedule = RetrySchedule::STANDARD;

/// Events → callbacks, and what became of them.
#[derive(Debug)]
pub(crate) struct Notify {
    client: egress::Client,
    ledger: Ledger,
    secrets: Secrets,
}

/// Whom to tell.
struct Receiver {
    job: Job,
    url: Url,
    /// Its name in subjects and events: a short hash of its URL.
    endpoint: String,
}

/// How an attempt ended.
enum Outcome {
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

impl Handler<Event> for Notify {
    async fn handle(&self, event: Event, delivery: &Delivery) -> Result<Step, Fault> {
        let (true, Some(at)) = (may_be_wanted(&event), happened_at(&event)) else {
            return Ok(Step::done());
        };
        let Some(receiver) = self.receiver(event.generation()).await.map_err(fault)? else {
            return Ok(Step::done());
        };
        if self
            .ledger
            .was_told(&event.id(), &receiver.endpoint)
            .await
            .map_err(fault)?
        {
            return Ok(Step::done());
        }
        let now = Timestamp::now();
        metrics::OLDEST.set(now.duration_since(at).as_secs_f64());
        if let Some(until) = held_back_until(at, now)
            && !self
                .have_heard(&earlier(&event), &receiver)
                .await
                .map_err(fault)?
        {
            return Ok(Step::Wait(Wait {
                until,
                counts: false,
                emit: Vec::new(),
            }));
        }

        let outcome = self.tell(&event, &receiver).await.map_err(fault)?;
        crash::point("notifier.after_send");
        Ok(next(&event, &receiver, delivery.attempt, outcome))
    }

    async fn give_up(&self, lost: Lost<Event>) -> Vec<Emit> {
        // Without the event nobody knows whom to tell what: the message is among the dead letters.
        let Some(event) = lost.input.filter(may_be_wanted) else {
            return Vec::new();
        };
        match self.receiver(event.generation()).await {
            Ok(Some(receiver)) => {
                let attempts = SCHEDULE.attempts().try_into().unwrap_or(u32::MAX);
                vec![failed(&event, &receiver, attempts, lost.failure.message)]
            }
            Ok(None) => Vec::new(),
            Err(err) => {
                error!(
                    error = &err as &dyn std::error::Error,
                    "nobody hears that it was given up"
                );
                Vec::new()
            }
        }
    }
}

impl Notify {
    pub(crate) fn new(bus: Bus, client: egress::Client) -> Self {
        Self {
            client,
            ledger: bus.ledger(),
            secrets: Secrets::new(bus),
        }
    }

    /// Who asked to be told of `id`, if anybody did.
    async fn receiver(&self, id: GenerationId) -> Result<Option<Receiver>, bus::Error> {
        let accepted = self.ledger.accepted(id).await?;
        Ok(accepted.and_then(|accepted| {
            let url = accepted.callback_url?;
            let endpoint = endpoint(&url);
            Some(Receiver {
                job: accepted.job,
                url,
                endpoint,
            })
        }))
    }

    async fn have_heard(&self, news: &[String], receiver: &Receiver) -> Result<bool, bus::Error> {
        for event_id in news {
            if !self.ledger.was_told(event_id, &receiver.endpoint).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Signs and sends.
    async fn tell(&self, event: &Event, receiver: &Receiver) -> Result<Outcome, Source> {
        let body = body(event, event.generation(), &receiver.job).ok_or("nothing to say")?;
        let secret = self.secrets.of(&receiver.job.tenant).await?;
        let now = Timestamp::now().as_second();
        let signature = webhooks::headers(&[secret], &event.id(), now, &body)?;
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(signature);

        Ok(
            match self.client.post(&receiver.url, &headers, body.into()).await {
                Ok(answer) => judged(&answer),
                Err(err) if err.is_permanent() => Outcome::Hopeless(err.to_string()),
                Err(err) => {
                    let verdict = match err {
                        egress::Error::Timeout(_) => Verdict::Throttled,
                        _ => Verdict::Failed,
                    };
                    Outcome::Refused {
                        verdict,
                        retry_after: None,
                        reason: err.to_string(),
                    }
                }
            },
        )
    }
}

/// Whether somebody may want to hear of it, as far as the event itself knows.
fn may_be_wanted(event: &Event) -> bool {
    match event {
        Event::Completed(event) => event.job.callback,
        Event::Ready(event) => event.job.callback,
        Event::ImageReady(event) => event.job.callback,
        Event::Failed(event) => event.job.as_ref().is_none_or(|job| job.callback),
        Event::Unknown(_) => true,
        _ => false,
    }
}

fn judged(answer: &Answer) -> Outcome {
    metrics::SECONDS.observe(answer.elapsed.as_secs_f64());
    let status = answer.status;
    match Verdict::of(status) {
        Verdict::Delivered => Outcome::Delivered(status),
        Verdict::Gone => {
            Outcome::Hopeless("the receiver wants no more: it answered 410".to_owned())
        }
        verdict => {
            let asked = answer.retry_after.as_deref();
            let retry_after = asked.and_then(|text| webhooks::retry_after(text, SystemTime::now()));
            Outcome::Refused {
                verdict,
                retry_after,
                reason: format!("it answered {status}"),
            }
        }
    }
}

/// What follows from attempt `attempt`.
fn next(event: &Event, receiver: &Receiver, attempt: u32, outcome: Outcome) -> Step {
    let host = receiver.url.host_str().unwrap_or_default();
    let count = |outcome| metrics::ATTEMPTS.with_label_values(&[outcome]).inc();
    let (verdict, retry_after, reason) = match outcome {
        Outcome::Delivered(status) => {
            count("delivered");
            debug!(host, event = event.name(), status, "told");
            return Step::emit(delivered(event, receiver, status, attempt), Expect::First);
        }
        Outcome::Refused {
            verdict,
            retry_after,
            reason,
        } => (verdict, retry_after, reason),
        Outcome::Hopeless(reason) => (Verdict::Gone, None, reason),
    };
    let random = RandomState::new().hash_one(attempt) as u32;
    let Some(pause) = SCHEDULE.next(attempt as usize, verdict, retry_after, random) else {
        count("failed");
        error!(
            host,
            event = event.name(),
            attempt,
            reason,
            "a receiver is not told"
        );
        return Step::Emit(vec![failed(event, receiver, attempt, reason)]);
    };
    count("retried");
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    let until = Timestamp::now()
        .saturating_add(pause)
        .unwrap_or(Timestamp::MAX);
    warn!(host, event = event.name(), attempt, reason, %until, "a receiver is told again later");
    Step::Wait(Wait {
        until,
        counts: true,
        emit: Vec::new(),
    })
}

fn delivered(
    event: &Event,
    receiver: &Receiver,
    status: u16,
    attempts: u32,
) -> NotificationDelivered {
    NotificationDelivered {
        event_id: event.id(),
        id: event.generation(),
        endpoint: receiver.endpoint.clone(),
        status,
        attempts,
        at: Timestamp::now(),
    }
}

fn failed(event: &Event, receiver: &Receiver, attempts: u32, reason: String) -> Emit {
    let failed = NotificationFailed {
        event_id: event.id(),
        id: event.generation(),
        endpoint: receiver.endpoint.clone(),
        attempts,
        reason,
        at: Timestamp::now(),
    };
    Emit::event(failed, Expect::First)
}

fn fault(err: impl Into<Source>) -> Fault {
    let failure = Failure {
        code: Code::Internal,
        message: "the receiver could not be told: the system was not able to work".to_owned(),
        phase: Phase::Notification,
        billed: Billed::Unknown,
    };
    Fault::transient(err, failure)
}

/// The first 12 hex digits of the URL's SHA-256.
fn endpoint(url: &Url) -> String {
    let digest = digest(&SHA256, url.as_str().as_bytes());
    digest
        .as_ref()
        .iter()
        .take(6)
        .fold(String::with_capacity(12), |mut text, byte| {
            // Writing to a string does not fail.
            write!(text, "{byte:02x}").ok();
            text
        })
}
