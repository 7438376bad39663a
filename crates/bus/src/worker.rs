//! The worker runtime: the only code that pulls, decodes, retries, gives up and acknowledges.
//!
//! The guarantee: a message is acknowledged only after all that follows from it is stored, and is
//! handled again otherwise. So a handler may see a message twice, and never not at all.

use std::pin::pin;
use std::sync::Arc;

use async_nats::jetstream::{AckKind, Message};
use domain::{Billed, Code, Event, Failure, Phase};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, debug, error, info_span, warn};
use wire::header;

use crate::handler::{Delivery, Emit, Expect, Fault, Glance, Handler, Lost, Step, Wait};
use crate::incoming::{Inbound, Raw};
use crate::publish::{WorkItem, own_headers};
use crate::pull::{hand_back, raw};
use crate::stage::{EVENTS, Feed, WORK};
use crate::{Bus, Error, Policy, Source, Stage, metrics, trace};

/// Deliveries beyond the attempts after which a message is suspected of killing its worker.
const UNSUSPICIOUS: u32 = 3;
/// Tries of a suspect that nobody has lived through, after which it is given up.
const DEATHS: usize = 3;
/// How often a handler is asked what to say of lost work, while others write into the same ledger.
const LAST_WORDS: u32 = 3;

/// Feeds one handler from the consumers of one stage.
#[derive(Debug)]
pub struct Worker<In, H> {
    bus: Bus,
    stage: Stage,
    policy: Policy,
    handler: Arc<H>,
    input: std::marker::PhantomData<fn(In)>,
}

impl<In: Inbound, H: Handler<In>> Worker<In, H> {
    /// A worker for `stage`.
    pub fn new(bus: Bus, stage: Stage, policy: Policy, handler: H) -> Self {
        Self {
            bus,
            stage,
            policy,
            handler: Arc::new(handler),
            input: std::marker::PhantomData,
        }
    }

