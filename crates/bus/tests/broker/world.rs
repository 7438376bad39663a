//! A broker, a bus on it, workers that do what a test says, and a look from outside.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::consumer;
use async_nats::jetstream::message::StreamMessage;
use bus::{
    Bus, Config, Delivery, Emit, Error, Fault, Handler, Inbound, Lost, Policy, Source, Stage, Step,
    Topology,
};
use futures::future::BoxFuture;
use testkit::{NatsServer, wait_until};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes on a machine that is busy with other things.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Few attempts, a moment apart.
pub(crate) const POLICY: Policy = Policy {
    concurrency: 4,
    attempts: 3,
    limit: Duration::from_secs(10),
    pause: Duration::from_millis(50),
    ack_wait: Duration::from_secs(30),
};

pub(crate) struct World {
    pub(crate) server: NatsServer,
    pub(crate) bus: Bus,
    /// Not ours: what an operator sees with the `nats` tool.
    pub(crate) outside: jetstream::Context,
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::of(Topology::from(1)).await
    }

    /// One that gives a silent worker's messages to others sooner than in production.
    pub(crate) async fn impatient(ack_wait: Duration) -> anyhow::Result<Self> {
        let replicas = 1;
        Self::of(Topology { replicas, ack_wait }).await
    }

    async fn of(topology: Topology) -> anyhow::Result<Self> {
        let server = NatsServer::start().await?;
        let bus = Bus::connect(&Config::plain(server.url(), "test")).await?;
        bus::provision(&bus, topology).await?;
        let outside = jetstream::new(server.client().await?);
        Ok(Self {
            server,
            bus,
            outside,
        })
    }

    /// All messages of a stream, oldest first.
    pub(crate) async fn messages(&self, stream: &str) -> anyhow::Result<Vec<StreamMessage>> {
        let stream = self.outside.get_stream(stream).await?;
        let state = &stream.cached_info().state;
        let mut messages = Vec::new();
        for sequence in state.first_sequence..=state.last_sequence {
            if let Ok(message) = stream.get_raw_message(sequence).await {
                messages.push(message);
            }
        }
        Ok(messages)
    }

    pub(crate) async fn consumer(
        &self,
        stream: &str,
        name: &str,
    ) -> anyhow::Result<consumer::Info> {
        let stream = self.outside.get_stream_no_info(stream).await?;
        Ok(stream.consumer_info(name).await?)
    }

    /// Waits until a consumer has `delivered` messages behind it and none is open.
    pub(crate) async fn settled(
        &self,
        stream: &str,
        name: &str,
        delivered: u64,
    ) -> anyhow::Result<()> {
        let what = format!("`{name}` to have settled {delivered}");
        wait_until(LIMIT, &what, async || {
            self.consumer(stream, name).await.is_ok_and(|info| {
                info.delivered.consumer_sequence >= delivered
                    && info.num_ack_pending == 0
                    && info.num_pending == 0
            })
        })
        .await
    }
}

type Act<In> = Box<dyn Fn(In, Delivery) -> BoxFuture<'static, Result<Step, Fault>> + Send + Sync>;
type Said = Result<Vec<Emit>, Source>;
type LastWords<In> = Box<dyn Fn(Lost<In>) -> BoxFuture<'static, Said> + Send + Sync>;

/// A handler that does what the test says.
pub(crate) struct Script<In> {
    act: Act<In>,
    last_words: LastWords<In>,
}

impl<In: Inbound> Script<In> {
    pub(crate) fn new<F: Future<Output = Result<Step, Fault>> + Send + 'static>(
        act: impl Fn(In, Delivery) -> F + Send + Sync + 'static,
    ) -> Self {
        Self {
            act: Box::new(move |input, delivery| Box::pin(act(input, delivery))),
            last_words: Box::new(|_| Box::pin(async { Ok(Vec::new()) })),
        }
    }

    pub(crate) fn giving_up<F: Future<Output = Said> + Send + 'static>(
        mut self,
        last_words: impl Fn(Lost<In>) -> F + Send + Sync + 'static,
    ) -> Self {
        self.last_words = Box::new(move |lost| Box::pin(last_words(lost)));
        self
    }
}

impl<In: Inbound> Handler<In> for Script<In> {
    async fn handle(&self, input: In, delivery: &Delivery) -> Result<Step, Fault> {
        (self.act)(input, delivery.clone()).await
    }

    async fn give_up(&self, lost: Lost<In>) -> Said {
        (self.last_words)(lost).await
    }
}

/// A worker in a task of its own, which ends with the test.
pub(crate) struct Running {
    pub(crate) shutdown: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Running {
    pub(crate) fn start<In: Inbound>(
        bus: &Bus,
        stage: Stage,
        policy: Policy,
        handler: impl Handler<In>,
    ) -> Self {
        let shutdown = CancellationToken::new();
        let worker = bus::Worker::new(bus.clone(), stage, policy, handler);
        let task = tokio::spawn(worker.run(shutdown.clone()));
        Self { shutdown, task }
    }

    pub(crate) fn spawn(
        shutdown: CancellationToken,
        work: impl Future<Output = Result<(), Error>> + Send + 'static,
    ) -> Self {
        Self {
            shutdown,
            task: tokio::spawn(work),
        }
    }

    /// For futures that stay on their thread; within a [`tokio::task::LocalSet`].
    pub(crate) fn spawn_local(
        shutdown: CancellationToken,
        work: impl Future<Output = Result<(), Error>> + 'static,
    ) -> Self {
        Self {
            shutdown,
            task: tokio::task::spawn_local(work),
        }
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> anyhow::Result<Result<(), Error>> {
        Ok(timeout(LIMIT, &mut self.task).await??)
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        Ok(self.ended().await??)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The next thing a handler told the test.
pub(crate) async fn next<T>(told: &mut UnboundedReceiver<T>) -> anyhow::Result<T> {
    let next = timeout(LIMIT, told.recv()).await?;
    next.ok_or_else(|| anyhow::anyhow!("nobody is left who could tell"))
}

pub(crate) fn header<'a>(message: &'a StreamMessage, name: &str) -> Option<&'a str> {
    message
        .headers
        .get(name)
        .map(async_nats::HeaderValue::as_str)
}
