//! The money: what is reserved, settled and in doubt for each scope, and whether one more call may
//! be made.
//!
//! A state machine without I/O or a clock. It belongs to the dispatcher alone, so a check and the
//! reservation after it are one step, whatever runs at the same time. What changes for a scope
//! beyond the one call comes out as an [`Effect`].
//!
//! Money belongs to the UTC day on which its call began: a day's limit holds exactly for the calls
//! of that day, whenever they end, and a call that stays in doubt does not eat up later days.

mod account;
mod effect;
mod snapshot;
#[cfg(test)]
mod tests;

pub(crate) use account::Report;
pub(crate) use effect::{Effect, Exhausted};
pub(crate) use snapshot::Snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{Budget, GenerationId, Scope, Usd};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::books::account::Account;

/// Up to so many scopes are all kept.
const SCOPES: usize = 4_096;
/// Beyond that, a scope without a budget is forgotten when nothing has been bought for so long.
const IDLE_DAYS: i32 = 60;

/// One attempt at a generation: what a reservation is for. An attempt that is in doubt keeps its
/// reservation, so a further one needs a number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub(crate) id: GenerationId,
    pub(crate) attempt: u32,
}

/// What has been spent and may be.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Books {
    today: Date,
    accounts: BTreeMap<Arc<Scope>, Account>,
    open: BTreeMap<Call, Reservation>,
    effects: Vec<Effect>,
}

/// Money that may be spent on one call, until its end is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reservation {
    amount: Usd,
    scopes: Vec<Arc<Scope>>,
    day: Date,
    in_doubt: bool,
}

impl Books {
    /// Reserves the most that `call` may cost in every one of `scopes`, or in none. A call that is
    /// open already is left as it is.
    ///
    /// # Errors
    ///
    /// It does not fit. Of the scopes without room the smallest is named: that is the one whose
    /// work waits for [`Effect::Resumed`].
    pub(crate) fn reserve(
        &mut self,
        call: Call,
        scopes: &[Scope],
        upper_bound: Usd,
        now: Timestamp,
    ) -> Result<(), Exhausted> {
        self.rolled(now);
        if self.open.contains_key(&call) {
            return Ok(());
        }
        let upper_bound = upper_bound.max(Usd::ZERO);
        if let Some(exhausted) = self.obstacle(scopes, upper_bound) {
            self.refuse(call.id, &exhausted);
            return Err(exhausted);
        }
        self.withdraw(call.id, scopes);
        // Where nobody waits any more there is room: what is refused after this call is news.
        for scope in scopes {
            if let Some(account) = self.accounts.get_mut(scope) {
                account.review(scope, &mut self.effects);
            }
        }
        // A clock that goes back gets no second use of a day that is over.
        self.hold(call, scopes, upper_bound, self.today);
        Ok(())
    }

    /// Whether it would be reserved for `id`. A no counts as a refusal, after which the scope's work
    /// waits.
    ///
    /// # Errors
    ///
    /// As [`Books::reserve`].
    pub(crate) fn may_reserve(
        &mut self,
        id: GenerationId,
        scopes: &[Scope],
        upper_bound: Usd,
        now: Timestamp,
    ) -> Result<(), Exhausted> {
        self.rolled(now);
        match self.obstacle(scopes, upper_bound) {
            None => Ok(()),
            Some(exhausted) => {
                self.refuse(id, &exhausted);
                Err(exhausted)
            }
        }
    }

    /// `id` does not wait for the money of `scopes` any more: it was cancelled, or its time is over.
    pub(crate) fn withdraw(&mut self, id: GenerationId, scopes: &[Scope]) {
        for scope in scopes {
            if let Some(account) = self.accounts.get_mut(scope) {
                account.refused.remove(&id);
            }
        }
    }

    /// Forgets who waits but for those of whom `waits` is true.
    pub(crate) fn keep_waiting(&mut self, waits: impl Fn(&GenerationId) -> bool) {
        for account in self.accounts.values_mut() {
            account.refused.retain(|id, _| waits(id));
        }
    }

    /// The calls whose end is not known, and whether they are in doubt.
    pub(crate) fn open_calls(&self) -> Vec<(Call, bool)> {
        let calls = self.open.iter();
        calls.map(|(call, open)| (*call, open.in_doubt)).collect()
    }

    /// Takes up a call that the ledger has as begun `at`: it is counted whatever the budgets are
    /// by now. A call that is open already is left as it is.
    pub(crate) fn record(&mut self, call: Call, scopes: &[Scope], amount: Usd, at: Timestamp) {
        self.rolled(at);
        if !self.open.contains_key(&call) {
            self.hold(call, scopes, amount, day_of(at));
        }
    }

    /// The call was not billed. Nothing happens if it is not open.
    pub(crate) fn release(&mut self, call: Call) {
        self.settle(call, Usd::ZERO);
    }

