//! A real S3 server: what others see of our objects, and what we see of its outages.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use reqwest::{Client, Method, header::HeaderMap};
use storage::{Error, Meta, Put, Store};
use testkit::S3Server;

use crate::key;

const TTL: Duration = Duration::from_secs(900);

fn open(server: &S3Server, secret: Option<&str>) -> anyhow::Result<Store> {
    let env = server.env();
    let store = Store::open("s3://images/prod", |name| {
        if let ("AWS_SECRET_ACCESS_KEY", Some(secret)) = (name, secret) {
            return Some(secret.to_owned());
        }
        let found = env.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| value.clone())
    });
    Ok(store?)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> anyhow::Result<&'a str> {
    let value = headers.get(name).with_context(|| name.to_owned())?;
    Ok(value.to_str()?)
}

#[tokio::test]
async fn others_see_what_an_object_is() -> anyhow::Result<()> {
    let server = S3Server::start().await?;
    let (store, key) = (open(&server, None)?, key()?);
    let mut meta = Meta::new();
    meta.set("generation", "gen_1")?;
    let put = store.put_new_with(&key, Bytes::from_static(b"pixels"), &meta);
    put.await?;

    let stranger = Client::builder().no_proxy().build()?;
    let link = store.presign_get(&key, TTL).await?.context("no link")?;
    let mut bare = link.clone();
    bare.set_query(None);

    let refused = stranger.get(bare).send().await?;
    assert_eq!(refused.status(), 403);
    let shown = stranger.get(link).send().await?.error_for_status()?;
    let headers = shown.headers().clone();
    assert_eq!(shown.bytes().await?, "pixels");
    assert_eq!(header(&headers, "content-type")?, "image/png");
    assert_eq!(header(&headers, "x-amz-meta-generation")?, "gen_1");
    let cache = header(&headers, "cache-control")?;
    assert_eq!(cache, "public, max-age=31536000, immutable");
    Ok(())
}

#[tokio::test]
async fn nobody_else_overwrites_what_others_have_put() -> anyhow::Result<()> {
    let server = S3Server::start().await?;
    let store = open(&server, None)?;
    let path = format!("/images/prod/{}", key()?);
    let put = server.send(Method::PUT, &path, "theirs").await?;
    assert_eq!(put.status(), 200);

    let different = store.put_new(&key()?, Bytes::from_static(b"pixels")).await;
    let same = store
        .put_new(&key()?, Bytes::from_static(b"theirs"))
        .await?;

    assert!(
        matches!(different, Err(Error::Different { .. })),
        "{different:?}"
    );
    assert_eq!(same, Put::AlreadyThere);
    let kept = server.send(Method::GET, &path, "").await?;
    assert_eq!(kept.text().await?, "theirs");
    Ok(())
}

#[tokio::test]
async fn an_outage_passes() -> anyhow::Result<()> {
    let mut server = S3Server::start().await?;
    let store = open(&server, None)?;
    store.check_writable().await?;
    store
        .put_new(&key()?, Bytes::from_static(b"pixels"))
        .await?;

    server.kill().await?;
    for err in [
        store.health(0).await.err(),
        store.get(&key()?).await.err(),
        store.delete(&key()?).await.err(),
    ] {
        let err = err.context("nobody is there to answer")?;
        assert!(
            matches!(err, Error::Failed { .. } | Error::Timeout { .. }),
            "{err:?}"
        );
    }
    server.restart().await?;

    store.health(0).await?;
    assert_eq!(store.get(&key()?).await?.as_deref(), Some(&b"pixels"[..]));
    Ok(())
}

#[tokio::test]
async fn a_wrong_secret_is_a_refusal() -> anyhow::Result<()> {
    let server = S3Server::start().await?;
    let store = open(&server, Some("wrong"))?;

    let health = store.health(0).await;

    assert!(matches!(health, Err(Error::Refused { .. })), "{health:?}");
    Ok(())
}
