//! Time for what is only ours for a while.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The time since some moment of the past, by a clock that nobody sets, and that goes on while the
/// process is stopped and while the machine sleeps. The runtime's own clock stands still with the
/// machine.
pub(crate) fn now() -> Duration {
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::Boottime;
    // Elsewhere the monotonic clock is the best there is.
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::Monotonic;
    Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
}
