//! Taking messages from a consumer, telling the server what became of them, and giving back what
//! was not begun.

use std::time::Duration;

use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use async_nats::jetstream::{AckKind, Message};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::time;
use tracing::{debug, warn};

use crate::incoming::Raw;
use crate::policy::random_share;
use crate::stage::Feed;
use crate::{Bus, Error, Source};

/// How long the server may take to confirm an acknowledgement.
const CONFIRMATION: Duration = Duration::from_secs(5);
/// A pull waits this long for messages.
const EXPIRES: Duration = Duration::from_secs(30);
/// Silence on a pull after which it is made anew: after a restart of the server a client may wait
/// for messages that nobody will send.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Messages on their way to a handler.
pub(crate) type Deliveries = stream::BoxStream<'static, Result<Message, Error>>;

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
    pub(crate) async fn deliveries(&self, feed: &Feed, batch: usize) -> Result<Deliveries, Error> {
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
pub(crate) fn is_missing(source: &Source) -> bool {
    // The server's answer is in the kind, and not among the causes.
    source.downcast_ref::<ConsumerError>().is_some_and(
        |err| matches!(err.kind(), ConsumerErrorKind::JetStream(err) if err.code() == 404),
    )
}

/// Takes out of a message what it says. What is left of it can be acknowledged.
pub(crate) fn raw(message: &mut Message, feed: &Feed) -> Result<Raw, Source> {
    let info = message.info()?;
    let (sequence, published) = (info.stream_sequence, info.published);
    Ok(Raw {
        subject: message.subject.to_string(),
        payload: std::mem::take(&mut message.message.payload),
        sequence,
        stored_at: Timestamp::from_nanosecond(published.unix_timestamp_nanos())?,
        stream: feed.stream.to_owned(),
        headers: message.message.headers.take().unwrap_or_default(),
    })
}

/// Gives back what was delivered and not begun, of at most three halves of `batch`, so that others
/// need not wait until we are taken for dead.
pub(crate) async fn hand_back(mut deliveries: Deliveries, batch: usize) {
    let mut unbegun = Vec::new();
    while unbegun.len() <= 2 * batch.max(1)
        && let Some(Some(Ok(message))) = deliveries.next().now_or_never()
    {
        unbegun.push(message);
    }
    // First the subscription ends: else they would come straight back to us.
    drop(deliveries);
    for message in unbegun {
        if let Err(err) = message.ack_with(AckKind::Nak(None)).await {
            debug!(error = %err, "not handed back, others wait for it");
        }
    }
}
