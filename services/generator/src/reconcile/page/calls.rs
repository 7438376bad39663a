//! The calls that the bill may have and the ledger has not settled. Pure.

use std::collections::BTreeMap;

use domain::GenerationId;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Remembered at the most, of each kind.
const MOST: usize = 1_000;

/// Where each call stands, as of some entry of the ledger.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Calls {
    /// Under way: the attempt, and when it began. A generation has one at a time.
    open: BTreeMap<String, (u32, i64)>,
    /// Those that may have been billed, in the order in which they came into doubt.
    doubts: Vec<Doubt>,
    /// Whether there were more than are remembered.
    is_full: bool,
}

/// A call that may have been billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Doubt {
    pub(super) id: String,
    pub(super) attempt: u32,
    pub(super) reserved: i64,
    /// When it began, if that was read.
    pub(super) began: Option<i64>,
    /// When nobody knew any more.
    pub(super) at: i64,
    /// Whether nobody waits for it any more: it was discarded, or tried again all the same.
    pub(super) is_given_up: bool,
}

impl Doubt {
    /// When it began, or a time after that.
    pub(super) fn began_before(&self) -> i64 {
        self.began.unwrap_or(self.at)
    }

    /// Whether the provider has long finished by `time` whatever it made of it.
    pub(super) fn is_ripe(&self, time: i64, safety: SignedDuration) -> bool {
        self.at.saturating_add(safety.as_secs()) <= time
    }
}

impl Calls {
    pub(super) fn begin(&mut self, id: GenerationId, attempt: u32, at: i64) {
        match self.open.len() < MOST {
            true => drop(self.open.insert(id.to_string(), (attempt, at))),
            false => self.is_full = true,
        }
    }

    /// Its call has ended, or is in doubt: when it began, if that was read.
    pub(super) fn end(&mut self, id: GenerationId) -> Option<i64> {
        let (_, began) = self.open.remove(&id.to_string())?;
        Some(began)
    }

    pub(super) fn doubt(&mut self, id: GenerationId, attempt: u32, reserved: i64, at: i64) {
        let (id, began) = (id.to_string(), self.end(id));
        let known = |doubt: &&mut Doubt| doubt.id == id && doubt.attempt == attempt;
        if let Some(known) = self.doubts.iter_mut().find(known) {
            known.at = at;
        } else if self.doubts.len() < MOST {
            self.doubts.push(Doubt {
                id,
                attempt,
                reserved,
                began,
                at,
                is_given_up: false,
            });
        } else {
            self.is_full = true;
        }
    }

    /// It is known by now what came of an attempt. When it began, if that was read.
    pub(super) fn resolve(&mut self, id: GenerationId, attempt: u32) -> Option<i64> {
        let id = id.to_string();
        let known = |doubt: &Doubt| doubt.id == id && doubt.attempt == attempt;
        let place = self.doubts.iter().position(known)?;
        self.doubts.remove(place).began
    }

    /// It is known by now what came of the attempt that was waited for.
    pub(super) fn resolve_last(&mut self, id: GenerationId) -> Option<Doubt> {
        let id = id.to_string();
        let known = |doubt: &Doubt| doubt.id == id && !doubt.is_given_up;
        let place = self.doubts.iter().position(known)?;
        Some(self.doubts.remove(place))
    }

    /// Nobody waits any more to learn what came of it.
    pub(super) fn give_up(&mut self, id: GenerationId) {
        let id = id.to_string();
        let its = self.doubts.iter_mut().filter(|doubt| doubt.id == id);
        its.for_each(|doubt| doubt.is_given_up = true);
    }

    /// What the provider cannot have billed after `time` is forgotten.
    pub(super) fn forget(&mut self, time: i64, safety: SignedDuration) {
        self.doubts.retain(|doubt| !doubt.is_ripe(time, safety));
        self.is_full = false;
    }

    pub(super) fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// Whether a call that began before `time` is still under way.
    pub(super) fn is_any_open(&self, time: i64) -> bool {
        self.open.values().any(|(_, began)| *began < time)
    }

    pub(super) const fn is_full(&self) -> bool {
        self.is_full
    }
}
