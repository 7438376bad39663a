//! What the requester wants done when things do not go as usual.

use crate::failure::words;

/// What to do with a request that asks for what was asked for before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnDuplicate {
    /// Buy it again.
    Generate,
    /// Buy it again, and say which it repeats.
    Warn,
    /// Do not buy it: hand out the earlier images, also of a request that is still on its way.
    Reuse,
    /// Do not buy it, and fail.
    Reject,
}

impl OnDuplicate {
    /// Whether the earlier one is looked for before anything is bought.
    #[must_use]
    pub const fn avoids_buying(self) -> bool {
        matches!(self, Self::Reuse | Self::Reject)
    }
}

words!(OnDuplicate: Generate = "generate", Warn = "warn", Reuse = "reuse", Reject = "reject");

/// What to do when the provider withholds a part of what it drew and billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnWithheld {
    /// Deliver the rest.
    Accept,
    /// Fail. The rest is kept all the same: it was paid for.
    Fail,
}

words!(OnWithheld: Accept = "accept", Fail = "fail");

/// What to do about a call of which nobody can find out whether it was billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnUnknown {
    /// Leave it to people.
    Review,
    /// Call again, at the risk of paying twice; the ledger says so.
    Retry,
}

words!(OnUnknown: Review = "review", Retry = "retry");
