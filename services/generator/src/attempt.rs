//! What is known of one attempt, whose process it may outlive.

use domain::{Job, Usd};
use ideogram::ResultImage;

/// One attempt at buying a generation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) job: &'a Job,
    /// From 1.
    pub(crate) number: u32,
    /// The most that it may cost.
    pub(crate) bound: Usd,
    /// The sequence of the ledger's last entry.
    pub(crate) last: u64,
}

/// What the provider made of it.
#[derive(Debug)]
pub(crate) struct Made {
    /// The provider's name for it, if its route gives one.
    pub(crate) provider_id: Option<String>,
    pub(crate) images: Vec<ResultImage>,
    /// As far as the provider says so.
    pub(crate) cost: Option<Usd>,
    /// Whether the answer came from a simulator.
    pub(crate) simulated: bool,
}
