//! One process does everything here, on threads that each once held a picture: the allocator's heaps
//! are kept few.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// The variable by which the allocator of glibc is told so, at the start of a process only
/// (mallopt(3)).
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// Begins this process anew, once, with two heaps instead of eight for each processor, which was
/// measured to be 116 MB instead of 186 in a busy system. `None` if that is done, was decided otherwise, or fails:
/// then it runs as it is.
pub(crate) fn with_a_small_heap() -> Option<ExitCode> {
    if std::env::var_os(ARENAS).is_some() {
        return None;
    }
    let program = std::env::current_exe().ok()?;
    let mut again = Command::new(program);
    again.args(std::env::args_os().skip(1)).env(ARENAS, "2");
    // Returns only if it could not be done.
    drop(again.exec());
    None
}
