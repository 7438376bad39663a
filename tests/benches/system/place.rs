//! Where the data of a benchmark lies, on the disk that our user's data would lie on.

use std::fs::File;
use std::path::{Path, PathBuf};
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

/// A folder for all turns.
pub(crate) fn root() -> anyhow::Result<TempDir> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

/// A new folder for one turn, made when the disk is at rest. It stays until `root` goes, at the end of
/// all: the next turn would pay for tidying up after this one.
///
/// Where ext4 has no journal it looks, for each new file, at every one that was deleted nearby in the
/// last minutes (`recently_deleted` in its `ialloc.c`). After a build, or another run, that alone
/// doubles what a job costs, and it is none of our work.
pub(crate) async fn folder(root: &Path) -> anyhow::Result<PathBuf> {
    let begun = Instant::now();
    let mut cost = cost_of_a_file(root)?;
    if cost > QUIET {
        println!("a new file costs {cost:?} after many were deleted: waiting until it is less");
    }
    while cost > QUIET && begun.elapsed() < PATIENCE {
        sleep(PAUSE).await;
        cost = cost_of_a_file(root)?;
    }
    kept(root)
}

fn kept(root: &Path) -> anyhow::Result<PathBuf> {
    Ok(tempfile::tempdir_in(root)?.keep())
}

fn cost_of_a_file(root: &Path) -> anyhow::Result<Duration> {
    let folder = kept(root)?;
    let begun = Instant::now();
    for n in 0..FILES {
        File::create(folder.join(n.to_string()))?;
    }
    Ok(begun.elapsed() / FILES)
}
