//! Reading a stream in order and for ever, without acknowledgements: no gap and no repeat, whatever
//! happens to the server meanwhile.

use std::time::Duration;

use async_nats::Message;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::StreamExt;
use jiff::Timestamp;
use tokio::time;
use tracing::{debug, warn};

use crate::incoming::Raw;
use crate::policy::random_share;
use crate::pull::open;
use crate::{Bus, Error, Source};

/// Messages on their way to us, at the most half as many more.
const BATCH: usize = 512;
/// Silence after which the consumer is made anew: shorter than a worker's, since who follows decides.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long the server remembers a consumer that nobody reads.
const FORGOTTEN: Duration = Duration::from_secs(30);
/// Silence in a replay after which we look whether there is anything left to wait for.
const LOOK: Duration = Duration::from_secs(1);

/// Where to begin.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start {
    /// After this sequence.
    After(u64),
    /// With the last message of each subject.
    LastOfEach,
}

/// What comes next.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart at once, and nearly always a message"
)]
pub(crate) enum Tailed {
    /// A message, and where it is from.
    Message(Message, Place),
    /// All that was stored up to this sequence, and matches, has been yielded. Comes once.
    CaughtUp(u64),
}

/// Where a message is from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) sequence: u64,
    pub(crate) stored_at: Timestamp,
    /// How many consumers had been made by then. With each, the stream of that name may be another.
    pub(crate) opening: u64,
}

/// A reader of one stream.
pub(crate) struct Tail {
    bus: Bus,
    stream: String,
    filters: Vec<String>,
    start: Start,
    /// The sequence of the last message that was yielded.
    last: u64,
    replay: Replay,
    open: Option<Open>,
    openings: u64,
}

/// How far the past is read.
enum Replay {
    /// Nobody has looked how long it is.
    Unmeasured,
    /// The stream ended at `end`, and the last message that matches is `goal`.
    Until { end: u64, goal: u64 },
    /// It is read.
    Done,
}

struct Open {
    messages: pull::Stream,
    /// How many have come. One that is missing or comes twice shows in its number.
    number: u64,
}

impl Tail {
    pub(crate) fn new(
        bus: Bus,
        stream: impl Into<String>,
        filters: Vec<String>,
        start: Start,
    ) -> Self {
        Self {
            bus,
            stream: stream.into(),
            filters,
            start,
            last: match start {
                Start::After(sequence) => sequence,
                Start::LastOfEach => 0,
            },
            replay: Replay::Unmeasured,
            open: None,
            openings: 0,
        }
    }

    pub(crate) async fn next(&mut self) -> Tailed {
        loop {
            match self.replay {
                Replay::Unmeasured => {
                    self.measure().await;
                    continue;
                }
                Replay::Until { end, goal } if self.last >= goal => {
                    self.replay = Replay::Done;
                    return Tailed::CaughtUp(end.max(self.last));
                }
                Replay::Until { .. } | Replay::Done => {}
            }
            let Some(open) = &mut self.open else {
                self.reopen().await;
                continue;
            };
            let next = match self.replay {
                Replay::Done => open.messages.next().await,
                _ => match time::timeout(LOOK, open.messages.next()).await {
                    Ok(next) => next,
                    // The goal may have been deleted before we came to it.
                    Err(_) => {
                        self.replay = Replay::Unmeasured;
                        continue;
                    }
                },
            };
            let placed = next.map(|message| {
                let message = message?;
                let info = message.info()?;
                let place = Place {
                    sequence: info.stream_sequence,
                    stored_at: Timestamp::from_nanosecond(info.published.unix_timestamp_nanos())?,
                    opening: self.openings,
                };
                let number = info.consumer_sequence;
                Ok::<_, Source>((message.message, place, number))
            });
            match placed {
                Some(Ok((message, place, number))) if number == open.number + 1 => {
                    open.number = number;
                    self.last = place.sequence;
                    return Tailed::Message(message, place);
                }
                Some(Ok(_)) => debug!(stream = self.stream, "messages are missing, reading again"),
                Some(Err(err)) => debug!(error = %err, stream = self.stream, "pull interrupted"),
                None => {}
            }
            self.open = None;
        }
    }

    /// Finds out how long the past is. Asked of the stream's leader, because the consumer may live
    /// with a replica that lags behind, and take its own end for the end.
    async fn measure(&mut self) {
        let measured = async {
            let end = self.bus.end_of(&self.stream).await?;
            let mut goal = 0;
            for filter in &self.filters {
                let last = self.bus.last_stored(&self.stream, filter).await?;
                goal = goal.max(last.map_or(0, |raw: Raw| raw.sequence));
            }
            Ok::<_, Error>(Replay::Until { end, goal })
        };
        match measured.await {
            Ok(replay) => self.replay = replay,
            Err(err) => self.pause(err.into()).await,
        }
    }

    async fn reopen(&mut self) {
        let deliver_policy = match self.start {
            Start::LastOfEach if self.last == 0 => DeliverPolicy::LastPerSubject,
            _ => DeliverPolicy::ByStartSequence {
                start_sequence: self.last + 1,
            },
        };
        let config = pull::Config {
            filter_subjects: self.filters.clone(),
            deliver_policy,
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let opened = async {
            let made = self
                .bus
                .jetstream
                .create_consumer_on_stream(config, &self.stream);
            let consumer = made.await.map_err(Source::from)?;
            open(consumer, BATCH, HEARTBEAT).await
        };
        match opened.await {
            Ok(messages) => {
                self.openings += 1;
                self.open = Some(Open {
                    messages,
                    number: 0,
                });
            }
            Err(err) => self.pause(err).await,
        }
    }

    async fn pause(&self, err: Source) {
        let stream = self.stream.as_str();
        warn!(
            error = &*err as &dyn std::error::Error,
            stream, "cannot read on, trying again"
        );
        time::sleep(Duration::from_millis(200).mul_f64(0.5 + random_share())).await;
    }
}
