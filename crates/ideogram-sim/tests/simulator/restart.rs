//! What a journal carries over a restart.

use std::io::Write;

use ideogram_sim::{Config, JobStatus, Picture};

use crate::harness::{Form, Rig, gradient, png};

#[tokio::test]
async fn a_restarted_simulator_knows_its_jobs_and_its_links() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let journal = folder.path().join("journal");
    let config = Config {
        journal: Some(journal.clone()),
        picture: Picture::Tiny,
        ..Config::default()
    };

    let rig = Rig::start(config.clone()).await?;
    let id = rig.submit("a kite").await?;
    let keys = rig.get("/v1/.well-known/jwks.json").await?.json;
    let url = rig.poll(&id).await?.text_at("/data/0/url")?;
    let images = rig.sim.images_url();
    rig.sim.stop().await;
    std::fs::OpenOptions::new()
        .append(true)
        .open(&journal)?
        .write_all(b"{\"id\":[1,2")?;
    let rig = Rig::start(config.clone()).await?;

    assert_eq!(
        rig.sim
            .bill()
            .iter()
            .map(|charge| (charge.id.as_str(), charge.status))
            .collect::<Vec<_>>(),
        [(id.as_str(), JobStatus::Completed)]
    );
    assert_eq!(rig.get("/v1/.well-known/jwks.json").await?.json, keys);
    assert_eq!(
        rig.download(&url.replace(&images, &rig.sim.images_url()))
            .await?
            .0,
        200,
        "old links still open"
    );
    rig.submit("another kite").await?;
    rig.sim.stop().await;
    assert_eq!(
        Rig::start(config).await?.sim.bill().len(),
        2,
        "the cut line did not spoil the next one"
    );
    Ok(())
}

#[tokio::test]
async fn a_damaged_journal_is_named() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let journal = folder.path().join("journal");
    std::fs::write(&journal, "something else\n")?;

    let Err(err) = Rig::start(Config {
        journal: Some(journal.clone()),
        ..Config::default()
    })
    .await
    else {
        anyhow::bail!("started");
    };

    assert!(
        format!("{err:#}").contains(&journal.display().to_string()),
        "{err:#}"
    );
    assert_eq!(
        std::fs::read_to_string(&journal)?,
        "something else\n",
        "left as it was"
    );
    Ok(())
}

#[tokio::test]
async fn a_restarted_simulator_still_has_what_was_sent_along() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let config = Config {
        journal: Some(folder.path().join("journal")),
        ..Config::default()
    };

    let rig = Rig::start(config.clone()).await?;
    let form = Form::default()
        .text("upscale_factor", "x2")
        .file("image", &png(&gradient())?);
    let answer = rig.send("/v2/image/upscale/auto", form).await?;
    let url = answer.text_at("/data/0/url")?;
    let (_, _, before) = rig.download(&url).await?;
    let images = rig.sim.images_url();
    rig.sim.stop().await;
    let rig = Rig::start(config).await?;
    let (status, _, after) = rig
        .download(&url.replace(&images, &rig.sim.images_url()))
        .await?;

    assert_eq!((status, before == after), (200, true));
    Ok(())
}