    /// Works until `shutdown`, then finishes what it holds and returns.
    ///
    /// # Errors
    ///
    /// [`Error::Provision`] if a consumer is missing, [`Error::Gone`] if it disappears.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let feeds = self
            .stage
            .feeds()
            .iter()
            .map(|feed| self.feed(feed, &shutdown));
        futures::future::try_join_all(feeds).await.map(drop)
    }

    async fn feed(&self, feed: &Feed, shutdown: &CancellationToken) -> Result<(), Error> {
        // Asking for a few at a time would cost the server more than the messages.
        let held = self.policy.concurrency;
        let deliveries = Mutex::new(Some(self.bus.deliveries(feed, held).await?));
        // What nobody has begun goes back at the shutdown, and not when all is finished that was.
        let hand_back = async || {
            if let Some(deliveries) = deliveries.lock().await.take() {
                hand_back(deliveries, held).await;
            }
        };
        let next = async |()| {
            let mut deliveries = deliveries.lock().await;
            let deliveries = deliveries.as_mut()?;
            loop {
                let next = shutdown.run_until_cancelled(deliveries.next()).await??;
                match next {
                    Ok(message) if self.passes_over(&message, feed).await => {}
                    next => break Some((next, ())),
                }
            }
        };
        let mut work = pin!(stream::unfold((), next).try_for_each_concurrent(
            self.policy.concurrency,
            |message| async move {
                self.settle(message, feed).await;
                Ok(())
            },
        ));
        let stopped = async {
            shutdown.cancelled().await;
            hand_back().await;
        };
        tokio::select! {
            ended = &mut work => ended?,
            () = stopped => work.await?,
        }
        hand_back().await;
        match shutdown.is_cancelled() {
            true => Ok(()),
            false => Err(Error::Gone(feed.consumer)),
        }
    }

    /// Whether the handler has nothing to do with a message, which is settled then.
    async fn passes_over(&self, message: &Message, feed: &Feed) -> bool {
        let headers = message.headers.as_ref();
        let is_ignored = self.handler.ignores(&Glance { headers });
        if is_ignored {
            match self.dismiss(message, feed).await {
                Ok(()) => {
                    let stage = self.stage.name();
                    metrics::SETTLED
                        .with_label_values(&[stage, "nothing"])
                        .inc();
                }
                Err(err) => debug!(error = &err as &dyn std::error::Error, "comes again"),
            }
        }
        is_ignored
    }

    /// Handles one message to its end. What goes wrong here is logged and comes again.
    async fn settle(&self, mut message: Message, feed: &Feed) {
        let started = Instant::now();
        let raw = match raw(&mut message, feed) {
            Ok(raw) => raw,
            Err(err) => return error!(error = %err, "a message without a place in a stream"),
        };
        let traceparent = raw.header(header::TRACEPARENT).map(str::to_owned);
        let stage = self.stage.name();
        let span = info_span!(
            "work",
            stage,
            about = raw.key(),
            attempt = tracing::field::Empty
        );
        if let Some(traceparent) = &traceparent {
            trace::adopt(&span, traceparent);
        }

        metrics::IN_WORK.with_label_values(&[stage]).inc();
        let parent = traceparent.or_else(|| Some(trace::fresh()));
        let work = trace::within(parent, self.work(&message, &raw, feed)).instrument(span);
        let outcome = match work.await {
            Ok(outcome) => outcome,
            Err(err) => {
                warn!(
                    error = &err as &dyn std::error::Error,
                    stage, "not settled, comes again"
                );
                "again"
            }
        };
        metrics::IN_WORK.with_label_values(&[stage]).dec();
        metrics::SETTLED.with_label_values(&[stage, outcome]).inc();
        metrics::SECONDS
            .with_label_values(&[stage])
            .observe(started.elapsed().as_secs_f64());
    }

    async fn work(&self, message: &Message, raw: &Raw, feed: &Feed) -> Result<&'static str, Error> {
        let (delivery, delivered) = delivery(message, raw, feed);
        Span::current().record("attempt", delivery.attempt);
        match delivered > self.policy.attempts + UNSUSPICIOUS {
            false => self.handle(message, raw, feed, &delivery).await,
            true => Box::pin(self.risk(message, raw, feed, &delivery)).await,
        }
    }

    /// Handles a message of which earlier workers may have died, until there is no doubt that they did.
    async fn risk(
        &self,
        message: &Message,
        raw: &Raw,
        feed: &Feed,
        delivery: &Delivery,
    ) -> Result<&'static str, Error> {
        let trial = self.bus.trial(self.stage, raw).await?;
        let outcome = if trial.deaths() < DEATHS {
            self.handle(message, raw, feed, delivery).await
        } else {
            // Handling it is what kills, so it may be read, to tell those who wait for it. If giving it
            // up goes on to kill, reading it may be the reason.
            let is_legible = trial.deaths() < 2 * DEATHS;
            let input = is_legible.then(|| In::read(raw).ok()).flatten();
            let failure = poison("its handling never came to an end");
            self.give_up(message, raw, input, delivery, failure, feed)
                .await
        };
        trial.survived(outcome.is_ok()).await;
        outcome
    }

    async fn handle(
        &self,
        message: &Message,
        raw: &Raw,
        feed: &Feed,
        delivery: &Delivery,
    ) -> Result<&'static str, Error> {
        let input = match In::read(raw) {
            Ok(input) => input,
            Err(err) => {
                let failure = poison(&format!("it cannot be read: {err}"));
                let given_up = self.give_up(message, raw, None, delivery, failure, feed);
                return Box::pin(given_up).await;
            }
        };

        // What is rare is boxed: each message that is handled would keep room for it.
        match self.attempt(message, input, delivery).await {
            Ok(Step::Emit(emits)) if emits.is_empty() => {
                self.dismiss(message, feed).await.map(|()| "nothing")
            }
            Ok(Step::Emit(emits)) => match self.emit(&emits).await? {
                true => self.acknowledge(message, feed).await.map(|()| "done"),
                false => Box::pin(self.outrun(message, raw, feed, delivery)).await,
            },
            Ok(Step::Wait(wait)) => match self.emit(&wait.emit).await? {
                true => {
                    let postponed = self.postpone(message, raw, feed, delivery, &wait);
                    Box::pin(postponed).await.map(|()| "waits")
                }
                false => Box::pin(self.outrun(message, raw, feed, delivery)).await,
            },
            Err(Fault::Transient {
                source,
                not_before,
                failure,
            }) => {
                let retried = self.retry(message, raw, feed, delivery, source, not_before, failure);
                Box::pin(retried).await
            }
            Err(Fault::Permanent(failure)) => {
                let input = In::read(raw).ok();
                let given_up = self.give_up(message, raw, input, delivery, failure, feed);
                Box::pin(given_up).await
            }
        }
    }

    /// Somebody else wrote first, so what was made of the message is no longer true.
    async fn outrun(
        &self,
        message: &Message,
        raw: &Raw,
        feed: &Feed,
        delivery: &Delivery,
    ) -> Result<&'static str, Error> {
        let conflict = "somebody else wrote first";
        let failure = poison(conflict);
        self.retry(message, raw, feed, delivery, conflict.into(), None, failure)
            .await
    }

    /// One attempt, in a task of its own, so that a panic stays in there and work spreads over
    /// threads; reports progress meanwhile.
    async fn attempt(
        &self,
        message: &Message,
        input: In,
        delivery: &Delivery,
    ) -> Result<Step, Fault> {
        let handler = Arc::clone(&self.handler);
        let limit = self.policy.limit;
        let delivery = delivery.clone();
        let parent = trace::current();
        let task = async move { time::timeout(limit, handler.handle(input, &delivery)).await };
        let mut task = tokio::spawn(trace::within(parent, task).instrument(Span::current()));

        let mut progress = time::interval(self.policy.ack_wait / 3);
        progress.tick().await;
        let result = loop {
            tokio::select! {
                result = &mut task => break result,
                _ = progress.tick() => {
                    if let Err(err) = message.ack_with(AckKind::Progress).await {
                        debug!(error = %err, "progress not reported");
                    }
                }
            }
        };
        match result {
            Ok(Ok(step)) => step,
            Ok(Err(_)) => Err(Fault::transient(
                "the attempt took too long",
                poison("every attempt took too long"),
            )),
            Err(err) => Err(Fault::transient(err, poison("every attempt panicked"))),
        }
    }

    /// Publishes all of `emits`, and returns whether all is said. It is not, if somebody else wrote
    /// into a ledger what makes us think again.
    async fn emit(&self, emits: &[Emit]) -> Result<bool, Error> {
        let leading = emits.iter().map_while(|emit| match emit {
            Emit::Event { event, expect } => Some((&**event, expect)),
            Emit::Work { .. } => None,
        });
        let events = leading.clone().count();
        // What cannot be told as one is told one by one, which also finds out why.
        let told = match events > 1 && self.bus.publish_as_one(leading).await {
            true => events,
            false => 0,
        };
        for emit in &emits[told..] {
            match emit {
                Emit::Event { event, expect } => match self.bus.publish(event, expect).await {
                    Ok(_) => {}
                    Err(Error::Conflict { .. }) if self.is_said(event, expect).await? => {
                        debug!(event = event.name(), "somebody else was first");
                        let undone = self.handler.refused(event).await;
                        undone.map_err(|source| Error::NotUndone { source })?;
                    }
                    Err(Error::Conflict { .. }) => return Ok(false),
                    Err(err) => return Err(err),
                },
                Emit::Work {
                    stage,
                    key,
                    event,
                    cause,
                } => {
                    let item = WorkItem {
                        stage: *stage,
                        key,
                        attempt: 1,
                        cause: *cause,
                        due: None,
                    };
                    self.bus.put_work(&item, event).await?;
                }
            }
        }
        Ok(true)
    }

    /// Whether a refused event needs no more saying. In a ledger: because the worker before us said
    /// it, or because the generation has ended in the meantime.
    async fn is_said(&self, event: &Event, expect: &Expect) -> Result<bool, Error> {
        let id = match (expect, event.generation()) {
            (Expect::LedgerAt(_), Some(id)) => id,
            // Somebody said something else about the picture, which this leaves out.
            (Expect::PictureAt(_), _) => return Ok(false),
            _ => return Ok(true),
        };
        // What was stored and is not announced would be lost, so `completed` is said by `completed`.
        let ends_elsewhere =
            |said: &Event| said.is_terminal() && !matches!(event, Event::Completed(_));
        let entries = self.bus.ledger().read(id).await?;
        Ok(entries
            .iter()
            .map(|entry| &entry.event)
            .any(|said| said.name() == event.name() || ends_elsewhere(said)))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "all that is known of one attempt"
    )]
    async fn retry(
        &self,
        message: &Message,
        raw: &Raw,
        feed: &Feed,
        delivery: &Delivery,
        source: Source,
        not_before: Option<Timestamp>,
        failure: Failure,
    ) -> Result<&'static str, Error> {
        let attempt = delivery.attempt;
        if attempt >= self.policy.attempts {
            warn!(
                error = &*source as &dyn std::error::Error,
                attempt, "given up"
            );
            let input = In::read(raw).ok();
            return self
                .give_up(message, raw, input, delivery, failure, feed)
                .await;
        }
        let next = self.policy.again_after(attempt, Timestamp::now());
        let until = not_before.map_or(next, |time| time.max(next));
        warn!(error = &*source as &dyn std::error::Error, attempt, %until, "postponed");
        let wait = Wait {
            until,
            counts: true,
            emit: Vec::new(),
        };
        self.postpone(message, raw, feed, delivery, &wait)
            .await
            .map(|()| "retries")
    }

    /// Hands the message to a timer, then acknowledges it. A crash between the two makes the same
    /// timer again, which replaces the first.
    async fn postpone(
        &self,
        message: &Message,
        raw: &Raw,
        feed: &Feed,
        delivery: &Delivery,
        wait: &Wait,
    ) -> Result<(), Error> {
        let mut headers = own_headers(&raw.headers);
        headers.insert(header::CAUSE, delivery.cause.to_string().as_str());
        let prefix = format!("due.{}.", self.stage.name());
        let key = match raw.subject.strip_prefix(&prefix) {
            Some(key) => key.to_owned(),
            None => {
                let origin = raw.origin();
                headers.insert(header::ORIGIN, origin.subject);
                headers.insert(header::STORED, origin.stored().as_str());
                // Two messages about one thing, or about none, must not share a timer: the second
                // would replace the first.
                format!("{}.{}", raw.sequence, raw.key())
            }
        };
        let item = WorkItem {
            stage: self.stage,
            key: &key,
            attempt: delivery.attempt + u32::from(wait.counts),
            cause: delivery.cause,
            due: Some(wait.until),
        };
        self.bus
            .put_work_raw(&item, headers, raw.payload.clone())
            .await?;
        self.acknowledge(message, feed).await
    }

    async fn give_up(
        &self,
        message: &Message,
        raw: &Raw,
        input: Option<In>,
        delivery: &Delivery,
        failure: Failure,
        feed: &Feed,
    ) -> Result<&'static str, Error> {
        // A decision is told by its events; what could not be decided is also put aside.
        if failure.code.is_retryable() || failure.code == Code::Poison {
            let buried = self
                .bus
                .bury(self.stage, raw, delivery.cause, &failure.message);
            buried.await?;
        }
        let key = raw.key().to_owned();
        let lost = Lost {
            key,
            input,
            cause: delivery.cause,
            failure,
        };
        for _ in 0..LAST_WORDS {
            let emits = self.handler.give_up(lost.clone()).await;
            let emits = emits.map_err(|source| Error::LastWords { source })?;
            if self.emit(&emits).await? {
                return self.acknowledge(message, feed).await.map(|()| "given up");
            }
        }
        error!(
            key = lost.key,
            "given up, and somebody else had the last word each time"
        );
        self.acknowledge(message, feed).await.map(|()| "given up")
    }

    async fn acknowledge(&self, message: &Message, feed: &Feed) -> Result<(), Error> {
        self.bus.acknowledge(message, feed.consumer).await
    }

    /// Acknowledges what nothing follows from, without waiting to be confirmed: if that is lost, it
    /// comes again, and nothing follows from it again.
    async fn dismiss(&self, message: &Message, feed: &Feed) -> Result<(), Error> {
        message.ack().await.map_err(|source| Error::Acknowledge {
            consumer: feed.consumer,
            source,
        })
    }
}

