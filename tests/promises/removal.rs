//! A deletion stays: whoever is in the middle of cutting, storing or telling a picture that is to go,
//! nothing of it comes back.

use std::path::Path;
use std::time::Duration;

use e2e::{Options, PATIENCE, Pipeline};
use futures::future::try_join_all;
use serde_json::{Value, json};
use testkit::{wait_for, wait_until};

/// Pictures that are removed before, while and after they are cut.
const RACES: u64 = 200;
/// At a time.
const AT_ONCE: u64 = 20;
/// The moments are spread over this long, which cutting takes on an idle machine.
const SPREAD: Duration = Duration::from_millis(400);

/// Has the first picture of a generation removed, as the historian does.
async fn expire(pipeline: &Pipeline, id: &str, image: &str) -> anyhow::Result<()> {
    let expired = json!({
        "id": id, "tenant": "default", "image": image, "reason": "erasure",
        "at": jiff::Timestamp::now().to_string(),
    });
    let subject = format!("asset.expired.{image}");
    let headers = [
        ("ce-type", "asset.expired"),
        ("Content-Type", "application/json"),
    ];
    let broker = &pipeline.broker;
    broker
        .publish_as(&subject, &headers, expired.to_string())
        .await
}

/// The first picture, as soon as it is stored.
async fn stored(pipeline: &Pipeline, id: &str) -> anyhow::Result<String> {
    wait_for(PATIENCE, "the picture", async || {
        let subject = format!("generation.completed.{id}");
        let events = pipeline.broker.jetstream.get_stream("EVENTS").await.ok()?;
        let message = events
            .get_last_raw_message_by_subject(&subject)
            .await
            .ok()?;
        let event: Value = serde_json::from_slice(&message.payload).ok()?;
        Some(event["images"][0]["id"].as_str()?.to_owned())
    })
    .await
}

/// The first picture in the history, once it is deleted and its generation is ready.
async fn deleted(pipeline: &Pipeline, id: &str) -> anyhow::Result<Value> {
    wait_for(PATIENCE, "the picture to be gone", async || {
        let generation = pipeline
            .desk
            .get(&format!("/v1/generations/{id}"))
            .await
            .ok()?;
        let image = generation["images"][0].clone();
        let is_gone = image["state"] == "deleted" && generation["status"] == "ready";
        is_gone.then_some(image)
    })
    .await
}

/// Whether nobody has anything to do about pictures.
async fn is_quiet(pipeline: &Pipeline) -> anyhow::Result<bool> {
    let jetstream = &pipeline.broker.jetstream;
    let events = jetstream.get_stream("EVENTS").await?;
    for name in ["upload", "process", "delete"] {
        let info = events.consumer_info(name).await?;
        if info.num_pending + info.num_ack_pending as u64 > 0 {
            return Ok(false);
        }
    }
    let work = jetstream.get_stream("WORK").await?;
    Ok(work.cached_info().state.messages == 0)
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.path() {
            path if path.is_dir() => files(&path),
            _ => 1,
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_pictures_that_are_removed_while_they_are_cut_stay_away() -> anyhow::Result<()>
{
    let pipeline = Pipeline::start(Options::default()).await?;
    let presets = ["thumbnail", "instagram"];
    for round in 0..RACES / AT_ONCE {
        let races = (0..AT_ONCE).map(async |race| {
            let prompt = format!("kite {round} {race}");
            let request = json!({ "prompt": prompt, "presets": presets });
            let accepted = pipeline.desk.post(&request).await?;
            let id = accepted["id"].as_str().unwrap_or_default().to_owned();
            let image = stored(&pipeline, &id).await?;
            // The moment is what is tested, so that it is not waited for but spread.
            let moment = SPREAD.mul_f64(race as f64 / AT_ONCE as f64);
            tokio::time::sleep(moment).await;
            expire(&pipeline, &id, &image).await?;
            let image = deleted(&pipeline, &id).await?;
            assert_eq!(
                (&image["url"], &image["derivatives"]),
                (&json!(null), &json!([]))
            );
            anyhow::Ok(())
        });
        try_join_all(races).await?;
    }
    // Whoever is late has done what is to be done when nothing is left to do.
    wait_until(PATIENCE, "everybody to be done", async || {
        is_quiet(&pipeline).await.unwrap_or(false)
    })
    .await?;

    let left = ["generated", "derived"].map(|kind| files(&pipeline.images().join(kind)));
    assert_eq!(left, [0, 0]);
    let events = pipeline.broker.events().await?;
    let told = |name: &str| {
        events
            .iter()
            .filter(|event| event.subject.starts_with(name))
            .count()
    };
    assert_eq!(told("asset.deleted."), RACES as usize);
    assert_eq!(told("generation.ready."), RACES as usize);
    // Of both orders there were some: those that were told as cut, and those that never were.
    let cut = told("image.ready.");
    assert!((1..RACES as usize).contains(&cut), "{cut} were cut before");
    // After its removal, nothing is told of a picture.
    for event in events
        .iter()
        .filter(|event| event.subject.starts_with("image."))
    {
        let removed = format!("asset.expired.{}", event.about());
        let place = |subject: &str| events.iter().position(|event| event.subject == subject);
        assert!(place(&event.subject) < place(&removed), "{}", event.subject);
    }
    pipeline.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_that_was_handed_out_twice_is_deleted_for_each_by_itself() -> anyhow::Result<()> {
    let pipeline = Pipeline::start(Options::default()).await?;
    for owner_first in [true, false] {
        let request = |policy: &str| {
            let prompt = format!("one kite for two, {owner_first}");
            json!({ "prompt": prompt, "onDuplicate": policy, "presets": ["thumbnail"] })
        };
        let bought = pipeline.desk.post(&request("warn")).await?;
        let bought = bought["id"].as_str().unwrap_or_default().to_owned();
        pipeline.desk.end(&bought).await?;
        let reused = pipeline.desk.post(&request("reuse")).await?;
        let reused = reused["id"].as_str().unwrap_or_default().to_owned();
        let handed_out = pipeline.desk.end(&reused).await?;
        assert_eq!(handed_out["duplicateOf"], json!(bought));

        let (first, second) = match owner_first {
            true => (bought, reused),
            false => (reused, bought),
        };
        let image = stored(&pipeline, &first).await?;
        expire(&pipeline, &first, &image).await?;
        deleted(&pipeline, &first).await?;
        let kept = pipeline
            .desk
            .get(&format!("/v1/generations/{second}"))
            .await?;
        let image = &kept["images"][0];
        assert_eq!(image["state"], "ready");
        let links = image["derivatives"].as_array().into_iter().flatten();
        for link in links.map(|cut| &cut["url"]).chain([&image["url"]]) {
            assert!(!pipeline.desk.download(link).await?.is_empty(), "{link}");
        }

        let image = stored(&pipeline, &second).await?;
        expire(&pipeline, &second, &image).await?;
        deleted(&pipeline, &second).await?;
        let left = ["generated", "derived"].map(|kind| files(&pipeline.images().join(kind)));
        assert_eq!(left, [0, 0]);
    }
    pipeline.stop().await
}
