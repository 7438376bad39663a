use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use anyhow::ensure;
use jiff::Timestamp;
use serde_json::Value;
use testkit::{wait_for, wait_until};

use crate::{Customer, PATIENCE, Pipeline, Stored};

/// What must be true of a pipeline that has come to rest, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Audit {
    /// Requests.
    pub jobs: usize,
    /// Those that ended with a picture.
    pub ready: usize,
    /// Those of which nobody knows the end, and that were not bought.
    pub not_bought: usize,
    /// Those of which nobody knows the end, and that were bought.
    pub bought: usize,
    /// Those of which nobody knew the end at some time: the ledger says so.
    pub doubted: usize,
    /// Paid calls, by the provider's bill.
    pub calls: usize,
    /// Callbacks that came more often than once, each with the same id and body.
    pub repeated: usize,
    /// Objects in the store that no request leads to.
    pub orphans: usize,
    /// What may not be, whatever happened.
    pub violations: Vec<String>,
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} jobs, {} ready, {} paid calls, {} doubted of which {} unknown and free, {} unknown \
             and bought, {} callbacks repeated, {} orphans, {} violations",
            self.jobs,
            self.ready,
            self.calls,
            self.doubted,
            self.not_bought,
            self.bought,
            self.repeated,
            self.orphans,
            self.violations.len()
        )
    }
}

/// A request and how it ended.
#[derive(Debug)]
struct Outcome {
    id: String,
    prompt: String,
    generation: Value,
}

impl Outcome {
    fn status(&self) -> &str {
        self.generation["status"].as_str().unwrap_or_default()
    }
}

impl Audit {
    /// Waits until everything that was asked for has come to rest, and looks at the bill, the ledger,
    /// the store, the history and at what the customer heard.
    ///
    /// # Errors
    ///
    /// If it cannot look.
    pub async fn of(pipeline: &Pipeline, customer: &Customer) -> anyhow::Result<Self> {
        let mut audit = Self::default();
        let outcomes = audit.outcomes(pipeline, customer).await?;
        let entries = pipeline.broker.entries().await?;
        audit.count(pipeline, &outcomes);
        audit.check_calls(pipeline, &outcomes, &entries)?;
        audit.check_ends(&outcomes, &entries);
        audit.check_news(customer, &outcomes, &entries).await;
        audit.check_store(pipeline, &outcomes)?;
        audit.check_history(pipeline, &outcomes).await;
        Ok(audit)
    }

    /// Adds the figures of another one.
    pub fn add(&mut self, other: Self) {
        self.jobs += other.jobs;
        self.ready += other.ready;
        self.not_bought += other.not_bought;
        self.bought += other.bought;
        self.doubted += other.doubted;
        self.calls += other.calls;
        self.repeated += other.repeated;
        self.orphans += other.orphans;
        self.violations.extend(other.violations);
    }

