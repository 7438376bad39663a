use std::{
    collections::HashMap,
    fs::File,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use crate::folder::flush;

/// The folders directly below a root, in which all who write make new folders, and which therefore
/// are flushed for many at a time. There are as many as there are kinds of keys.
#[derive(Debug, Default)]
pub(crate) struct Shelves(Mutex<HashMap<PathBuf, Arc<Shelf>>>);

#[derive(Debug, Default)]
struct Shelf {
    /// How many have asked for a flush.
    asked: AtomicU64,
    /// Held by the one who flushes.
    flushed: Mutex<Flushed>,
}

#[derive(Debug, Default)]
struct Flushed {
    /// How many of those who asked have got it.
    served: u64,
    /// The folder whose name is on disk.
    named: Option<Identity>,
}

/// Tells a folder from another one that was made later in its place, and may have got its number.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    created: SystemTime,
}

impl Shelves {
    /// Flushes `shelf`, and its own name in `root`. One flush serves all who asked for it before it
    /// began: their changes were made by then.
    pub(crate) fn flush(&self, shelf: &Path, root: &Path) -> io::Result<()> {
        let known = Arc::clone(lock(&self.0).entry(shelf.to_owned()).or_default());
        known.flush(|named| {
            let folder = File::open(shelf)?;
            folder.sync_all()?;
            let identity = Identity::of(&folder)?;
            if identity.is_none() || identity != *named {
                flush(root)?;
                *named = identity;
            }
            Ok(())
        })
    }
}

impl Shelf {
    fn flush(&self, flush: impl FnOnce(&mut Option<Identity>) -> io::Result<()>) -> io::Result<()> {
        let ours = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut flushed = lock(&self.flushed);
        if flushed.served < ours {
            let asked = self.asked.load(Ordering::SeqCst);
            flush(&mut flushed.named)?;
            flushed.served = asked;
        }
        Ok(())
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

/// What a thread leaves that dies with the lock is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::sync::{Barrier, mpsc};
    use std::thread;

    use super::*;

    /// While the first flushes, seven more ask: they wait for one flush, which begins after theirs.
    #[test]
    fn one_flush_serves_all_who_asked_before_it() {
        const OTHERS: u64 = 7;
        let shelf = Shelf::default();
        let flushes = AtomicU32::new(0);
        let (begun, first) = (Barrier::new(2), Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                shelf.flush(|_| {
                    begun.wait();
                    first.wait();
                    flushes.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                })
            });
            begun.wait();
            let others: Vec<_> = (0..OTHERS)
                .map(|_| {
                    scope.spawn(|| {
                        shelf.flush(|_| {
                            flushes.fetch_add(1, Ordering::SeqCst);
                            Ok(())
                        })
                    })
                })
                .collect();
            while shelf.asked.load(Ordering::SeqCst) <= OTHERS {
                thread::yield_now();
            }
            assert_eq!(flushes.load(Ordering::SeqCst), 0);
            first.wait();
            for other in others {
                assert!(matches!(other.join(), Ok(Ok(()))));
            }
        });

        assert_eq!(flushes.into_inner(), 2);
    }

    /// Who waited for a flush that failed makes its own.
    #[test]
    fn a_flush_that_failed_has_served_nobody() {
        let shelf = Shelf::default();
        let (told, heard) = mpsc::channel();

        let failed = shelf.flush(|_| Err(io::ErrorKind::StorageFull.into()));
        let flushed = shelf.flush(|_| told.send(()).map_err(io::Error::other));

        assert!(failed.is_err() && flushed.is_ok());
        assert_eq!(heard.try_iter().count(), 1);
    }
}