    /// The call was billed, also after a doubt; a cost above the reservation is counted in full.
    /// Nothing happens if it is not open.
    pub(crate) fn settle(&mut self, call: Call, cost: Usd) {
        let Some(reservation) = self.open.remove(&call) else {
            return;
        };
        let Reservation {
            amount, in_doubt, ..
        } = reservation;
        let cost = cost.max(Usd::ZERO);
        for scope in &reservation.scopes {
            let Some(account) = self.accounts.get_mut(scope) else {
                continue;
            };
            account.each(reservation.day == self.today, |tally| {
                tally.free(amount, in_doubt);
                tally.settled = tally.settled + cost;
            });
            account.active = self.today;
            account.review(scope, &mut self.effects);
        }
        if cost > amount {
            self.effects.push(Effect::Overrun {
                call,
                reserved: amount,
                cost,
            });
        }
    }

    /// Nobody will find out any more whether the call was billed: it counts as if it was, with all
    /// that was reserved for it. Nothing happens if it is not open.
    pub(crate) fn write_off(&mut self, call: Call) {
        if let Some(reservation) = self.open.get(&call) {
            self.settle(call, reservation.amount);
        }
    }

    /// Nobody knows whether the call was billed: its money stays put until it is settled or
    /// released. Nothing happens if it is not open.
    pub(crate) fn doubt(&mut self, call: Call) {
        let Some(reservation) = self.open.get_mut(&call) else {
            return;
        };
        let Reservation {
            amount, in_doubt, ..
        } = *reservation;
        reservation.in_doubt = true;
        for scope in &reservation.scopes {
            let Some(account) = self.accounts.get_mut(scope) else {
                continue;
            };
            account.each(reservation.day == self.today, |tally| {
                tally.free(amount, in_doubt);
                tally.hold(amount, true);
            });
        }
    }

    /// Sets what may be spent in `scope`, or with `None` lifts the limits.
    pub(crate) fn set_budget(&mut self, scope: Scope, budget: Option<Budget>) {
        if self.accounts.get(&scope).and_then(|known| known.budget) == budget {
            return;
        }
        let scope = Arc::new(scope);
        let account = self.accounts.entry(Arc::clone(&scope)).or_default();
        account.active = self.today;
        account.set_budget(&scope, budget, &mut self.effects);
    }

    /// A new day, if `now` is on one: what was used of the limits per day is free again.
    pub(crate) fn rolled(&mut self, now: Timestamp) {
        let day = day_of(now);
        if day <= self.today {
            return;
        }
        self.today = day;
        for (scope, account) in &mut self.accounts {
            account.roll(scope, &mut self.effects);
        }
    }

    /// What has come of the changes since this was last asked, in their order. To be asked after
    /// every change; what comes of a replay was told before and is dropped.
    #[must_use]
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// How `scope` stands.
    pub(crate) fn report(&self, scope: &Scope) -> Report {
        self.accounts
            .get(scope)
            .map_or_else(Report::default, Account::report)
    }

    /// The scopes that have a budget, from the smallest on.
    pub(crate) fn budgets(&self) -> impl Iterator<Item = (&Scope, Budget)> {
        self.accounts
            .iter()
            .filter_map(|(scope, account)| Some((scope.as_ref(), account.budget?)))
    }

    /// The smallest of `scopes` in which `wanted` does not fit.
    fn obstacle(&self, scopes: &[Scope], wanted: Usd) -> Option<Exhausted> {
        let shortage = |scope: &Scope| self.accounts.get(scope)?.short_of(wanted);
        let scope = scopes
            .iter()
            .filter(|scope| shortage(scope).is_some())
            .min()?;
        Some(Exhausted::new(scope, shortage(scope)?, wanted))
    }

    fn refuse(&mut self, id: GenerationId, exhausted: &Exhausted) {
        if let Some(account) = self.accounts.get_mut(&exhausted.scope) {
            account.refused.insert(id, exhausted.wanted);
            account.exhaust(exhausted, &mut self.effects);
        }
    }

    fn hold(&mut self, call: Call, scopes: &[Scope], amount: Usd, day: Date) {
        let known = |scope: &Scope| match self.accounts.get_key_value(scope) {
            Some((scope, _)) => Arc::clone(scope),
            None => Arc::new(scope.clone()),
        };
        let reservation = Reservation {
            amount: amount.max(Usd::ZERO),
            scopes: scopes.iter().map(known).collect(),
            day,
            in_doubt: false,
        };
        self.enter(&reservation);
        for scope in &reservation.scopes {
            if let Some(account) = self.accounts.get_mut(scope) {
                account.active = self.today;
                account.review(scope, &mut self.effects);
            }
        }
        self.open.insert(call, reservation);
    }

    /// Counts what is held.
    fn enter(&mut self, reservation: &Reservation) {
        for scope in &reservation.scopes {
            let account = self.accounts.entry(Arc::clone(scope)).or_default();
            account.each(reservation.day == self.today, |tally| {
                tally.hold(reservation.amount, reservation.in_doubt);
            });
        }
    }

    /// Forgets scopes of which nothing was heard for long, if there are too many.
    fn prune(&mut self) {
        if self.accounts.len() <= SCOPES {
            return;
        }
        let Ok(idle) = self.today.checked_sub(IDLE_DAYS.days()) else {
            return;
        };
        let held: BTreeSet<_> = self.open.values().flat_map(|call| &call.scopes).collect();
        self.accounts.retain(|scope, account| {
            account.budget.is_some() || account.active > idle || held.contains(scope)
        });
    }
}

fn day_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}
