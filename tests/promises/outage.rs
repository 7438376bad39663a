//! Half an hour without a store, in fifteen seconds.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use e2e::{Options, PATIENCE, Pipeline};
use futures::TryStreamExt;
use serde_json::json;
use testkit::{wait_for, wait_until};

const JOBS: usize = 2_000;
/// Stored before the store goes away.
const BEFORE: usize = 300;
const OUTAGE: Duration = Duration::from_secs(15);
/// As four hours are to half of one; the provider's links live for a day.
const LINKS_LIVE: Duration = Duration::from_secs(120);
/// Places of the provider account: what is under way when the store goes away is drawn all the same.
const PLACES: u32 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_an_hour_without_a_store_loses_nothing_and_buys_nothing() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let images = place.path().join("images");
    let pipeline = Pipeline::start(options(&images)).await?;
    ask(&pipeline).await?;
    wait_until(PATIENCE, "the first pictures", async || {
        count(&pipeline, "completed")
            .await
            .is_ok_and(|done| done >= BEFORE)
    })
    .await?;

    let away = place.path().join("away");
    std::fs::rename(&images, &away)?;
    // Where a file is, no folder can be made.
    std::fs::write(&images, "")?;
    let since = Instant::now();
    let quiet = wait_for(PATIENCE, "buying to stop", async || {
        let account = pipeline.desk.get("/v1/account").await.ok()?;
        (account["hold"] == "store" && account["inProgress"] == 0).then_some(())
    });
    quiet.await?;
    let bought = pipeline.provider.bill().len();
    println!(
        "bought {bought} of {JOBS} when buying stopped, {:?} after the store went",
        since.elapsed()
    );
    ensure!(bought < JOBS / 2, "{bought} were bought");
    wait_until(2 * OUTAGE, "the end of the outage", async || {
        assert_eq!(pipeline.provider.bill().len(), bought, "nothing more");
        since.elapsed() >= OUTAGE
    })
    .await?;
    let stored = count(&pipeline, "completed").await?;
    ensure!(stored < bought, "{stored} of {bought} are stored");

    std::fs::remove_file(&images)?;
    std::fs::rename(&away, &images)?;
    let back = Instant::now();
    wait_until(2 * PATIENCE, "all pictures", async || {
        count(&pipeline, "completed")
            .await
            .is_ok_and(|done| done == JOBS)
    })
    .await?;
    println!(
        "all were stored {:?} after the store came back",
        back.elapsed()
    );
    assert_eq!(count(&pipeline, "failed").await?, 0);
    assert_eq!(pipeline.provider.bill().len(), JOBS);
    let objects = std::fs::read_dir(images.join("generated"))?.count();
    assert_eq!(objects, JOBS, "one folder for each generation");
    pipeline.stop().await
}

fn options(images: &Path) -> Options {
    let mut options = Options::default()
        .unannounced()
        .env(
            "DARKROOM_STORAGE_URL",
            format!("file://{}", images.display()),
        )
        .env("DARKROOM_PROVIDER_LIMIT", PLACES.to_string())
        .env("DARKROOM_PROVIDER_POLLS_PER_SECOND", "1000");
    options.provider.link_lifetime = LINKS_LIVE;
    options.provider.max_in_flight = PLACES;
    options.provider.poll_limit = 10_000;
    options.provider.picture_pool = Some(8);
    options
}

/// Asks for all pictures; they wait at the door until their turn comes.
async fn ask(pipeline: &Pipeline) -> anyhow::Result<()> {
    let jetstream = &pipeline.broker.jetstream;
    let mut confirmed = Vec::with_capacity(JOBS);
    for n in 0..JOBS {
        let request = json!({ "prompt": format!("kite {n}"), "presets": [] });
        let sent = jetstream.publish("generation.requested", request.to_string().into());
        confirmed.push(sent.await?);
    }
    for confirmed in confirmed {
        confirmed.await?;
    }
    Ok(())
}

/// How many generations have come so far.
async fn count(pipeline: &Pipeline, name: &str) -> anyhow::Result<usize> {
    let events = pipeline.broker.jetstream.get_stream("EVENTS").await?;
    let subjects = events.info_with_subjects(format!("generation.{name}.*"));
    let subjects: Vec<(String, usize)> = subjects.await?.try_collect().await?;
    Ok(subjects.len())
}
