//! How fast the machine itself is at this moment. What it computes for others, whom nobody sees from
//! here, makes the same work cost half as much again in one minute as in the next.

use std::hint::black_box;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Steps of one look: a fraction of a millisecond, ten times a second.
const STEPS: u64 = 20_000;
const PAUSE: Duration = Duration::from_millis(100);

/// Looks now and then, while something else is measured.
pub(crate) struct Pace {
    looks: Arc<Mutex<Vec<f64>>>,
    looking: JoinHandle<()>,
}

impl Pace {
    pub(crate) fn start() -> Self {
        let looks = Arc::<Mutex<Vec<f64>>>::default();
        let looking = tokio::spawn({
            let looks = Arc::clone(&looks);
            async move {
                loop {
                    let took = look();
                    lock(&looks).push(took);
                    sleep(PAUSE).await;
                }
            }
        });
        Self { looks, looking }
    }

    /// The CPU time that work which is always the same took, in µs: the median of all looks.
    pub(crate) fn stop(self) -> f64 {
        self.looking.abort();
        let mut looks = lock(&self.looks);
        looks.sort_by(f64::total_cmp);
        looks.get(looks.len() / 2).copied().unwrap_or(f64::INFINITY)
    }
}

fn lock(looks: &Mutex<Vec<f64>>) -> MutexGuard<'_, Vec<f64>> {
    looks.lock().unwrap_or_else(PoisonError::into_inner)
}

fn look() -> f64 {
    let before = cpu_us();
    let sum = (0..STEPS).fold(0_u64, |sum, step| {
        black_box(sum.wrapping_mul(31).wrapping_add(step))
    });
    black_box(sum);
    cpu_us() - before
}

fn cpu_us() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3
}
