//! Who waits, for what, and at whose expense.

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Instant;

use domain::{GenerationId, Lane, Usd};

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
    pub(crate) tenant: Arc<str>,
    pub(crate) campaign: Option<Arc<str>>,
    /// The id of the API key, of what came over HTTP.
    pub(crate) key: Option<Arc<str>>,
}

/// What has a budget. Campaigns and keys are named within their tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    Key {
        tenant: Arc<str>,
        key: Arc<str>,
    },
    Campaign {
        tenant: Arc<str>,
        campaign: Arc<str>,
    },
    Tenant {
        tenant: Arc<str>,
    },
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
        let tenant = || Arc::clone(&self.tenant);
        let key = self.key.clone().map(|key| Scope::Key {
            tenant: tenant(),
            key,
        });
        let campaign = self.campaign.clone().map(|campaign| Scope::Campaign {
            tenant: tenant(),
            campaign,
        });
        let whole = Scope::Tenant { tenant: tenant() };
        key.into_iter().chain(campaign).chain([whole])
    }
}

impl Scope {
    /// Whether the budget of this scope pays for the work of `payer`.
    pub(crate) fn covers(&self, payer: &Payer) -> bool {
        match self {
            Self::Key { tenant, key } => *tenant == payer.tenant && payer.key.as_ref() == Some(key),
            Self::Campaign { tenant, campaign } => {
                *tenant == payer.tenant && payer.campaign.as_ref() == Some(campaign)
            }
            Self::Tenant { tenant } => *tenant == payer.tenant,
        }
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