/// What the headers say, and how often this very message was delivered.
fn delivery(message: &Message, raw: &Raw, feed: &Feed) -> (Delivery, u32) {
    // Only in WORK are the headers all ours.
    let header = |name| raw.header(name).filter(|_| feed.stream == WORK);
    let number = |name| header(name).and_then(|text| text.parse::<u64>().ok());
    let delivered = message
        .info()
        .map_or(1, |info| u32::try_from(info.delivered).unwrap_or(1));
    let attempt = number(header::ATTEMPT)
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(1);
    let cause = if feed.stream == EVENTS {
        raw.sequence
    } else {
        number(header::CAUSE).unwrap_or(0)
    };
    let redelivered = delivered > 1;
    let delivery = Delivery {
        attempt: attempt.max(1),
        redelivered,
        cause,
        stored_at: raw.stored_at,
    };
    (delivery, delivered)
}

fn poison(what: &str) -> Failure {
    Failure {
        code: Code::Poison,
        message: format!("the message was put aside: {what}"),
        phase: Phase::Generation,
        billed: Billed::Unknown,
    }
}

impl Expect {
    /// The expectation of an event that ends a generation's ledger after the entry that caused the
    /// work.
    #[must_use]
    pub const fn after(delivery: &Delivery) -> Self {
        Self::LedgerAt(delivery.cause)
    }
}
