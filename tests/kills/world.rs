//! Three jobs, one death, and what must be true afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::{Context as _, ensure};
use e2e::{Desk, Options, PATIENCE, Pipeline};
use serde_json::{Value, json};
use testkit::{wait_for, wait_until};

const JOBS: usize = 3;

/// What the death may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Nothing: every job goes on.
    None,
    /// The job that was in the call is unknown, and was not bought.
    NotBought,
    /// The job that was in the call is unknown, and was bought.
    Bought,
}

/// Who asks for pictures.
struct Customer {
    desk: Desk,
    callback: String,
}

impl Customer {
    /// Asks for these kites, as often as it takes to get an answer: their names make it safe.
    async fn ask(&self, kites: Range<usize>) -> anyhow::Result<Vec<String>> {
        let mut ids = Vec::new();
        for n in kites {
            let request = json!({
                "prompt": format!("kite {n}"), "customId": format!("kite-{n}"),
                "presets": ["thumbnail"], "callbackUrl": self.callback,
            });
            let asked = wait_for(PATIENCE, "an answer", async || {
                let response = self.desk.send(&request).await.ok()?;
                let answer = response.status().is_success().then(|| response.text())?;
                serde_json::from_str::<Value>(&answer.await.ok()?).ok()
            });
            ids.push(asked.await?["id"].as_str().unwrap_or_default().to_owned());
        }
        Ok(ids)
    }
}

/// What the customer has heard: of each job, by the name of the event, its ids and bodies.
type Heard = BTreeMap<(String, String), BTreeSet<(String, Vec<u8>)>>;

/// Lets `service` die at `label` and checks every promise.
pub(crate) async fn survives(
    service: &'static str,
    label: &'static str,
    loss: Loss,
) -> anyhow::Result<()> {
    let mut pipeline = Pipeline::start(Options::processes(Some((service, label)))).await?;
    let customer = Customer {
        desk: pipeline.desk.clone(),
        callback: pipeline.customer.url().to_string(),
    };
    // Whoever is in the call when the generator dies may be unknown: there it shall be one job
    // alone, and the others come afterwards. Elsewhere all are on their way.
    let before = if service == "generator" { 1 } else { JOBS };
    let (mut ids, ()) = tokio::try_join!(customer.ask(0..before), pipeline.revive())?;
    ids.extend(customer.ask(before..JOBS).await?);

    let unknown = all_end(&pipeline, &ids).await?;
    let expected = usize::from(loss != Loss::None);
    ensure!(
        unknown.len() == expected,
        "{} jobs are unknown",
        unknown.len()
    );
    bill_is_right(&pipeline, &unknown, loss)?;
    customer_heard(&pipeline, &ids, &unknown).await?;
    ends_once(&pipeline, &ids, &unknown).await?;
    history_knows(&pipeline, &ids, &unknown).await?;
    pipeline.stop().await
}

/// Waits for all, and returns those of which nobody knows the end: id and prompt.
async fn all_end(pipeline: &Pipeline, ids: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let mut unknown = BTreeMap::new();
    for id in ids {
        let generation = pipeline.desk.end(id).await?;
        match generation["status"].as_str() {
            Some("ready") => {}
            Some("unknown") => {
                let prompt = generation["prompt"].as_str().unwrap_or_default();
                unknown.insert(id.clone(), prompt.to_owned());
            }
            _ => anyhow::bail!("lost: {generation}"),
        }
    }
    Ok(unknown)
}

fn bill_is_right(
    pipeline: &Pipeline,
    unknown: &BTreeMap<String, String>,
    loss: Loss,
) -> anyhow::Result<()> {
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for charge in pipeline.provider.bill() {
        *calls.entry(charge.prompt).or_default() += 1;
    }
    let free = |prompt: &String| loss == Loss::NotBought && unknown.values().any(|p| p == prompt);
    let all = (0..JOBS).map(|n| format!("kite {n}"));
    let expected = all.filter(|prompt| !free(prompt)).map(|prompt| (prompt, 1));
    assert_eq!(calls, expected.collect());
    Ok(())
}

/// Listens until the customer has heard everything, and fails if one piece of news came under two
/// ids or with two bodies.
async fn customer_heard(
    pipeline: &Pipeline,
    ids: &[String],
    unknown: &BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let names = |id: &String| match unknown.contains_key(id) {
        true => &["ideogram.generation.unknown"][..],
        false => &[
            "ideogram.generation.completed",
            "ideogram.image.ready",
            "ideogram.generation.ready",
        ],
    };
    let all = ids.iter().flat_map(|id| {
        let pair = |name: &&str| (id.clone(), (*name).to_owned());
        names(id).iter().map(pair).collect::<Vec<_>>()
    });
    let mut missing: BTreeSet<(String, String)> = all.collect();
    let mut heard = Heard::new();
    while !missing.is_empty() {
        let next = pipeline.customer.next(PATIENCE).await;
        let callback = next.with_context(|| format!("nobody told of {missing:?}"))?;
        let body = callback.json()?;
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let about = (text("jobId"), text("event"));
        let id = callback.header("webhook-id").unwrap_or_default().to_owned();
        missing.remove(&about);
        heard
            .entry(about)
            .or_default()
            .insert((id, callback.body.to_vec()));
    }
    for (about, copies) in heard {
        ensure!(
            copies.len() == 1,
            "{about:?} was told in {} ways",
            copies.len()
        );
    }
    Ok(())
}

async fn ends_once(
    pipeline: &Pipeline,
    ids: &[String],
    unknown: &BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let ends = pipeline.broker.ends().await?;
    for id in ids {
        let times = ends.iter().filter(|(_, ended)| ended == id).count();
        let expected = usize::from(!unknown.contains_key(id));
        ensure!(times == expected, "{id} has {times} ends: {ends:?}");
    }
    Ok(())
}

/// Waits until history has caught up: each job once, as it ended.
async fn history_knows(
    pipeline: &Pipeline,
    ids: &[String],
    unknown: &BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let status = |id: &String| match unknown.contains_key(id) {
        true => "unknown",
        false => "ready",
    };
    let expected: BTreeMap<String, String> = ids
        .iter()
        .map(|id| (id.clone(), status(id).to_owned()))
        .collect();
    let mut latest = Value::Null;
    let known = wait_until(PATIENCE, "history to catch up", async || {
        let page = pipeline.desk.get("/v1/generations?q=kite").await;
        latest = page.unwrap_or_default();
        let items = latest["items"].as_array().map_or(&[][..], Vec::as_slice);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let found = items
            .iter()
            .map(|item| (text(&item["id"]), text(&item["status"])));
        items.len() == expected.len() && found.collect::<BTreeMap<_, _>>() == expected
    });
    known.await.with_context(|| format!("it knows {latest}"))
}