    /// Fails if something is wrong.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn passed(&self) -> anyhow::Result<()> {
        let list = self.violations.join("\n");
        ensure!(self.violations.is_empty(), "{self}\n{list}");
        Ok(())
    }

    /// Waits for all. What was bought and is unknown is waited for too: the provider may announce it.
    async fn outcomes(
        &mut self,
        pipeline: &Pipeline,
        customer: &Customer,
    ) -> anyhow::Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        for (prompt, id) in customer.orders()? {
            let path = format!("/v1/generations/{id}");
            let mut generation = Value::Null;
            let limit = if self.violations.is_empty() {
                PATIENCE
            } else {
                PATIENCE / 10
            };
            let end = wait_until(limit, "an end", async || {
                generation = pipeline.desk.get(&path).await.unwrap_or_default();
                match generation["status"].as_str() {
                    Some("ready" | "failed") => true,
                    Some("unknown") => !pipeline.announces() || !is_billed(pipeline, &prompt),
                    _ => false,
                }
            });
            // How it stands is judged below.
            end.await.ok();
            let outcome = Outcome {
                id,
                prompt,
                generation,
            };
            if !matches!(outcome.status(), "ready" | "unknown") {
                self.violations
                    .push(format!("lost: {}", outcome.generation));
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    fn count(&mut self, pipeline: &Pipeline, outcomes: &[Outcome]) {
        let are = |status: &str| {
            let status = status.to_owned();
            outcomes
                .iter()
                .filter(move |outcome| outcome.status() == status)
        };
        self.jobs = outcomes.len();
        self.ready = are("ready").count();
        let (bought, not_bought) =
            are("unknown").partition::<Vec<_>, _>(|outcome| is_billed(pipeline, &outcome.prompt));
        (self.bought, self.not_bought) = (bought.len(), not_bought.len());
    }

    /// Nothing is bought that the ledger did not know of before, and nothing twice.
    fn check_calls(
        &mut self,
        pipeline: &Pipeline,
        outcomes: &[Outcome],
        entries: &[(Timestamp, Stored)],
    ) -> anyhow::Result<()> {
        let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
        let bill = pipeline.provider.bill();
        self.calls = bill.len();
        for charge in &bill {
            let at: Timestamp = charge.at.parse()?;
            let number = calls.entry(&charge.prompt).or_default();
            *number += 1;
            let id = outcomes
                .iter()
                .find(|outcome| outcome.prompt == charge.prompt);
            let subject = format!(
                "generation.calling.{}",
                id.map_or("", |outcome| &outcome.id)
            );
            let announced = entries
                .iter()
                .filter(|(stored, entry)| entry.subject == subject && *stored <= at);
            if announced.count() < *number {
                let what = format!("a call that the ledger did not know of: {charge:?}");
                self.violations.push(what);
            }
        }
        for outcome in outcomes {
            let times = calls.get(outcome.prompt.as_str()).copied().unwrap_or(0);
            // One in doubt is not repeated unless the customer says so, and this one does not.
            if times > 1 || (times == 0 && outcome.status() == "ready") {
                let what = format!("{} was bought {times} times", outcome.id);
                self.violations.push(what);
            }
        }
        Ok(())
    }

    /// What has an end has one, and only what is unknown has none.
    fn check_ends(&mut self, outcomes: &[Outcome], entries: &[(Timestamp, Stored)]) {
        let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, entry) in entries {
            let end = entry.subject.strip_prefix("generation.completed.");
            let end = end.or_else(|| entry.subject.strip_prefix("generation.failed."));
            *ends.entry(end.unwrap_or_default()).or_default() += 1;
        }
        for outcome in outcomes {
            let times = ends.get(outcome.id.as_str()).copied().unwrap_or(0);
            if times != usize::from(outcome.status() != "unknown") {
                let what = format!("{} has {times} ends: {}", outcome.id, outcome.status());
                self.violations.push(what);
            }
        }
    }

    /// The customer hears everything, each piece under one id.
    async fn check_news(
        &mut self,
        customer: &Customer,
        outcomes: &[Outcome],
        entries: &[(Timestamp, Stored)],
    ) {
        let doubted = |(_, entry): &(Timestamp, Stored)| {
            let id = entry.subject.strip_prefix("generation.unknown.")?;
            Some(id.to_owned())
        };
        let doubted: BTreeSet<String> = entries.iter().filter_map(doubted).collect();
        self.doubted = doubted.len();
        let mut expected = BTreeSet::new();
        for outcome in outcomes {
            let mut expect = |event: &str| {
                expected.insert((outcome.id.clone(), event.to_owned()));
            };
            if doubted.contains(&outcome.id) {
                expect("ideogram.generation.unknown");
            }
            if outcome.status() == "ready" {
                expect("ideogram.generation.completed");
                expect("ideogram.image.ready");
                expect("ideogram.generation.ready");
            }
        }
        let (repeated, wrong) = customer.heard(&expected).await;
        self.repeated = repeated;
        self.violations.extend(wrong);
    }

    /// Whatever lies in the store belongs to somebody, and is whole.
    fn check_store(&mut self, pipeline: &Pipeline, outcomes: &[Outcome]) -> anyhow::Result<()> {
        let mut kept = BTreeSet::new();
        objects(&pipeline.images(), "", &mut kept)?;
        let mut known = BTreeSet::new();
        for outcome in outcomes {
            for image in list(&outcome.generation["images"]) {
                known.extend(key(image));
                known.extend(list(&image["derivatives"]).iter().filter_map(key));
            }
        }
        for lost in known.difference(&kept) {
            self.violations.push(format!("not in the store: {lost}"));
        }
        let is_beside = |file: &&String| described(file).is_some_and(|key| known.contains(&key));
        for orphan in kept.difference(&known).filter(|file| !is_beside(file)) {
            self.orphans += 1;
            self.violations.push(format!("nobody's: {orphan}"));
        }
        Ok(())
    }

    /// Waits until history has caught up: each request once, as it ended.
    async fn check_history(&mut self, pipeline: &Pipeline, outcomes: &[Outcome]) {
        let expected = outcomes
            .iter()
            .map(|outcome| (outcome.id.clone(), outcome.status().to_owned()));
        let mut expected: Vec<(String, String)> = expected.collect();
        expected.sort_unstable();
        let mut latest = Vec::new();
        let known = wait_for(PATIENCE, "history to catch up", async || {
            latest = history(pipeline).await.ok()?;
            (latest == expected).then_some(())
        });
        if known.await.is_err() {
            latest.retain(|known| !expected.contains(known));
            let what = format!("history knows otherwise: {latest:?}");
            self.violations.push(what);
        }
    }
}

fn is_billed(pipeline: &Pipeline, prompt: &str) -> bool {
    let bill = pipeline.provider.bill();
    bill.iter().any(|charge| charge.prompt == prompt)
}

/// Everything that history knows: generation and status, sorted.
async fn history(pipeline: &Pipeline) -> anyhow::Result<Vec<(String, String)>> {
    let (mut known, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/generations?campaign=kites&limit=200&cursor={cursor}");
        let page = pipeline.desk.get(&path).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let items = list(&page["items"]).iter();
        known.extend(items.map(|item| (text(&item["id"]), text(&item["status"]))));
        cursor = text(&page["nextCursor"]);
        if cursor.is_empty() {
            known.sort_unstable();
            return Ok(known);
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The object behind the `url` of a picture.
fn key(picture: &Value) -> Option<String> {
    let (_, key) = picture["url"].as_str()?.split_once("/assets/")?;
    Some(key.to_owned())
}

/// The object whose metadata are in `file`, if they are.
fn described(file: &str) -> Option<String> {
    let (folder, name) = file.rsplit_once('/')?;
    let object = name.strip_prefix('.')?.strip_suffix(".meta.json")?;
    Some(format!("{folder}/{object}"))
}

/// Adds what lies below `folder`, as keys. What was never finished is under another name, and so is
/// the mark of the store itself.
fn objects(folder: &Path, prefix: &str, keys: &mut BTreeSet<String>) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            objects(&entry.path(), &format!("{key}/"), keys)?;
        } else if !key.contains('#') && !key.starts_with('.') {
            keys.insert(key);
        }
    }
    Ok(())
}
