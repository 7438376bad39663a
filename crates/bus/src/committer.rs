//! Group commit: what is told at the same time is written down together.
//!
//! With `sync_interval: always` the server waits for the disk after every message. For an atomic batch
//! (ADR-50) it waits six times, however many are in it: it keeps a batch in files of its own until that
//! is complete, and then writes all of it at once (seen with strace, 2.15). The same guarantee, for a
//! fraction of the work. A batch is all or nothing, so if one of it is refused, each is told by itself,
//! which also finds out which one it was.
//!
//! The server compares the expectations of a batch with what is stored, and not with each other: two
//! entries that expect the same would both be taken. So no two in a batch are about the same thing.

use std::collections::HashSet;
use std::time::Duration;

use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::sync::{mpsc, oneshot};
use tokio::time;
use tracing::debug;

use crate::connection::fresh_token;

const BATCH_ID: &str = "Nats-Batch-Id";
const BATCH_SEQUENCE: &str = "Nats-Batch-Sequence";
const BATCH_COMMIT: &str = "Nats-Batch-Commit";

/// The most that is written together; the server takes 1,000.
const MOST: usize = 256;
/// How many bytes of bodies, so that others are not kept waiting.
const BYTES: usize = 1 << 20;
/// How long the server may take to confirm.
const ANSWER: Duration = Duration::from_secs(5);

/// Gathers messages of one stream. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Committer(mpsc::Sender<Told>);

/// One message, and who waits for its sequence. None: tell it by itself.
struct Told {
    subject: String,
    headers: HeaderMap,
    body: Bytes,
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

    /// The message's sequence; none if it has to be told by itself, because what it was told together
    /// with was refused or not confirmed.
    pub(crate) async fn write(
        &self,
        subject: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Option<u64> {
        let (written, sequence) = oneshot::channel();
        let told = Told {
            subject: subject.to_owned(),
            headers,
            body,
            written,
        };
        self.0.send(told).await.ok()?;
        sequence.await.ok()?
    }
}

/// What arrives while a batch is on its way is the next batch: nobody waits for company.
async fn gather(client: Client, mut told: mpsc::Receiver<Told>) {
    let mut waiting: Option<Told> = None;
    let mut batch = Vec::new();
    let mut about = HashSet::new();
    loop {
        let first = match waiting.take() {
            Some(first) => first,
            None => match told.recv().await {
                Some(first) => first,
                None => return,
            },
        };
        let mut bytes = first.body.len();
        about.insert(first.about().to_owned());
        batch.push(first);
        // Others that are ready to speak may do so first.
        tokio::task::yield_now().await;
        while batch.len() < MOST && bytes < BYTES {
            let Ok(next) = told.try_recv() else { break };
            if !about.insert(next.about().to_owned()) {
                waiting = Some(next);
                break;
            }
            bytes += next.body.len();
            batch.push(next);
        }
        about.clear();
        commit(&client, &mut batch).await;
    }
}

impl Told {
    /// The thing it is about: the last token of its subject, and of what it expects.
    fn about(&self) -> &str {
        self.subject.rsplit('.').next().unwrap_or_default()
    }
}

/// Writes the batch and tells everybody in it.
async fn commit(client: &Client, batch: &mut Vec<Told>) {
    let first = send(client, batch).await;
    for (place, told) in (0..).zip(batch.drain(..)) {
        // Whoever asked may have gone.
        told.written.send(first.map(|first| first + place)).ok();
    }
}

/// The sequence of the first message; none if nothing is known to be written.
async fn send(client: &Client, batch: &mut [Told]) -> Option<u64> {
    let count = batch.len() as u64;
    if count > 1 {
        let id = fresh_token();
        for (place, told) in (1_u64..).zip(batch.iter_mut()) {
            told.headers.insert(BATCH_ID, id.as_ref());
            told.headers
                .insert(BATCH_SEQUENCE, place.to_string().as_str());
        }
    }
    let (last, others) = batch.split_last_mut()?;
    for told in others {
        let headers = std::mem::take(&mut told.headers);
        let sent = client.publish_with_headers(told.subject.clone(), headers, told.body.clone());
        sent.await.ok()?;
    }
    let mut headers = std::mem::take(&mut last.headers);
    if count > 1 {
        headers.insert(BATCH_COMMIT, "1");
    }
    let request = client.request_with_headers(last.subject.clone(), headers, last.body.clone());
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
