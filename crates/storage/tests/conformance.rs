//! What every store promises, checked on memory, a folder and a real S3 server.

use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures::{TryStreamExt, future::join_all};
use storage::{Error, Key, Meta, Put, Store};
use tempfile::TempDir;
use testkit::S3Server;

const SHA: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn key(id: &str) -> anyhow::Result<Key> {
    Ok(Key::generated(&id, 0, SHA, "png")?)
}

fn no_env(_: &str) -> Option<String> {
    None
}

fn local(folder: &TempDir) -> anyhow::Result<Store> {
    let url = format!("file://{}/made/on/demand", folder.path().display());
    Ok(Store::open(&url, no_env)?)
}

async fn conformance(store: &Store) -> anyhow::Result<()> {
    is_writable_at_every_start(store).await?;
    is_healthy(store).await?;
    keeps_what_was_put(store).await?;
    keeps_what_is_beside(store).await?;
    never_overwrites(store).await?;
    reads_ranges(store).await?;
    forgets_what_was_deleted(store).await?;
    deletes_what_is_named_and_no_more(store).await?;
    settles_a_race_of_equals(store).await?;
    settles_a_race_of_rivals(store).await?;
    survives_puts_against_deletes(store).await?;
    refuses_what_is_too_large(store).await
}

async fn is_writable_at_every_start(store: &Store) -> anyhow::Result<()> {
    for _ in 0..3 {
        store.check_writable().await?;
    }
    Ok(())
}

async fn is_healthy(store: &Store) -> anyhow::Result<()> {
    let healths = join_all((0..8).map(|_| store.health(1))).await;

    for health in healths {
        health?;
    }
    Ok(())
}

async fn keeps_what_was_put(store: &Store) -> anyhow::Result<()> {
    let key = key("kept")?;
    assert_eq!(store.head(&key).await?, None);
    assert_eq!(store.get(&key).await?, None);
    assert!(store.open_object(&key, None).await?.is_none());

    assert_eq!(
        store.put_new(&key, Bytes::from_static(b"pixels")).await?,
        Put::Created
    );

    assert_eq!(store.get(&key).await?.as_deref(), Some(&b"pixels"[..]));
    let head = store.head(&key).await?.context("no head")?;
    assert_eq!(head.size, 6);
    assert!(head.etag.is_some_and(|etag| etag.starts_with('"')));
    assert!(head.meta.is_empty());
    Ok(())
}

async fn keeps_what_is_beside(store: &Store) -> anyhow::Result<()> {
    let key = key("described")?;
    let mut meta = Meta::new();
    for (name, value) in [
        ("generation", "gen_01jd"),
        ("campaign", "  Frühling 100 %\r\n„グリーン“ 🌱 %41 "),
        ("sha256", SHA),
        ("prompt", &"a red kite over dunes, ".repeat(80)),
    ] {
        meta.set(name, value)?;
    }
    let mut other = Meta::new();
    other.set("generation", "another")?;

    let put = store.put_new_with(&key, Bytes::from_static(b"pixels"), &meta);
    assert_eq!(put.await?, Put::Created);
    let put = store.put_new_with(&key, Bytes::from_static(b"pixels"), &other);
    assert_eq!(put.await?, Put::AlreadyThere);

    let head = store.head(&key).await?.context("no head")?;
    assert_eq!((head.size, &head.meta), (6, &meta));

    assert!(store.delete(&key).await?);
    store.put_new(&key, Bytes::from_static(b"pixels")).await?;
    let head = store.head(&key).await?.context("no head")?;
    assert!(head.meta.is_empty(), "{:?}", head.meta);
    Ok(())
}

async fn never_overwrites(store: &Store) -> anyhow::Result<()> {
    let key = key("once")?;
    store.put_new(&key, Bytes::from_static(b"first")).await?;

    let same = store.put_new(&key, Bytes::from_static(b"first")).await?;
    assert_eq!(same, Put::AlreadyThere);
    for other in ["FIRST", "longer than the first", ""] {
        let refused = store.put_new(&key, Bytes::from(other)).await;

        ensure!(
            matches!(&refused, Err(err @ Error::Different { .. }) if err.is_permanent()),
            "{other:?}: {refused:?}"
        );
    }
    assert_eq!(store.get(&key).await?.as_deref(), Some(&b"first"[..]));
    Ok(())
}

async fn reads_ranges(store: &Store) -> anyhow::Result<()> {
    let (key, empty) = (key("ranges")?, key("empty")?);
    let bytes: Bytes = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    store.put_new(&key, bytes.clone()).await?;
    store.put_new(&empty, Bytes::new()).await?;

    for (asked, given) in [
        (None, 0..400_000),
        (Some(0..1), 0..1),
        (Some(100_001..300_003), 100_001..300_003),
        (Some(399_999..u64::MAX), 399_999..400_000),
    ] {
        let object = store.open_object(&key, asked).await?.context("no object")?;

        assert_eq!((object.size, object.range), (400_000, given.clone()));
        let pieces: Vec<Bytes> = object.stream.try_collect().await?;
        assert_eq!(
            pieces.concat(),
            bytes.slice(given.start as usize..given.end as usize)
        );
    }
    for asked in [400_000..400_001, 7..7, u64::MAX - 1..u64::MAX] {
        let refused = store.open_object(&key, Some(asked)).await;

        ensure!(
            matches!(refused, Err(Error::OutOfRange { size: 400_000, .. })),
            "{refused:?}"
        );
    }
    let object = store
        .open_object(&empty, None)
        .await?
        .context("no object")?;
    assert_eq!(object.stream.try_collect::<Vec<_>>().await?.concat(), b"");
    Ok(())
}

