use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use tokio::sync::oneshot;

use crate::{
    Error,
    group::{self, Pending, Queue},
    shelf::Shelves,
};

/// How the name of a file ends while it is being written.
pub(crate) const UNFINISHED: &str = ".part";

/// A folder of objects, each with its metadata beside it. Cheap to clone.
///
/// What changes is written here and not by `object_store`: it has no place for metadata, and took four
/// changes of threads and nine flushes (strace) for what takes one and four, or less in a group.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    root: Arc<Path>,
    queue: Arc<Queue>,
    shelves: Arc<Shelves>,
}

impl Folder {
    /// Opens the folder, creating it first if need be, and what reads from it.
    pub(crate) fn open(path: PathBuf) -> Result<(LocalFileSystem, Self), Error> {
        let opened = fs::create_dir_all(&path).and_then(|()| fs::canonicalize(&path));
        let root = opened.map_err(|source| Error::Folder {
            path: path.clone(),
            source,
        })?;
        let files = LocalFileSystem::new_with_prefix(&root).map_err(|err| Error::Folder {
            path,
            source: io::Error::other(err),
        })?;
        let folder = Self {
            root: root.into(),
            queue: Arc::default(),
            shelves: Arc::default(),
        };

        Ok((files.with_fsync(true), folder))
    }

    /// Where it is.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Puts `bytes` under `key` and `beside` beside them, unless the key is taken, and tells whether
    /// it was free. If an attempt before us has left something beside, that stays.
    ///
    /// Both are whole and on disk before they get their names, and what is beside gets its name first:
    /// nobody ever sees a part of an object, or one that has lost its metadata. Once it returns, a
    /// power cut takes neither away.
    pub(crate) async fn create(
        &self,
        key: &str,
        bytes: Bytes,
        beside: Option<String>,
    ) -> io::Result<bool> {
        let file = self.root.join(key);
        let beside = beside.map(|json| (self.root.join(sidecar(key)), json));
        let (told, created) = oneshot::channel();
        let put = Pending {
            file,
            bytes,
            beside,
            created: told,
        };
        if let Some(lead) = self.queue.add(put) {
            let folder = self.clone();
            tokio::spawn(blocking(move || {
                lead.for_each(|group| {
                    let mut flushed = HashSet::new();
                    group::write(group, |file| folder.flush(file, &mut flushed));
                });
                Ok(())
            }));
        }
        created.await.map_err(io::Error::other)?
    }

    /// Makes sure that `key` is found again after a power cut: another process may have made it and
    /// its folders a moment ago, and died before flushing them.
    pub(crate) async fn settle(&self, key: &str) -> io::Result<()> {
        let (folder, file) = (self.clone(), self.root.join(key));
        blocking(move || folder.flush(&file, &mut HashSet::new())).await
    }

    /// Flushes every folder from that of `file` up to the root, unless it is in `flushed`.
    fn flush(&self, file: &Path, flushed: &mut HashSet<PathBuf>) -> io::Result<()> {
        let mut folders = Vec::new();
        for folder in file.ancestors().skip(1) {
            // Whoever flushed it has flushed those above it.
            if flushed.contains(folder) {
                break;
            }
            folders.push(folder.to_owned());
            if folder.parent() == Some(&*self.root) {
                self.shelves.flush(folder, &self.root)?;
                break;
            }
            flush(folder)?;
        }
        flushed.extend(folders);
        Ok(())
    }

    /// Deletes an object and what is kept beside it, and the folders that are empty then but for the
    /// shelf, so that a power cut does not bring them back. Tells whether the object was there.
    pub(crate) async fn remove(&self, key: &str) -> io::Result<bool> {
        let (file, beside) = (self.root.join(key), self.root.join(sidecar(key)));
        let root = Arc::clone(&self.root);
        blocking(move || {
            let was_there = remove_file(&file)?;
            remove_file(&beside)?;
            remove_unfinished(&file)?;
            let mut folders = file.ancestors().skip(1);
            // The first that stays is the one that has forgotten something. Whatever is not there was
            // forgotten by its parent.
            while let Some(folder) = folders.next().filter(|folder| folder.starts_with(&root)) {
                // Whoever puts something on a shelf that is known relies on its name.
                let stays = *folder == *root || folder.parent() == Some(&root);
                if !stays && (fs::remove_dir(folder).is_ok() || !folder.exists()) {
                    continue;
                }
                match flush(folder) {
                    Err(err) if err.kind() == io::ErrorKind::NotFound => {}
                    flushed => return flushed.map(|()| was_there),
                }
            }
            Ok(was_there)
        })
        .await
    }

    /// How many bytes an ordinary user may still write to its disk.
    pub(crate) async fn free_bytes(&self) -> io::Result<u64> {
        let root = Arc::clone(&self.root);
        let disk = blocking(move || Ok(rustix::fs::statvfs(&*root)?)).await?;

        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

/// The name of the file beside an object that keeps its metadata. No key looks like this, because of
/// the dot that it begins with, so nobody can put, read or delete one by itself.
pub(crate) fn sidecar(key: &str) -> String {
    let (folder, file) = key.rsplit_once('/').unwrap_or_default();
    format!("{folder}/.{file}.meta.json")
}

/// Makes a folder's entries survive a power cut.
pub(crate) fn flush(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// How the names begin under which an object, and what is beside it, are written. No key's name begins
/// with a dot.
pub(crate) fn unfinished(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    format!(".{}.", name.to_string_lossy())
}

/// Removes what deaths in the midst of writing have left. Whoever is writing at this moment finds its
/// file gone, which is as well if the object is there, and an error if it was deleted.
pub(crate) fn remove_unfinished(file: &Path) -> io::Result<()> {
    let prefix = unfinished(file);
    let entries = match fs::read_dir(file.parent().unwrap_or(file)) {
        Ok(entries) => entries,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(err),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&prefix) && name.ends_with(UNFINISHED) {
            remove_file(&entry.path())?;
        }
    }
    Ok(())
}

fn remove_file(file: &Path) -> io::Result<bool> {
    match fs::remove_file(file) {
        Ok(()) => Ok(true),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(err) => Err(err),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    runtime::blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// All that was changed in them was changed before the first of them was flushed.
    #[test]
    fn a_folder_and_those_above_it_are_flushed_once_in_a_group() -> anyhow::Result<()> {
        let root = TempDir::new()?;
        let (_, folder) = Folder::open(root.path().to_owned())?;
        let shelf = folder.root().join("generated");
        let [one, two, gone] = ["one", "two", "gone"].map(|name| shelf.join(name));
        let mut flushed = HashSet::new();
        assert!(folder.flush(&one.join("0.png"), &mut flushed).is_err());
        assert!(flushed.is_empty(), "a flush that failed has served nobody");

        fs::create_dir_all(&one)?;
        folder.flush(&one.join("0.png"), &mut flushed)?;
        assert_eq!(flushed, HashSet::from([one.clone(), shelf.clone()]));

        // Nothing is looked at again.
        fs::rename(&one, &gone)?;
        folder.flush(&one.join("1.png"), &mut flushed)?;
        fs::create_dir_all(&two)?;
        folder.flush(&two.join("0.png"), &mut flushed)?;
        assert_eq!(flushed, HashSet::from([one, two, shelf]));
        Ok(())
    }
}
