use std::{
    collections::HashMap,
    fs::File,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use crate::folder::flush;

/// The folders directly below a root whose names are known to be on disk. There are as many as there
/// are kinds of keys, and they stay.
#[derive(Debug, Default)]
pub(crate) struct Shelves(Mutex<HashMap<PathBuf, Identity>>);

/// Tells a folder from another one that was made later in its place, and may have got its number.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    created: SystemTime,
}

impl Shelves {
    /// Flushes `shelf`, and its own name in `root`.
    pub(crate) fn flush(&self, shelf: &Path, root: &Path) -> io::Result<()> {
        let folder = File::open(shelf)?;
        folder.sync_all()?;
        let identity = Identity::of(&folder)?;
        if identity.is_none() || identity.as_ref() != self.known().get(shelf) {
            flush(root)?;
            if let Some(identity) = identity {
                self.known().insert(shelf.to_owned(), identity);
            }
        }
        Ok(())
    }

    /// What a thread leaves that dies with the lock is whole.
    fn known(&self) -> MutexGuard<'_, HashMap<PathBuf, Identity>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Identity {
    /// None where the file system does not keep when a folder was made.
    fn of(folder: &File) -> io::Result<Option<Self>> {
        let known = folder.metadata()?;
        Ok(known.created().ok().map(|created| Self {
            device: known.dev(),
            inode: known.ino(),
            created,
        }))
    }
}
