//! Group commit: what is told at the same time is written down together.
//!
//! With `sync_interval: always` the server waits for the disk after every message. For an atomic batch
//! (ADR-50) it waits six times, however many are in it: it keeps a batch in files of its own until that
//! is complete, and then writes all of it at once (seen with strace, 2.15). The same guarantee, for a
//! fraction of the work. A batch is all or nothing, so if one of it is refused, each is told by itself,
//! which also finds out which one it was. What was handed in as one stays in one batch.
//!
//! The server compares the expectations of a batch with what is stored, and not with each other: two
//! entries that expect the same would both be taken. So no two in a batch are about the same thing.

use std::collections::HashSet;
use std::time::Duration;

use async_nats::{Client, HeaderMap, HeaderName};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::sync::{mpsc, oneshot};
use tokio::time;
use tracing::debug;

use crate::connection::fresh_token;

const BATCH_ID: HeaderName = HeaderName::from_static("Nats-Batch-Id");
const BATCH_SEQUENCE: HeaderName = HeaderName::from_static("Nats-Batch-Sequence");
const BATCH_COMMIT: HeaderName = HeaderName::from_static("Nats-Batch-Commit");

/// The most that is written together; the server takes 1,000.
const MOST: usize = 256;
/// How many bytes of bodies, so that others are not kept waiting.
const BYTES: usize = 1 << 20;
/// How long the next batch waits for company after one in which more than [`SIBLINGS`] had a part. Who
/// is alone, or nearly, is not kept waiting; in `make bench-orchestration` a batch holds half as many
/// again, for nine tenths of the CPU in all. PostgreSQL calls these two `commit_delay` and
/// `commit_siblings`.
const DELAY: Duration = Duration::from_millis(10);
const SIBLINGS: usize = 4;
/// How long the server may take to confirm.
const ANSWER: Duration = Duration::from_secs(5);

/// Gathers messages of one stream. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Committer(mpsc::Sender<Told>);

/// A message to write.
pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Messages that are written as one, and who waits for the sequence of the first. None: tell them one
/// by one.
struct Told {
    messages: Vec<Message>,
    written: oneshot::Sender<Option<u64>>,
}

/// The server's answer. A refusal has a sequence, too: 0.
#[derive(Deserialize)]
struct Committed {
    error: Option<IgnoredAny>,
    /// The sequence of the last message.
    seq: u64,
    /// How many were written, if it was a batch.
    count: Option<u64>,
}

impl Committer {
    /// Ends with the last of its clones.
    pub(crate) fn start(client: Client) -> Self {
        let (sender, told) = mpsc::channel(MOST);
        tokio::spawn(gather(client, told));
        Self(sender)
    }

    /// Writes the messages, in this order and with none in between, all or none of them, and returns
    /// the sequence of the first; none if they have to be told one by one, because what they were told
    /// together with was refused or not confirmed.
    pub(crate) async fn write(&self, messages: Vec<Message>) -> Option<u64> {
        let about: HashSet<_> = messages.iter().map(Message::about).collect();
        if messages.len() > MOST || about.len() < messages.len() {
            return None;
        }
        let (written, sequence) = oneshot::channel();
        self.0.send(Told { messages, written }).await.ok()?;
        sequence.await.ok()?
    }
}

/// What arrives while a batch is on its way is the next batch.
async fn gather(client: Client, mut told: mpsc::Receiver<Told>) {
    let mut waiting: Option<Told> = None;
    let mut batch = Batch::default();
    let mut siblings = 0;
    loop {
        let first = match waiting.take() {
            Some(first) => first,
            None => match told.recv().await {
                Some(first) => first,
                None => return,
            },
        };
        batch.add(first);
        if siblings > SIBLINGS {
            time::sleep(DELAY).await;
        } else {
            // Others that are ready to speak may do so first.
            tokio::task::yield_now().await;
        }
        while batch.messages.len() < MOST && batch.bytes < BYTES {
            let Ok(next) = told.try_recv() else { break };
            if batch.is_about_any(&next) {
                waiting = Some(next);
                break;
            }
            batch.add(next);
        }
        siblings = batch.waiting.len();
        batch.commit(&client).await;
    }
}

impl Message {
    /// The thing it is about: the last token of its subject, and of what it expects.
    fn about(&self) -> &str {
        self.subject.rsplit('.').next().unwrap_or_default()
    }
}

/// What is written together.
#[derive(Default)]
struct Batch {
    messages: Vec<Message>,
    /// Who waits for how many of them.
    waiting: Vec<(usize, oneshot::Sender<Option<u64>>)>,
    about: HashSet<String>,
    bytes: usize,
}

impl Batch {
    fn is_about_any(&self, told: &Told) -> bool {
        let mut about = told.messages.iter().map(Message::about);
        about.any(|about| self.about.contains(about))
    }

    fn add(&mut self, told: Told) {
        self.waiting.push((told.messages.len(), told.written));
        for message in told.messages {
            self.bytes += message.body.len();
            self.about.insert(message.about().to_owned());
            self.messages.push(message);
        }
    }

    /// Writes all of it and tells everybody.
    async fn commit(&mut self, client: &Client) {
        let mut next = send(client, &mut self.messages).await;
        for (count, written) in self.waiting.drain(..) {
            // Whoever asked may have gone.
            written.send(next).ok();
            next = next.map(|sequence| sequence + count as u64);
        }
        self.messages.clear();
        self.about.clear();
        self.bytes = 0;
    }
}

/// Writes the messages. The sequence of the first; none if nothing is known to be written.
async fn send(client: &Client, messages: &mut Vec<Message>) -> Option<u64> {
    let count = messages.len() as u64;
    if count > 1 {
        let id = fresh_token();
        for (place, message) in (1_u64..).zip(messages.iter_mut()) {
            message.headers.insert(BATCH_ID, id.as_ref());
            message.headers.insert(BATCH_SEQUENCE, place.to_string());
        }
    }
    let mut last = messages.pop()?;
    for message in messages.drain(..) {
        let sent = client.publish_with_headers(message.subject, message.headers, message.body);
        sent.await.ok()?;
    }
    if count > 1 {
        last.headers.insert(BATCH_COMMIT, "1");
    }
    let request = client.request_with_headers(last.subject, last.headers, last.body);
    let answer = time::timeout(ANSWER, request).await.ok()?.ok()?;
    match serde_json::from_slice::<Committed>(&answer.payload) {
        Ok(Committed {
            error: None,
            seq,
            count: written,
        }) if written.unwrap_or(1) == count => (seq + 1).checked_sub(count),
        _ => {
            let answer = String::from_utf8_lossy(&answer.payload);
            debug!(%answer, count, "not written together");
            None
        }
    }
}
