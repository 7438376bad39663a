//! A worker for readers in order: takes what is there, up to a bound, and acknowledges it as one.

use std::pin::pin;
use std::time::Duration;

use domain::Event;
use futures::StreamExt;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::error::Source;
use crate::incoming::{Inbound, Raw};
use crate::{Bus, Entry, Error, Stage, metrics};

/// Messages handled as one, at the most.
const CHUNK: usize = 256;
/// The longest pause before a failed chunk is tried again. It is held all the while: order matters.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long messages are left to gather after a chunk: a commit costs the same for one as for many,
/// and the first one after a silence is taken at once.
const GATHERING: Duration = Duration::from_millis(100);
const LIMIT: Duration = Duration::from_secs(60);

/// Writes events down in the order in which they happened.
pub trait BatchHandler: Send + Sync + 'static {
    /// Writes `entries` down, all or none. Entries may come twice.
    ///
    /// # Errors
    ///
    /// Whatever went wrong; the same entries are handed in again until it succeeds.
    fn handle(&self, entries: &[Entry]) -> impl Future<Output = Result<(), Source>> + Send;
}

/// Feeds one batch handler from the consumer of one stage.
#[derive(Debug)]
pub struct BatchWorker<H> {
    bus: Bus,
    stage: Stage,
    handler: H,
}

impl<H: BatchHandler> BatchWorker<H> {
    /// A worker for `stage`.
    pub const fn new(bus: Bus, stage: Stage, handler: H) -> Self {
        Self {
            bus,
            stage,
            handler,
        }
    }

    /// Works until `shutdown`.
    ///
    /// # Errors
    ///
    /// [`Error::Provision`] if the consumer is missing, [`Error::Gone`] if it disappears.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        for feed in self.stage.feeds() {
            let deliveries = self.bus.deliveries(feed, 2 * CHUNK).await?;
            let mut chunks = pin!(
                deliveries
                    .take_until(shutdown.cancelled())
                    .ready_chunks(CHUNK)
            );
            while let Some(chunk) = chunks.next().await {
                let messages = chunk.into_iter().collect::<Result<Vec<_>, Error>>()?;
                self.settle(&messages, feed, &shutdown).await;
                shutdown.run_until_cancelled(time::sleep(GATHERING)).await;
            }
            if !shutdown.is_cancelled() {
                return Err(Error::Gone(feed.consumer));
            }
        }
        Ok(())
    }

    async fn settle(
        &self,
        messages: &[async_nats::jetstream::Message],
        feed: &crate::stage::Feed,
        shutdown: &CancellationToken,
    ) {
        let mut entries = Vec::with_capacity(messages.len());
        for message in messages {
            match crate::pull::raw(message, feed) {
                Ok(raw) => entries.extend(self.read(&raw).await),
                Err(err) => error!(error = %err, "a message without a place in a stream"),
            }
        }
        let mut pause = Duration::from_millis(100);
        while let Err(err) = self.attempt(&entries).await {
            error!(
                error = &*err as &dyn std::error::Error,
                "not written down, trying again"
            );
            metrics::SETTLED
                .with_label_values(&[self.stage.name(), "retries"])
                .inc();
            tokio::select! {
                () = time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = shutdown.cancelled() => return,
            }
        }
        // Acknowledges all before it too.
        let Some(last) = messages.last() else { return };
        if let Err(err) = self.bus.acknowledge(last, feed.consumer).await {
            warn!(
                error = &err as &dyn std::error::Error,
                "written down, but comes again"
            );
        }
        let done = metrics::SETTLED.with_label_values(&[self.stage.name(), "done"]);
        done.inc_by(messages.len() as u64);
    }

    async fn attempt(&self, entries: &[Entry]) -> Result<(), Source> {
        time::timeout(LIMIT, self.handler.handle(entries)).await?
    }

    /// Reads an event. What is none is put aside, and the others go on.
    async fn read(&self, raw: &Raw) -> Option<Entry> {
        match Event::read(raw) {
            Ok(event) => Some(Entry {
                sequence: raw.sequence,
                event,
                traceparent: raw.traceparent(),
            }),
            Err(err) => {
                error!(error = %err, subject = raw.subject, "not an event of ours, put aside");
                let reason = err.to_string();
                let buried = self.bus.bury(self.stage, raw, raw.sequence, &reason);
                if let Err(err) = buried.await {
                    error!(error = &err as &dyn std::error::Error, "not even put aside");
                }
                None
            }
        }
    }
}
