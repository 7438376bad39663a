//! What a change means for others.

use std::fmt;

use domain::{Scope, Usd, Window};

use crate::books::Call;
use crate::books::account::Shortage;

/// Something to act on or to tell people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Most of a limit is used. Told once per window.
    Warning {
        scope: Scope,
        window: Window,
        limit: Usd,
        used: Usd,
    },
    /// A scope's work waits from now on.
    Exhausted(Exhausted),
    /// The smallest call that waits in this scope would fit now, or none waits any more.
    Resumed { scope: Scope },
    /// The provider took more than it had said.
    Overrun {
        call: Call,
        reserved: Usd,
        cost: Usd,
    },
}

/// There is no room for a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exhausted {
    pub(crate) scope: Scope,
    pub(crate) window: Window,
    pub(crate) limit: Usd,
    /// What is settled, reserved and in doubt.
    pub(crate) used: Usd,
    /// What the call may cost; zero if no call was refused, but the limit was lowered.
    pub(crate) wanted: Usd,
}

impl Exhausted {
    pub(super) fn new(scope: &Scope, shortage: Shortage, wanted: Usd) -> Self {
        Self {
            scope: scope.clone(),
            window: shortage.window,
            limit: shortage.limit,
            used: shortage.used,
            wanted,
        }
    }
}

impl fmt::Display for Exhausted {
    /// For people: what a parked request waits for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scope,
            limit,
            used,
            wanted,
            ..
        } = self;
        let (window, resumes) = match self.window {
            Window::Day => (
                "per day",
                "; it goes on at 00:00 UTC or when the budget is raised",
            ),
            Window::Total => ("in total", "; it goes on when the budget is raised"),
        };
        write!(f, "budget of `{scope}`: {used} of {limit} {window} used")?;
        if *wanted > Usd::ZERO {
            write!(f, ", {wanted} wanted")?;
        }
        f.write_str(resumes)
    }
}

impl std::error::Error for Exhausted {}
