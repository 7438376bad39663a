//! The pictures that callers sent, by their digest: beside the journal where there is one, else the
//! last 256 MB of them in memory.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use bytes::Bytes;

use crate::keys::Digest;

const MEMORY: usize = 256 << 20;

/// What was sent and may still be drawn from.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    folder: Option<PathBuf>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    files: HashMap<Digest, Bytes>,
    by_age: VecDeque<Digest>,
    bytes: usize,
}

impl Sources {
    /// With a journal, a folder of its name and `.sources`.
    pub(crate) fn open(journal: Option<&Path>) -> anyhow::Result<Self> {
        let folder = journal.map(|journal| {
            let mut name = journal.as_os_str().to_owned();
            name.push(".sources");
            PathBuf::from(name)
        });
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
        }
        Ok(Self {
            folder,
            ..Self::default()
        })
    }

    /// Keeps a file; it is there once this returns.
    pub(crate) async fn put(&self, digest: Digest, bytes: &Bytes) -> std::io::Result<()> {
        let Some(folder) = &self.folder else {
            self.kept().put(digest, bytes.clone());
            return Ok(());
        };
        let path = folder.join(hex::encode(digest));
        if tokio::fs::try_exists(&path).await? {
            return Ok(());
        }
        // A name of its own, so that a kill leaves no half of a file under the digest.
        let part = folder.join(crate::keys::random_id());
        tokio::fs::write(&part, bytes).await?;
        tokio::fs::rename(&part, &path).await
    }

    /// The file, unless it is forgotten.
    pub(crate) async fn get(&self, digest: Digest) -> Option<Bytes> {
        match &self.folder {
            Some(folder) => {
                let read = tokio::fs::read(folder.join(hex::encode(digest))).await;
                read.ok().map(Bytes::from)
            }
            None => self.kept().files.get(&digest).cloned(),
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn put(&mut self, digest: Digest, bytes: Bytes) {
        if self.files.contains_key(&digest) {
            return;
        }
        self.bytes += bytes.len();
        self.files.insert(digest, bytes);
        self.by_age.push_back(digest);
        while self.bytes > MEMORY
            && let Some(oldest) = self.by_age.pop_front()
        {
            let forgotten = self.files.remove(&oldest);
            self.bytes -= forgotten.map_or(0, |bytes| bytes.len());
        }
    }
}
