//! What only a folder has to promise: after a crash, beside the objects, when space runs out.

use std::{fs, path::PathBuf};

use anyhow::Context;
use bytes::Bytes;
use storage::{Error, Key, Meta, Put, Store};
use tempfile::TempDir;

const SHA: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

struct World {
    folder: TempDir,
    store: Store,
    key: Key,
}

impl World {
    fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        Ok(Self {
            store: open(&folder)?,
            key: Key::generated(&"gen_1", 0, SHA, "png")?,
            folder,
        })
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("images").join(self.key.as_str())
    }

    fn beside(&self) -> PathBuf {
        self.file().with_file_name(".0-9f86d081884c.png.meta.json")
    }

    /// What a death in the midst of writing leaves.
    fn unfinished(&self, n: u32) -> PathBuf {
        self.file()
            .with_file_name(format!(".0-9f86d081884c.png.{n}.part"))
    }

    fn generated(&self) -> PathBuf {
        self.folder.path().join("images/generated")
    }
}

fn open(folder: &TempDir) -> anyhow::Result<Store> {
    let url = format!("file://{}/images", folder.path().display());
    Ok(Store::open(&url, |_| None)?)
}

fn meta(generation: &str) -> anyhow::Result<Meta> {
    let mut meta = Meta::new();
    meta.set("generation", generation)?;
    Ok(meta)
}

#[tokio::test]
async fn a_folder_is_found_again() -> anyhow::Result<()> {
    let world = World::new()?;
    let meta = meta("gen_1")?;
    let put = world
        .store
        .put_new_with(&world.key, Bytes::from_static(b"pixels"), &meta);
    put.await?;

    let reopened = open(&world.folder)?;

    let found = reopened.get(&world.key).await?;
    assert_eq!(found.as_deref(), Some(&b"pixels"[..]));
    let head = reopened.head(&world.key).await?.context("no head")?;
    assert_eq!(head.meta, meta);
    assert_eq!(fs::read(world.file())?, b"pixels");
    assert_eq!(
        fs::read_to_string(world.beside())?,
        r#"{"contentType":"image/png","metadata":{"generation":"gen_1"}}"#
    );
    Ok(())
}

#[tokio::test]
async fn what_lies_beside_an_object_is_none() -> anyhow::Result<()> {
    let world = World::new()?;
    let name = world.beside();
    let name = name.strip_prefix(world.folder.path().join("images"))?;

    assert!(Key::parse(name.to_str().context("no text")?).is_err());
    Ok(())
}

#[tokio::test]
async fn what_a_crash_left_half_written_is_never_seen() -> anyhow::Result<()> {
    let world = World::new()?;
    fs::create_dir_all(world.file().parent().context("no folder")?)?;
    for leftover in 1..=3 {
        fs::write(world.unfinished(leftover), b"half a pict")?;
    }

    assert_eq!(world.store.head(&world.key).await?, None);
    let bytes = Bytes::from_static(b"half a picture");
    let put = world.store.put_new(&world.key, bytes.clone()).await?;

    assert_eq!(put, Put::Created);
    assert_eq!(world.store.get(&world.key).await?, Some(bytes));
    let folder = world.file();
    let folder = folder.parent().context("no folder")?;
    assert_eq!(fs::read_dir(folder)?.count(), 1, "nothing is left of them");
    Ok(())
}

/// Each of them tidies up after deaths, and takes what the others are writing for such.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn all_who_put_the_same_at_once_succeed() -> anyhow::Result<()> {
    for round in 0..50 {
        let world = World::new()?;
        let other = Key::generated(&"gen_1", 1, SHA, "png")?;
        world.store.put_new(&other, Bytes::new()).await?;
        let meta = meta("gen_1")?;
        let puts = (0..8).map(|_| {
            let (store, key, meta) = (open(&world.folder), world.key.clone(), meta.clone());
            tokio::spawn(async move {
                let bytes = Bytes::from_static(b"pixels");
                anyhow::Ok(store?.put_new_with(&key, bytes, &meta).await?)
            })
        });
        let mut created = 0;
        for put in puts.collect::<Vec<_>>() {
            created += usize::from(put.await?? == Put::Created);
        }

        assert_eq!(created, 1, "round {round}");
        let head = world.store.head(&world.key).await?.context("no head")?;
        assert_eq!(head.meta, meta);
        // The two objects, and what is beside this one.
        let folder = world.file();
        let folder = folder.parent().context("no folder")?;
        assert_eq!(fs::read_dir(folder)?.count(), 3, "round {round}");
    }
    Ok(())
}

