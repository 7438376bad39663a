//! The picture host.

use ideogram_sim::{Config, Picture};
use serde_json::json;

use crate::harness::{HOUR, Rig, V45};

#[tokio::test]
async fn links_expire_after_a_day() -> anyhow::Result<()> {
    let rig = Rig::start(Config::default()).await?;
    let url = rig
        .post(V45, json!({ "prompt": "a kite", "size": "512x1536" }))
        .await?;
    assert_eq!(url.status, 400, "not a size of 4.5");
    let answer = rig.post(V45, json!({ "prompt": "a kite" })).await?;
    let url = answer.text_at("/data/0/url")?;

    assert!(url.starts_with(&rig.sim.images_url()) && rig.sim.images_url() != rig.sim.api_url());
    assert_eq!(rig.download(&url).await?.0, 200);
    rig.sim.advance_clock(HOUR * 24);
    assert_eq!(rig.download(&url).await?.0, 403);

    let fresh = rig.poll(&answer.text_at("/generation_id")?).await?;
    assert_eq!(
        rig.download(&fresh.text_at("/data/0/url")?).await?.0,
        403,
        "polling gives no new life"
    );
    Ok(())
}

#[tokio::test]
async fn a_link_opens_one_picture_until_one_time() -> anyhow::Result<()> {
    let rig = Rig::start(Config {
        picture: Picture::Tiny,
        ..Config::default()
    })
    .await?;
    let answer = rig
        .post(V45, json!({ "prompt": "a kite", "num_images": 2 }))
        .await?;
    let (first, second) = (
        answer.text_at("/data/0/url")?,
        answer.text_at("/data/1/url")?,
    );
    let (path, query) = first.split_once('?').unwrap_or_default();
    let (other, _) = second.split_once('?').unwrap_or_default();
    let (_, sig) = query.split_once("sig=").unwrap_or_default();

    assert_eq!(rig.download(&first).await?.0, 200);
    for forged in [
        path.to_owned(),
        format!("{path}?exp=99999999999&sig={sig}"),
        format!("{path}?exp=soon&sig={sig}"),
        format!("{other}?{query}"),
        first.replace("sig=", "sig=zz"),
    ] {
        assert_eq!(rig.download(&forged).await?.0, 403, "{forged}");
    }
    Ok(())
}

#[tokio::test]
async fn pictures_are_drawn_again_to_the_same_bytes() -> anyhow::Result<()> {
    let rig = Rig::start(Config {
        picture_cache: 0,
        ..Config::default()
    })
    .await?;
    let answer = rig
        .post(
            V45,
            json!({ "prompt": "a kite", "num_images": 2, "seed": 1 }),
        )
        .await?;
    let (first, second) = (
        answer.text_at("/data/0/url")?,
        answer.text_at("/data/1/url")?,
    );

    let (one, again, other) = (
        rig.download(&first).await?.2,
        rig.download(&first).await?.2,
        rig.download(&second).await?.2,
    );

    assert_eq!(one, again);
    assert_ne!(one, other);
    assert!(
        (1_100_000..2_100_000).contains(&one.len()),
        "{} bytes",
        one.len()
    );
    assert_eq!(rig.sim.state().drawn, 3, "nothing was kept");
    let marks = b"Software\0darkroom simulator";
    assert!(one.windows(marks.len()).any(|window| window == marks));
    Ok(())
}

#[tokio::test]
async fn tiny_pictures_are_small_and_drawn_once_a_size() -> anyhow::Result<()> {
    let rig = Rig::start(Config {
        picture: Picture::Tiny,
        ..Config::default()
    })
    .await?;

    let answer = rig
        .post(
            V45,
            json!({ "prompt": "a kite", "num_images": 4, "size": "2048x2048" }),
        )
        .await?;
    for index in 0..4 {
        assert_eq!(
            rig.pixels(&answer.text_at(&format!("/data/{index}/url"))?)
                .await?,
            (64, 64)
        );
    }

    assert_eq!(answer.json["data"][0]["resolution"], "64x64", "the truth");
    assert_eq!((rig.sim.state().downloads, rig.sim.state().drawn), (4, 1));
    Ok(())
}

#[tokio::test]
async fn a_pool_is_drawn_before_the_first_request() -> anyhow::Result<()> {
    let rig = Rig::start(Config {
        picture_pool: Some(3),
        ..Config::default()
    })
    .await?;

    let answer = rig
        .post(
            V45,
            json!({ "prompt": "a kite", "num_images": 8, "seed": 1 }),
        )
        .await?;
    let mut pictures = std::collections::BTreeSet::new();
    for index in 0..8 {
        pictures.insert(
            rig.download(&answer.text_at(&format!("/data/{index}/url"))?)
                .await?
                .2,
        );
    }

    assert!(
        (2..=3).contains(&pictures.len()),
        "{} pictures",
        pictures.len()
    );
    assert_eq!((rig.sim.state().downloads, rig.sim.state().drawn), (8, 0));
    Ok(())
}

#[tokio::test]
async fn default_agents_and_keys_at_the_picture_host_are_noticed() -> anyhow::Result<()> {
    let config = Config {
        picture: Picture::Tiny,
        refuse_default_agents: true,
        ..Config::default()
    };
    let rig = Rig::start(config).await?;
    let url = rig
        .post(V45, json!({ "prompt": "a kite" }))
        .await?
        .text_at("/data/0/url")?;

    let python = rig
        .http
        .get(&url)
        .header("user-agent", "Python-urllib/3.12")
        .send()
        .await?;
    let leaky = rig.http.get(&url).header("Api-Key", "k").send().await?;

    assert_eq!(
        (python.status().as_u16(), leaky.status().as_u16()),
        (403, 200)
    );
    assert_eq!(rig.sim.state().leaked_keys, 1);
    Ok(())
}

#[tokio::test]
async fn links_carry_the_public_address() -> anyhow::Result<()> {
    let named = Rig::start(Config {
        public_host: Some("sim.darkroom".to_owned()),
        ..Config::default()
    })
    .await?;
    let mapped = Rig::start(Config {
        images_public_url: Some("https://pictures.test/".to_owned()),
        ..Config::default()
    })
    .await?;

    assert!(named.sim.images_url().starts_with("http://sim.darkroom:"));
    let url = mapped
        .post(V45, json!({ "prompt": "a kite" }))
        .await?
        .text_at("/data/0/url")?;
    assert!(
        url.starts_with("https://pictures.test/api/images/ephemeral/"),
        "{url}"
    );
    Ok(())
}
