use std::time::Instant;

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};

/// Milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    pub(crate) cpu: f64,
    pub(crate) wall: f64,
}

impl Took {
    pub(crate) const NEVER: Self = Self {
        cpu: f64::MAX,
        wall: f64::MAX,
    };

    pub(crate) fn least(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.min(other.cpu),
            wall: self.wall.min(other.wall),
        }
    }
}

/// Runs `work` on this thread, and tells what it took.
pub(crate) fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Took)> {
    let (cpu, start) = (thread_cpu(), Instant::now());
    let done = work()?;
    let took = Took {
        cpu: thread_cpu() - cpu,
        wall: start.elapsed().as_secs_f64() * 1000.0,
    };
    Ok((done, took))
}

/// Milliseconds of CPU that this thread has had.
fn thread_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// The one in the middle, or the upper of the two.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Result<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    (values.get(values.len() / 2).copied()).context("nothing was measured")
}
