use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use testkit::{Received, Receiver, wait_for, wait_until};
use tokio::task::JoinHandle;

use crate::{Desk, PATIENCE, Pipeline};

/// Requests on their way to the door at once.
const AT_ONCE: usize = 8;
/// Longer than any test lasts.
const FOREVER: Duration = Duration::from_secs(3600);

/// What was heard: of each generation, by the name of the event, the id and body of every callback.
type Heard = BTreeMap<(String, String), Vec<(String, Vec<u8>)>>;

/// A customer who gives every request a name, asks as often as it takes to get an answer, and
/// listens.
#[derive(Debug)]
pub struct Customer {
    desk: Desk,
    callback: String,
    /// By prompt, the name under which we serve it, if that was answered.
    asked: BTreeMap<String, Option<String>>,
    heard: Arc<Mutex<Heard>>,
    listener: JoinHandle<()>,
}

impl Customer {
    /// A customer of that pipeline, who hears everything from now on.
    pub fn of(pipeline: &Pipeline) -> Self {
        let receiver = Arc::clone(&pipeline.customer);
        let heard = Arc::default();
        let listener = listen(receiver, Arc::clone(&heard));
        Self {
            desk: pipeline.desk.clone(),
            callback: pipeline.customer.url().to_string(),
            asked: BTreeMap::new(),
            heard,
            listener: tokio::spawn(listener),
        }
    }

    /// Asks for `count` more pictures.
    ///
    /// # Errors
    ///
    /// If an answer takes longer than [`PATIENCE`].
    pub async fn ask(&mut self, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            let prompt = format!("kite {}", self.asked.len());
            self.asked.insert(prompt, None);
        }
        self.insist().await
    }

    /// Asks for `count` pictures, and for as many again when these are done; never ends well.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn ask_on(&mut self, count: usize) -> anyhow::Result<()> {
        loop {
            self.ask(count).await?;
            self.all_end().await?;
        }
    }

    /// Asks again for everything that was not answered.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn insist(&mut self) -> anyhow::Result<()> {
        let open = |(prompt, id): (&String, &Option<String>)| id.is_none().then(|| prompt.clone());
        let open: Vec<String> = self.asked.iter().filter_map(open).collect();
        let this = &*self;
        let answered = stream::iter(open)
            .map(async |prompt| anyhow::Ok((this.order(&prompt).await?, prompt)))
            .buffer_unordered(AT_ONCE);
        let answered: Vec<(String, String)> = answered.try_collect().await?;
        for (id, prompt) in answered {
            self.asked.insert(prompt, Some(id));
        }
        Ok(())
    }

    async fn order(&self, prompt: &str) -> anyhow::Result<String> {
        let request = json!({
            "prompt": prompt, "customId": prompt.replace(' ', "-"), "campaign": "kites",
            "presets": ["thumbnail"], "callbackUrl": self.callback,
        });
        let mut latest = String::new();
        let answer = wait_for(PATIENCE, "an answer", async || {
            let response = self.desk.send(&request).await.ok()?;
            let served = response.status().is_success();
            latest = response.text().await.ok()?;
            served.then(|| serde_json::from_str::<Value>(&latest).ok())?
        });
        let answer = answer.await;
        let answer = answer.with_context(|| format!("the last one was {latest}"))?;
        let id = answer["id"].as_str().context("an answer without an id")?;
        Ok(id.to_owned())
    }

    /// Waits until nothing more will happen to what was asked for, or nobody knows what has.
    ///
    /// # Errors
    ///
    /// If it takes longer than [`PATIENCE`] for one of them.
    pub async fn all_end(&self) -> anyhow::Result<()> {
        for id in self.asked.values().flatten() {
            self.desk.end(id).await?;
        }
        Ok(())
    }

    /// What was asked for: prompt and generation.
    ///
    /// # Errors
    ///
    /// If something was not answered.
    pub fn orders(&self) -> anyhow::Result<Vec<(String, String)>> {
        let unanswered = self.asked.values().filter(|id| id.is_none()).count();
        ensure!(unanswered == 0, "{unanswered} requests have no answer");
        let known = |(prompt, id): (&String, &Option<String>)| Some((prompt.clone(), id.clone()?));
        Ok(self.asked.iter().filter_map(known).collect())
    }

    /// Waits until the customer has heard all of `expected`: generation and event. Returns how many
    /// callbacks were repeated, and what is wrong: what was never heard, and what was heard under two
    /// ids or in two ways.
    pub async fn heard(&self, expected: &BTreeSet<(String, String)>) -> (usize, Vec<String>) {
        let unheard = || {
            let heard = self.known();
            let unheard = expected.iter().filter(|about| !heard.contains_key(about));
            unheard.cloned().collect::<Vec<_>>()
        };
        // What is missing after that is what we return.
        wait_until(PATIENCE, "all callbacks", async || unheard().is_empty())
            .await
            .ok();
        let unheard = unheard();
        let untold = unheard
            .iter()
            .map(|(id, event)| format!("the customer was not told of {event} of {id}"));
        let mut wrong: Vec<String> = untold.collect();
        let heard = self.known();
        for ((id, event), copies) in heard.iter() {
            let ways = copies.iter().collect::<BTreeSet<_>>().len();
            if ways > 1 {
                wrong.push(format!("{event} of {id} was told in {ways} ways"));
            }
        }
        (heard.values().map(|copies| copies.len() - 1).sum(), wrong)
    }

    fn known(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Customer {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn listen(receiver: Arc<Receiver>, heard: Arc<Mutex<Heard>>) {
    while let Ok(callback) = receiver.next(FOREVER).await {
        let (about, copy) = read(&callback);
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.entry(about).or_default().push(copy);
    }
}

fn read(callback: &Received) -> ((String, String), (String, Vec<u8>)) {
    let body = callback.json().unwrap_or_default();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let id = callback.header("webhook-id").unwrap_or_default().to_owned();
    ((text("jobId"), text("event")), (id, callback.body.to_vec()))
}
