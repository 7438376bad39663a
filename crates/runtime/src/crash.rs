//! Places where a test may let the process die as if its power were cut.

/// Kills this process with SIGKILL if `DARKROOM_CRASH_AT` says `label`, or `label:N` and this is the
/// N-th time (from 1) that it is reached. No destructor runs, nothing is flushed.
///
/// Exists in builds with debug assertions only; in release builds it is nothing at all.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn point(_label: &str) {}

/// Kills this process with SIGKILL if `DARKROOM_CRASH_AT` says `label`, or `label:N` and this is the
/// N-th time (from 1) that it is reached. No destructor runs, nothing is flushed.
///
/// Exists in builds with debug assertions only; in release builds it is nothing at all.
#[cfg(debug_assertions)]
pub fn point(label: &str) {
    use std::sync::OnceLock;

    static PLAN: OnceLock<Option<plan::Plan>> = OnceLock::new();
    let plan = PLAN.get_or_init(|| plan::Plan::parse(&std::env::var_os("DARKROOM_CRASH_AT")?));
    if plan.as_ref().is_some_and(|plan| plan.reached(label)) {
        let sent =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        // A process may always signal itself; if not, dying in another way is still what was asked.
        sent.unwrap_or_else(|_| std::process::abort());
    }
}

#[cfg(debug_assertions)]
mod plan {
    use std::{
        ffi::OsStr,
        sync::atomic::{AtomicU64, Ordering},
    };

    pub(super) struct Plan {
        label: String,
        left: AtomicU64,
    }

    impl Plan {
        pub(super) fn parse(text: &OsStr) -> Option<Self> {
            let text = text.to_str()?;
            let (label, times) = match text.rsplit_once(':') {
                Some((label, times)) => (label, times.parse().ok()?),
                None => (text, 1),
            };
            Some(Self {
                label: label.to_owned(),
                left: AtomicU64::new(times),
            })
        }

        /// Counts down; true exactly once, at the planned visit.
        pub(super) fn reached(&self, label: &str) -> bool {
            self.label == label && self.left.fetch_sub(1, Ordering::Relaxed) == 1
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_bare_label_means_the_first_visit() {
            let plan = Plan::parse(OsStr::new("after-put"));
            let reached = |label| plan.as_ref().is_some_and(|plan| plan.reached(label));
            assert!(!reached("before-put"));
            assert!(reached("after-put"));
            assert!(!reached("after-put"));
        }

        #[test]
        fn a_number_means_that_visit() {
            let plan = Plan::parse(OsStr::new("after-put:3"));
            let visits: Vec<bool> = (0..5)
                .map(|_| plan.as_ref().is_some_and(|plan| plan.reached("after-put")))
                .collect();
            assert_eq!(visits, [false, false, true, false, false]);
        }
    }
}
