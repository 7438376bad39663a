//! Who waits, for what, and at whose expense.

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Instant;

use domain::{GenerationId, Lane, Scope, Tenant, Usd};

/// The lanes, the most urgent first.
pub(crate) const LANES: [Lane; 3] = [Lane::Interactive, Lane::Standard, Lane::Background];

/// Something of each lane, at `lane as usize`.
pub(crate) type PerLane<T> = [T; LANES.len()];

/// One generation that waits for its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) id: GenerationId,
    /// The last entry of its ledger, which the next one expects.
    pub(crate) sequence: u64,
    pub(crate) lane: Lane,
    pub(crate) payer: Payer,
    /// The places it takes, at least one.
    pub(crate) images: u32,
    /// The most it can cost.
    pub(crate) reserved: Usd,
    /// When it began to wait.
    pub(crate) since: Instant,
}

/// Whose work it is, and so whose budgets pay for it. The work of one payer is done in the order
/// in which it came; payers take turns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Payer {
    pub(crate) tenant: Tenant,
    pub(crate) campaign: Option<Arc<str>>,
    /// The id of the API key, of what came over HTTP.
    pub(crate) key: Option<Arc<str>>,
}

/// What waits, summed up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) tickets: usize,
    pub(crate) images: u64,
    /// The most that it can cost.
    pub(crate) reserved: Usd,
}

impl Payer {
    /// The scopes it is in, the smallest first.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = Scope> + '_ {
        let tenant = || self.tenant.clone();
        let key = self.key.as_deref();
        let key = key.map(|key| Scope::Key(tenant(), key.to_owned()));
        let campaign = self.campaign.as_deref();
        let campaign = campaign.map(|name| Scope::Campaign(tenant(), name.to_owned()));
        key.into_iter()
            .chain(campaign)
            .chain([Scope::Tenant(tenant())])
    }

    /// Whether the budget of `scope` pays for its work.
    pub(crate) fn is_paid_by(&self, scope: &Scope) -> bool {
        let named = match scope {
            Scope::Key(_, name) => self.key.as_deref() == Some(name),
            Scope::Campaign(_, name) => self.campaign.as_deref() == Some(name),
            Scope::Tenant(_) => true,
        };
        named && *scope.tenant() == self.tenant
    }
}

impl Waiting {
    pub(super) fn add(&mut self, images: u32, reserved: Usd) {
        self.tickets += 1;
        self.images += u64::from(images);
        self.reserved = self.reserved + reserved;
    }

    pub(super) fn subtract(&mut self, images: u32, reserved: Usd) {
        self.tickets -= 1;
        self.images -= u64::from(images);
        self.reserved = Usd::from_micros(self.reserved.micros() - reserved.micros());
    }
}

impl AddAssign for Waiting {
    fn add_assign(&mut self, other: Self) {
        self.tickets += other.tickets;
        self.images += other.images;
        self.reserved = self.reserved + other.reserved;
    }
}
