//! What every store promises, checked on each kind that needs no server.

use std::{fs, time::Duration};

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures::{TryStreamExt, future::join_all};
use storage::{Error, Key, Put, Store};
use tempfile::TempDir;

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
    keeps_what_was_put(store).await?;
    never_overwrites(store).await?;
    reads_ranges(store).await?;
    forgets_what_was_deleted(store).await?;
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

    store.delete(&key).await?;
    store.delete(&key).await?;

    assert_eq!(store.get(&key).await?, None);
    assert_eq!(
        store.put_new(&key, Bytes::from_static(b"b")).await?,
        Put::Created
    );
    Ok(())
}

async fn settles_a_race_of_equals(store: &Store) -> anyhow::Result<()> {
    let key = key("equals")?;
    let bytes = Bytes::from(vec![7; 1_000_000]);

    let outcomes = join_all((0..16).map(|_| store.put_new(&key, bytes.clone()))).await;

    let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let n_created = outcomes.iter().filter(|put| **put == Put::Created).count();
    assert_eq!(n_created, 1);
    assert_eq!(store.get(&key).await?, Some(bytes));
    Ok(())
}

async fn settles_a_race_of_rivals(store: &Store) -> anyhow::Result<()> {
    let key = key("rivals")?;
    let rivals: Vec<Bytes> = (0..16).map(|rival| vec![rival; 1_000_000].into()).collect();

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
    let store = Store::in_memory();

    conformance(&store).await?;
    assert_eq!(store.free_bytes().await?, None);
    Ok(())
}

#[tokio::test]
async fn a_folder_conforms() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let store = local(&folder)?;

    conformance(&store).await?;
    assert!(store.free_bytes().await?.context("no free space")? > 0);
    assert_eq!(
        store
            .presign_get(&key("kept")?, Duration::from_secs(60))
            .await?,
        None
    );
    Ok(())
}

#[tokio::test]
async fn a_folder_is_found_again() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let key = key("kept")?;
    local(&folder)?
        .put_new(&key, Bytes::from_static(b"pixels"))
        .await?;

    let reopened = local(&folder)?;

    assert_eq!(reopened.get(&key).await?.as_deref(), Some(&b"pixels"[..]));
    let file = folder.path().join("made/on/demand").join(key.as_str());
    assert_eq!(fs::read(file)?, b"pixels");
    Ok(())
}

#[tokio::test]
async fn what_a_crash_left_half_written_is_never_seen() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let store = local(&folder)?;
    let key = key("crashed")?;
    let file = folder.path().join("made/on/demand").join(key.as_str());
    fs::create_dir_all(file.parent().context("no folder")?)?;
    for leftover in 1..=3 {
        fs::write(format!("{}#{leftover}", file.display()), b"half a pict")?;
    }

    assert_eq!(store.head(&key).await?, None);
    assert_eq!(
        store
            .put_new(&key, Bytes::from_static(b"half a picture"))
            .await?,
        Put::Created
    );

    assert_eq!(
        store.get(&key).await?.as_deref(),
        Some(&b"half a picture"[..])
    );
    Ok(())
}

#[tokio::test]
async fn deleting_leaves_no_empty_folders() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let store = local(&folder)?;
    let (first, second) = (key("a")?, key("b")?);
    for key in [&first, &second] {
        store.put_new(key, Bytes::from_static(b"pixels")).await?;
    }

    store.delete(&first).await?;

    let generated = folder.path().join("made/on/demand/generated");
    assert!(!generated.join("a").exists());
    assert!(generated.join("b").exists());
    Ok(())
}
