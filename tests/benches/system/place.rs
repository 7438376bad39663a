//! Where the data of a benchmark lies, on the disk that our user's data would lie on.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::time::sleep;

/// Files made at a time to see what making one costs.
const FILES: u32 = 200;
/// At rest it costs 15 to 25 µs; a minute after a build, 200.
const QUIET: Duration = Duration::from_micros(30);
/// ext4 forgets after five minutes.
const PATIENCE: Duration = Duration::from_secs(330);
const PAUSE: Duration = Duration::from_secs(10);
/// Places on the disk that are tried before time is.
const TRIES: usize = 8;

/// A folder for all turns.
pub(crate) fn root() -> anyhow::Result<TempDir> {
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    // Folders in one that is marked as topmost come to lie all over the disk, and only few of those
    // places had files deleted lately. Where there is no such mark, waiting does it.
    drop(Command::new("chattr").arg("+T").arg(root.path()).output());
    Ok(root)
}

/// A new folder for one turn, made when the disk is at rest. It stays until `root` goes, at the end of
/// all: the next turn would pay for tidying up after this one.
///
/// Where ext4 has no journal it looks, for each new file, at every one that was deleted nearby in the
/// last minutes (`recently_deleted` in its `ialloc.c`). After a build, or another run, that alone
/// doubles what a job costs, and it is none of our work.
pub(crate) async fn folder(root: &Path) -> anyhow::Result<PathBuf> {
    let begun = Instant::now();
    loop {
        let mut cost = Duration::MAX;
        for _ in 0..TRIES {
            let folder = kept(root)?;
            cost = cost_of_a_file(&folder)?;
            if cost <= QUIET || begun.elapsed() >= PATIENCE {
                return Ok(folder);
            }
        }
        println!("a new file costs {cost:?} after many were deleted: waiting until it is less");
        sleep(PAUSE).await;
    }
}

fn kept(root: &Path) -> anyhow::Result<PathBuf> {
    Ok(tempfile::tempdir_in(root)?.keep())
}

fn cost_of_a_file(folder: &Path) -> anyhow::Result<Duration> {
    let folder = folder.join("cost");
    fs::create_dir(&folder)?;
    let begun = Instant::now();
    for n in 0..FILES {
        File::create(folder.join(n.to_string()))?;
    }
    Ok(begun.elapsed() / FILES)
}
