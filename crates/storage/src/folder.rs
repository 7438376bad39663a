use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use object_store::local::LocalFileSystem;

use crate::Error;

/// Opens the folder, creating it first if need be, and returns its real path.
pub(crate) fn open(path: PathBuf) -> Result<(LocalFileSystem, PathBuf), Error> {
    let opened = fs::create_dir_all(&path).and_then(|()| fs::canonicalize(&path));
    let root = opened.map_err(|source| Error::Folder {
        path: path.clone(),
        source,
    })?;
    let files = LocalFileSystem::new_with_prefix(&root).map_err(|err| Error::Folder {
        path,
        source: io::Error::other(err),
    })?;

    Ok((files.with_fsync(true), root))
}

/// Makes sure that `key` is found again after a power cut, by flushing every folder from its own up
/// to `root`.
///
/// The store flushes the file and the folders that *it* made. Folders and files that another process
/// made a moment ago, and died before flushing them, are found by us as if they were safe.
pub(crate) async fn settle(root: &Path, key: &str) -> io::Result<()> {
    let (file, root) = (root.join(key), root.to_owned());
    // All in one turn on a thread that may block: changing threads costs more than the flushing.
    blocking(move || {
        for folder in file.ancestors().skip(1) {
            File::open(folder)?.sync_all()?;
            if folder == root {
                break;
            }
        }
        Ok(())
    })
    .await
}

/// The name of the file beside an object that keeps its metadata. No key looks like this, because of
/// the dot that it begins with, so nobody can put, read or delete one by itself.
pub(crate) fn sidecar(key: &str) -> String {
    let (folder, file) = key.rsplit_once('/').unwrap_or_default();
    format!("{folder}/.{file}.meta.json")
}

/// Deletes an object and what is kept beside it, and the folders that are empty then, so that a power
/// cut does not bring them back. Tells whether the object was there.
pub(crate) async fn remove(root: &Path, key: &str) -> io::Result<bool> {
    let (file, beside) = (root.join(key), root.join(sidecar(key)));
    let root = root.to_owned();
    blocking(move || {
        let was_there = remove_file(&file)?;
        remove_file(&beside)?;
        let mut folders = file.ancestors().skip(1);
        // The first that stays is the one that has forgotten something. Whatever is not there was
        // forgotten by its parent.
        while let Some(folder) = folders.next().filter(|folder| folder.starts_with(&root)) {
            if *folder != *root && (fs::remove_dir(folder).is_ok() || !folder.exists()) {
                continue;
            }
            match File::open(folder).and_then(|folder| folder.sync_all()) {
                Err(err) if err.kind() == io::ErrorKind::NotFound => {}
                synced => return synced.map(|()| was_there),
            }
        }
        Ok(was_there)
    })
    .await
}

fn remove_file(file: &Path) -> io::Result<bool> {
    match fs::remove_file(file) {
        Ok(()) => Ok(true),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(err) => Err(err),
    }
}

/// How many bytes an ordinary user may still write to the disk of `root`.
pub(crate) async fn free_bytes(root: PathBuf) -> io::Result<u64> {
    let disk = blocking(move || Ok(rustix::fs::statvfs(&root)?)).await?;

    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    runtime::blocking(work).await.map_err(io::Error::other)?
}