async fn forgets_what_was_deleted(store: &Store) -> anyhow::Result<()> {
    let key = key("deleted")?;
    store.put_new(&key, Bytes::from_static(b"a")).await?;

    assert!(store.delete(&key).await?);
    assert!(!store.delete(&key).await?);

    assert_eq!(store.get(&key).await?, None);
    assert_eq!(
        store.put_new(&key, Bytes::from_static(b"b")).await?,
        Put::Created
    );
    Ok(())
}

async fn deletes_what_is_named_and_no_more(store: &Store) -> anyhow::Result<()> {
    let keys: Vec<Key> = (0..20)
        .map(|n| Ok(Key::parse(&format!("derived/many/{n}.png"))?))
        .collect::<anyhow::Result<_>>()?;
    for key in keys.iter().step_by(2) {
        store.put_new(key, Bytes::from_static(b"cut")).await?;
    }
    let spared = Key::parse("derived/many/0.png.webp")?;
    store
        .put_new(&spared, Bytes::from_static(b"spared"))
        .await?;

    let deleted = store.delete_all(&keys).await?;
    assert!(deleted.iter().eq(keys.iter().step_by(2)), "{deleted:?}");
    assert_eq!(store.delete_all(&keys).await?, []);

    for key in &keys {
        assert_eq!(store.head(key).await?, None);
    }
    assert_eq!(store.get(&spared).await?.as_deref(), Some(&b"spared"[..]));
    Ok(())
}

async fn settles_a_race_of_equals(store: &Store) -> anyhow::Result<()> {
    let key = key("equals")?;
    let bytes = Bytes::from(vec![7; 300_000]);

    let outcomes = join_all((0..50).map(|_| store.put_new(&key, bytes.clone()))).await;

    let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let n_created = outcomes.iter().filter(|put| **put == Put::Created).count();
    assert_eq!(n_created, 1);
    assert_eq!(store.get(&key).await?, Some(bytes));
    Ok(())
}

async fn settles_a_race_of_rivals(store: &Store) -> anyhow::Result<()> {
    let key = key("rivals")?;
    let rivals: Vec<Bytes> = (0..50).map(|rival| vec![rival; 300_000].into()).collect();

    let puts = rivals
        .iter()
        .map(|bytes| store.put_new(&key, bytes.clone()));
    let outcomes = join_all(puts).await;

    let mut winners = Vec::new();
    for (bytes, outcome) in rivals.into_iter().zip(outcomes) {
        match outcome {
            Ok(Put::Created) => winners.push(bytes),
            Err(Error::Different { .. }) => {}
            other => anyhow::bail!("{other:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(store.get(&key).await?, winners.pop());
    Ok(())
}

async fn survives_puts_against_deletes(store: &Store) -> anyhow::Result<()> {
    let key = key("contended")?;
    let bytes = Bytes::from_static(b"again and again");

    for _ in 0..20 {
        let (puts, deletes) = tokio::join!(
            join_all((0..4).map(|_| store.put_new(&key, bytes.clone()))),
            join_all((0..4).map(|_| store.delete(&key))),
        );
        for err in puts.into_iter().filter_map(Result::err) {
            ensure!(!err.is_permanent(), "{err:?}");
        }
        for deleted in deletes {
            deleted?;
        }
    }
    store.put_new(&key, bytes.clone()).await?;
    assert_eq!(store.get(&key).await?, Some(bytes));
    Ok(())
}

async fn refuses_what_is_too_large(store: &Store) -> anyhow::Result<()> {
    let key = key("large")?;
    let bytes = Bytes::from(vec![0; Store::MAX_BYTES as usize + 1]);

    let refused = store.put_new(&key, bytes).await;

    ensure!(matches!(&refused, Err(err @ Error::TooLarge { .. }) if err.is_permanent()));
    assert_eq!(store.head(&key).await?, None);
    Ok(())
}

#[tokio::test]
async fn memory_conforms() -> anyhow::Result<()> {
    conformance(&Store::in_memory()).await
}

#[tokio::test]
async fn a_folder_conforms() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let store = local(&folder)?;

    conformance(&store).await?;
    assert_eq!(
        store
            .presign_get(&key("kept")?, Duration::from_secs(60))
            .await?,
        None
    );
    Ok(())
}

#[tokio::test]
async fn s3_conforms() -> anyhow::Result<()> {
    let server = S3Server::start().await?;
    let env = server.env();
    let store = Store::open("s3://images/prod", |name| {
        let found = env.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| value.clone())
    })?;

    conformance(&store).await
}
