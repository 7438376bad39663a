use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::consumer::{Consumer, IntoConsumerConfig, pull};
use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{HeaderMap, Subscriber};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde_json::Value;
use testkit::NatsServer;
use tokio::time::timeout;

use crate::PATIENCE;

/// How long the server waits for a worker that has died. Ours are provisioned with 30 s.
const ACK_WAIT: Duration = Duration::from_secs(2);

/// NATS as somebody else's program sees it: subjects, headers, bytes.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Core NATS.
    pub client: async_nats::Client,
    /// JetStream.
    pub jetstream: jetstream::Context,
}

/// A message in a stream, or on its way from one.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Where it was published.
    pub subject: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; `null` if that is not JSON.
    pub body: Value,
}

impl Stored {
    /// The last token of the subject: what it is about.
    pub fn about(&self) -> &str {
        self.subject.rsplit('.').next().unwrap_or_default()
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.as_str())
    }
}

impl From<async_nats::Message> for Stored {
    fn from(message: async_nats::Message) -> Self {
        Self {
            subject: message.subject.to_string(),
            headers: message.headers.unwrap_or_default(),
            body: serde_json::from_slice(&message.payload).unwrap_or_default(),
        }
    }
}

impl Broker {
    pub(crate) async fn connect(nats: &NatsServer) -> anyhow::Result<Self> {
        let client = nats.client().await?;
        let jetstream = ContextBuilder::new()
            .timeout(PATIENCE)
            .ack_timeout(PATIENCE)
            .build(client.clone());
        Ok(Self { client, jetstream })
    }

    /// Lets the server redeliver after two seconds of silence what a dead worker held.
    pub(crate) async fn hurry(&self) -> anyhow::Result<()> {
        for name in ["INTAKE", "EVENTS", "WORK"] {
            let stream = self.jetstream.get_stream(name).await?;
            let consumers: Vec<_> = stream.consumers().try_collect().await?;
            for consumer in consumers {
                let config = consumer.config.into_consumer_config();
                let config = jetstream::consumer::Config {
                    ack_wait: ACK_WAIT,
                    ..config
                };
                stream.create_consumer(config).await?;
            }
        }
        Ok(())
    }

    /// `nats pub SUBJECT BODY`: nobody says whether it arrived.
    ///
    /// # Errors
    ///
    /// If the server is away, or the body larger than it takes.
    pub async fn publish(&self, subject: &str, body: impl Into<Vec<u8>>) -> anyhow::Result<()> {
        self.publish_as(subject, &[], body).await
    }

    /// [`publish`](Self::publish) with headers.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn publish_as(
        &self,
        subject: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> anyhow::Result<()> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, *value);
        }
        let subject = subject.to_owned();
        self.client
            .publish_with_headers(subject, map, body.into().into())
            .await?;
        self.client.flush().await?;
        Ok(())
    }

    /// `nats sub SUBJECT`.
    ///
    /// # Errors
    ///
    /// If the server is away.
    pub async fn subscribe(&self, subject: &str) -> anyhow::Result<News> {
        let subscriber = self.client.subscribe(subject.to_owned()).await?;
        self.client.flush().await?;
        Ok(News(subscriber))
    }

    /// A durable consumer of EVENTS, from the first message on.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub async fn durable(
        &self,
        name: &str,
        filter: &str,
    ) -> anyhow::Result<Consumer<pull::Config>> {
        let config = pull::Config {
            durable_name: Some(name.to_owned()),
            filter_subject: filter.to_owned(),
            ..pull::Config::default()
        };
        let stream = self.jetstream.get_stream("EVENTS").await?;
        Ok(stream.create_consumer(config).await?)
    }

    /// Everything that EVENTS holds, oldest first.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub async fn events(&self) -> anyhow::Result<Vec<Stored>> {
        let entries = self.entries().await?;
        Ok(entries.into_iter().map(|(_, event)| event).collect())
    }

    /// Everything that EVENTS holds, oldest first, and when the server stored it.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub async fn entries(&self) -> anyhow::Result<Vec<(Timestamp, Stored)>> {
        let stream = self.jetstream.get_stream("EVENTS").await?;
        let state = &stream.cached_info().state;
        let mut entries = Vec::new();
        // That of a stream in which nothing ever was is 0, which no message has.
        for sequence in state.first_sequence.max(1)..=state.last_sequence {
            let message = stream.get_raw_message(sequence).await?;
            let at = Timestamp::from_nanosecond(message.time.unix_timestamp_nanos())?;
            let event = Stored {
                subject: message.subject.to_string(),
                headers: message.headers,
                body: serde_json::from_slice(&message.payload).unwrap_or_default(),
            };
            entries.push((at, event));
        }
        Ok(entries)
    }

    /// The ends that the log knows, by name: `completed` or `failed`, and the generation.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub async fn ends(&self) -> anyhow::Result<Vec<(String, String)>> {
        let events = self.events().await?;
        let end = |event: &Stored| {
            let (name, id) = event.subject.strip_prefix("generation.")?.split_once('.')?;
            matches!(name, "completed" | "failed").then(|| (name.to_owned(), id.to_owned()))
        };
        Ok(events.iter().filter_map(end).collect())
    }

    /// The subjects of all messages in `stream`.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub async fn subjects(&self, stream: &str) -> anyhow::Result<Vec<String>> {
        let stream = self.jetstream.get_stream(stream).await?;
        let subjects = stream.info_with_subjects(">").await?;
        let subjects: Vec<(String, usize)> = subjects.try_collect().await?;
        Ok(subjects.into_iter().map(|(subject, _)| subject).collect())
    }

    /// The value of a key in a bucket.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn value(&self, bucket: &str, key: &str) -> anyhow::Result<String> {
        let bucket = self.jetstream.get_key_value(bucket).await?;
        let value = bucket
            .get(key)
            .await?
            .with_context(|| format!("no `{key}`"))?;
        Ok(String::from_utf8(value.to_vec())?)
    }
}

/// What a subscription brings.
#[derive(Debug)]
pub struct News(Subscriber);

impl News {
    /// The next message.
    ///
    /// # Errors
    ///
    /// If none comes within [`PATIENCE`].
    pub async fn next(&mut self) -> anyhow::Result<Stored> {
        let next = timeout(PATIENCE, self.0.next()).await;
        let message = next.context("no news")?.context("the connection ended")?;
        Ok(message.into())
    }

    /// The next message about `id`.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn about(&mut self, id: &str) -> anyhow::Result<Stored> {
        loop {
            let news = self.next().await?;
            if news.header("ce-subject") == id {
                return Ok(news);
            }
        }
    }
}
