//! The worker runtime: the only code that pulls, decodes, retries, gives up and acknowledges.
//!
//! The guarantee: a message is acknowledged only after all that follows from it is stored, and is
//! handled again otherwise. So a handler may see a message twice, and never not at all.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use async_nats::jetstream::{AckKind, Message};
use domain::{Billed, Code, Event, Failure, Phase};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, debug, error, info_span, warn};
use wire::header;

use crate::handler::{Delivery, Emit, Expect, Fault, Handler, Lost, Step, Wait};
use crate::incoming::{Inbound, Raw};
use crate::policy::random_share;
use crate::publish::WorkItem;
use crate::stage::{EVENTS, Feed, WORK};
use crate::{Bus, Error, Policy, Source, Stage, metrics, trace};

/// How long the server may take to confirm an acknowledgement.
const CONFIRMATION: Duration = Duration::from_secs(5);
/// A pull waits this long for messages.
const EXPIRES: Duration = Duration::from_secs(30);
/// Silence on a pull after which it is made anew: after a restart of the server a client may wait
/// for messages that nobody will send.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Deliveries beyond the attempts after which a message is taken for one that kills its worker.
const CRASHES: u32 = 3;
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
        // The client asks for as many again as soon as they are taken.
        let deliveries = self
            .bus
            .deliveries(feed, self.policy.concurrency / 2)
            .await?;
        deliveries
            .take_until(shutdown.cancelled())
            .try_for_each_concurrent(self.policy.concurrency, |message| async move {
                self.settle(message, feed).await;
                Ok(())
            })
            .await?;
        if shutdown.is_cancelled() {
            Ok(())
        } else {
            Err(Error::Gone(feed.consumer))
        }
    }

    /// Handles one message to its end. What goes wrong here is logged and comes again.
    async fn settle(&self, message: Message, feed: &Feed) {
        let started = Instant::now();
        let raw = match raw(&message, feed) {
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
        let (delivery, crashes) = delivery(message, raw, feed);
        Span::current().record("attempt", delivery.attempt);
        if crashes > self.policy.attempts + CRASHES {
            // Earlier deliveries ended without being settled: each may have killed its process.
            let failure = poison("its handling never came to an end");
            return self
                .give_up(message, raw, None, &delivery, failure, feed)
                .await;
        }
        let input = match In::read(raw) {
            Ok(input) => input,
            Err(err) => {
                let failure = poison(&format!("it cannot be read: {err}"));
                return self
                    .give_up(message, raw, None, &delivery, failure, feed)
                    .await;
            }
        };

        match self.attempt(message, input.clone(), &delivery).await {
            Ok(Step::Emit(emits)) if emits.is_empty() => {
                self.dismiss(message, feed).await.map(|()| "nothing")
            }
            Ok(Step::Emit(emits)) => match self.emit(&emits).await? {
                true => self.acknowledge(message, feed).await.map(|()| "done"),
                false => self.outrun(message, raw, feed, input, &delivery).await,
            },
            Ok(Step::Wait(wait)) => match self.emit(&wait.emit).await? {
                true => {
                    let postponed = self.postpone(message, raw, feed, &delivery, &wait);
                    postponed.await.map(|()| "waits")
                }
                false => self.outrun(message, raw, feed, input, &delivery).await,
            },
            Err(Fault::Transient {
                source,
                not_before,
                failure,
            }) => {
                self.retry(
                    message, raw, feed, input, &delivery, source, not_before, failure,
                )
                .await
            }
            Err(Fault::Permanent(failure)) => {
                self.give_up(message, raw, Some(input), &delivery, failure, feed)
                    .await
            }
        }
    }

    /// Somebody else wrote first, so what was made of the message is no longer true.
    async fn outrun(
        &self,
        message: &Message,
        raw: &Raw,
        feed: &Feed,
        input: In,
        delivery: &Delivery,
    ) -> Result<&'static str, Error> {
        let conflict = "somebody else wrote first";
        let failure = poison(conflict);
        self.retry(
            message,
            raw,
            feed,
            input,
            delivery,
            conflict.into(),
            None,
            failure,
        )
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
        for emit in emits {
            match emit {
                Emit::Event { event, expect } => match self.bus.publish(event, expect).await {
                    Ok(_) => {}
                    Err(Error::Conflict { .. }) if self.is_said(event, expect).await? => {
                        debug!(event = event.name(), "somebody else was first");
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
        let (Expect::LedgerAt(_), Some(id)) = (expect, event.generation()) else {
            return Ok(true);
        };
        let entries = self.bus.ledger().read(id).await?;
        Ok(entries
            .iter()
            .any(|entry| entry.event.name() == event.name() || entry.event.is_terminal()))
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
        input: In,
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
            return self
                .give_up(message, raw, Some(input), delivery, failure, feed)
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
        let mut headers = async_nats::HeaderMap::new();
        for (name, values) in raw.headers.iter() {
            if !name.to_string().starts_with("Nats-") {
                values
                    .iter()
                    .for_each(|value| headers.append(name.clone(), value.clone()));
            }
        }
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
            self.bus.bury(self.stage, raw, &failure.message).await?;
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

impl Bus {
    /// Tells the server that a message is settled, and waits until it has heard: a plain
    /// acknowledgement around a reconnect is lost without a word.
    pub(crate) async fn acknowledge(
        &self,
        message: &Message,
        consumer: &'static str,
    ) -> Result<(), Error> {
        let failed = |source| Error::Acknowledge { consumer, source };
        let reply = message
            .reply
            .clone()
            .ok_or_else(|| failed("no reply subject".into()))?;
        // Over the client's one inbox: cheaper than the library's subscription for each.
        let request = self.client.request(reply, AckKind::Ack.into());
        match time::timeout(CONFIRMATION, request).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(err)) => Err(failed(err.into())),
            Err(err) => Err(failed(err.into())),
        }
    }

    /// The messages of a consumer, for ever: errors are logged, and the pull is made anew.
    pub(crate) async fn deliveries(
        &self,
        feed: &Feed,
        batch: usize,
    ) -> Result<stream::BoxStream<'static, Result<Message, Error>>, Error> {
        let consumer = self.consumer(feed).await?;
        let feed = *feed;
        let bus = self.clone();
        let pulls = stream::unfold((bus, Some(consumer)), move |(bus, known)| async move {
            loop {
                let consumer = match &known {
                    Some(consumer) => Ok(consumer.clone()),
                    None => bus.consumer(&feed).await,
                };
                let opened = match consumer {
                    Ok(consumer) => open(consumer, batch, HEARTBEAT).await,
                    Err(Error::Provision { source, .. }) if is_missing(&source) => {
                        return Some((Err(Error::Gone(feed.consumer)), (bus, None)));
                    }
                    Err(err) => Err(err.into()),
                };
                match opened {
                    Ok(messages) => return Some((Ok(messages), (bus, None))),
                    Err(err) => warn!(error = %err, consumer = feed.consumer, "cannot pull"),
                }
                time::sleep(Duration::from_millis(200).mul_f64(0.5 + random_share())).await;
            }
        });
        // A stream ends at its first error; the next one begins with a fresh look at the consumer.
        Ok(pulls
            .map_ok(move |messages| {
                messages
                    .take_while(move |message| {
                        if let Err(err) = message {
                            debug!(error = %err, consumer = feed.consumer, "pull interrupted");
                        }
                        std::future::ready(message.is_ok())
                    })
                    .filter_map(|message| std::future::ready(message.ok().map(Ok)))
            })
            .try_flatten()
            .boxed())
    }

    async fn consumer(&self, feed: &Feed) -> Result<Consumer<pull::Config>, Error> {
        self.jetstream
            .get_consumer_from_stream(feed.consumer, feed.stream)
            .await
            .map_err(|err| Error::Provision {
                what: feed.consumer.to_owned(),
                source: err.into(),
            })
    }
}

/// Pulls `batch` messages at a time, and fails after a silence of two `heartbeat`s.
pub(crate) async fn open(
    consumer: Consumer<pull::Config>,
    batch: usize,
    heartbeat: Duration,
) -> Result<pull::Stream, Source> {
    Ok(consumer
        .stream()
        .max_messages_per_batch(batch.max(1))
        .expires(EXPIRES)
        .heartbeat(heartbeat)
        .messages()
        .await?)
}

/// Whether an error means that the consumer does not exist, rather than that nobody answers.
fn is_missing(source: &Source) -> bool {
    // The server's answer is in the kind, and not among the causes.
    source.downcast_ref::<ConsumerError>().is_some_and(
        |err| matches!(err.kind(), ConsumerErrorKind::JetStream(err) if err.code() == 404),
    )
}

pub(crate) fn raw(message: &Message, feed: &Feed) -> Result<Raw, Source> {
    let info = message.info()?;
    Ok(Raw {
        subject: message.subject.to_string(),
        payload: message.payload.clone(),
        sequence: info.stream_sequence,
        stored_at: Timestamp::from_nanosecond(info.published.unix_timestamp_nanos())?,
        stream: feed.stream.to_owned(),
        headers: message.headers.clone().unwrap_or_default(),
    })
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