#[tokio::test]
async fn a_crash_before_the_object_appears_leaves_none() -> anyhow::Result<()> {
    let world = World::new()?;
    let bytes = Bytes::from_static(b"pixels");
    let first = meta("gen_1")?;
    let put = world.store.put_new_with(&world.key, bytes.clone(), &first);
    put.await?;
    fs::remove_file(world.file())?;
    assert_eq!(world.store.head(&world.key).await?, None);

    let again = meta("gen_1_again")?;
    let put = world.store.put_new_with(&world.key, bytes, &again).await?;

    assert_eq!(put, Put::Created);
    let head = world.store.head(&world.key).await?.context("no head")?;
    assert_eq!(head.meta, first);
    Ok(())
}

#[tokio::test]
async fn spoilt_metadata_do_not_spoil_the_picture() -> anyhow::Result<()> {
    let world = World::new()?;
    let bytes = Bytes::from_static(b"pixels");
    world.store.put_new(&world.key, bytes.clone()).await?;

    for spoilt in [
        "",
        "{",
        "[]",
        r#"{"metadata": {"generation": 7, "NOT OURS": "x"}}"#,
    ] {
        fs::write(world.beside(), spoilt)?;

        let head = world.store.head(&world.key).await?.context("no head")?;
        assert!(head.meta.is_empty(), "{spoilt}: {:?}", head.meta);
    }
    assert_eq!(world.store.get(&world.key).await?, Some(bytes));
    Ok(())
}

#[tokio::test]
async fn deleting_leaves_nothing_behind() -> anyhow::Result<()> {
    let world = World::new()?;
    let other = Key::generated(&"gen_2", 0, SHA, "png")?;
    let bytes = Bytes::from_static(b"pixels");
    let meta = meta("gen_1")?;
    let put = world.store.put_new_with(&world.key, bytes.clone(), &meta);
    put.await?;
    world.store.put_new(&other, bytes).await?;

    assert!(world.store.delete(&world.key).await?);

    assert!(!world.generated().join("gen_1").exists());
    assert!(world.generated().join("gen_2").exists());
    Ok(())
}

#[tokio::test]
async fn what_deaths_have_left_goes_with_the_next_deletion() -> anyhow::Result<()> {
    let world = World::new()?;
    let meta = meta("gen_1")?;
    let put = world
        .store
        .put_new_with(&world.key, Bytes::from_static(b"pixels"), &meta);
    put.await?;
    fs::remove_file(world.file())?;
    fs::write(world.unfinished(1), b"half a pict")?;

    assert!(!world.store.delete(&world.key).await?);

    assert_eq!(fs::read_dir(world.generated())?.count(), 0);
    Ok(())
}

#[tokio::test]
async fn a_folder_with_too_little_room_is_full() -> anyhow::Result<()> {
    let world = World::new()?;
    world.store.health(1).await?;

    let err = world
        .store
        .health(u64::MAX)
        .await
        .err()
        .context("healthy")?;

    assert!(
        matches!(&err, Error::Full { .. }) && !err.is_permanent(),
        "{err:?}"
    );
    let why = std::error::Error::source(&err).context("no reason")?;
    assert!(
        why.to_string()
            .ends_with("bytes are free, and 18446744073709551615 must stay free"),
        "{why}"
    );
    // Nothing is left of trying.
    assert_eq!(fs::read_dir(world.folder.path().join("images"))?.count(), 0);
    Ok(())
}

/// Nobody may write there, not even root, to whom the mode of a folder means nothing.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_is_read_only_refuses() -> anyhow::Result<()> {
    let store = Store::open("file:///sys/kernel", |_| None)?;
    let key = Key::parse("generated/gen_1/0.png")?;

    let health = store.health(0).await;
    let put = store.put_new(&key, Bytes::from_static(b"pixels")).await;

    assert!(matches!(health, Err(Error::Refused { .. })), "{health:?}");
    assert!(
        matches!(&put, Err(err @ Error::Refused { .. }) if !err.is_permanent()),
        "{put:?}"
    );
    Ok(())
}
