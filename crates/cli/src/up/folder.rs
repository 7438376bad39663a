//! The data folder: writable, ours alone, and always used with the same kind of provider.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use anyhow::{Context, bail};

/// The data folder, locked while this lives.
#[derive(Debug)]
pub(crate) struct Folder {
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be and locks it.
    ///
    /// # Errors
    ///
    /// It cannot be written, another process uses it, or it belongs to another provider: pictures
    /// that were paid for and simulated ones are never mixed silently.
    pub(crate) fn open(path: &Path, provider: &str) -> anyhow::Result<Self> {
        let unwritable = || {
            let path = path.display();
            format!("cannot write to the data folder {path}; choose another with DARKROOM_DATA_DIR")
        };
        fs::create_dir_all(path).with_context(unwritable)?;
        let lock = File::create(path.join("lock")).with_context(unwritable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "the data folder {} is used by another darkroom; stop it or choose another with DARKROOM_DATA_DIR",
                path.display()
            ),
            Err(TryLockError::Error(err)) => return Err(err).with_context(unwritable),
        }
        let mark = path.join("provider");
        match fs::read_to_string(&mark) {
            Ok(known) if known.trim() != provider => bail!(
                "the data folder {} was made with the provider `{}`, and this would use `{provider}`; \
                 choose another with DARKROOM_DATA_DIR",
                path.display(),
                known.trim()
            ),
            Ok(_) => {}
            Err(_) => fs::write(&mark, format!("{provider}\n")).with_context(unwritable)?,
        }
        Ok(Self { _lock: lock })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(result: anyhow::Result<Folder>) -> String {
        result.err().map(|err| err.to_string()).unwrap_or_default()
    }

    #[test]
    fn two_cannot_share_it_and_providers_are_not_mixed() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let first = Folder::open(folder.path(), "simulator")?;
        let second = refusal(Folder::open(folder.path(), "simulator"));
        assert!(second.contains("used by another darkroom"), "{second}");

        drop(first);
        let other = refusal(Folder::open(folder.path(), "ideogram"));
        assert!(other.contains("`simulator`"), "{other}");
        Folder::open(folder.path(), "simulator")?;
        Ok(())
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let refused = refusal(Folder::open(Path::new("/proc/darkroom"), "simulator"));
        assert!(
            refused.contains("/proc/darkroom") && refused.contains("DARKROOM_DATA_DIR"),
            "{refused}"
        );
    }
}
