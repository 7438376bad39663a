//! What one scope has used, and what its budget still allows.

use std::collections::BTreeMap;

use domain::{Budget, GenerationId, Scope, Usd, Window};
use jiff::civil::Date;

use crate::books::effect::{Effect, Exhausted};

/// The least that a call can want.
const ANYTHING: Usd = Usd::from_micros(1);

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) budget: Option<Budget>,
    /// Calls that began today.
    pub(super) day: Tally,
    /// All calls.
    pub(super) total: Tally,
    /// Who was refused and still waits, and for how much. There is no room for any of it.
    pub(super) refused: BTreeMap<GenerationId, Usd>,
    /// Whether people know that work of this scope waits. They are not told anew while it goes on,
    /// nor if those who waited have left and nothing was bought since.
    pub(super) told: bool,
    /// When it last changed.
    pub(super) active: Date,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) settled: Usd,
    pub(super) reserved: Usd,
    pub(super) unknown: Usd,
    /// Whether people know that most of the limit is used.
    pub(super) warned: bool,
}

/// A limit that leaves too little room.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shortage {
    pub(super) window: Window,
    pub(super) limit: Usd,
    pub(super) used: Usd,
}

/// How a scope stands.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// Calls that began today.
    pub(crate) day: Usage,
    /// All calls.
    pub(crate) total: Usage,
    /// Whether work of this scope waits for its budget.
    pub(crate) exhausted: bool,
}

/// What was used over one window, and what may be.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) settled: Usd,
    pub(crate) reserved: Usd,
    pub(crate) unknown: Usd,
    pub(crate) limit: Option<Usd>,
}

impl Tally {
    pub(super) fn hold(&mut self, amount: Usd, in_doubt: bool) {
        let held = self.held(in_doubt);
        *held = *held + amount;
    }

    pub(super) fn free(&mut self, amount: Usd, in_doubt: bool) {
        let held = self.held(in_doubt);
        *held = Usd::from_micros(held.micros().saturating_sub(amount.micros()));
    }

    fn held(&mut self, in_doubt: bool) -> &mut Usd {
        if in_doubt {
            &mut self.unknown
        } else {
            &mut self.reserved
        }
    }

    fn used(&self) -> Usd {
        self.settled + self.reserved + self.unknown
    }
}

impl Account {
    /// Makes one change over all time and, for a call of `today`, over the day.
    pub(super) fn each(&mut self, today: bool, change: impl Fn(&mut Tally)) {
        change(&mut self.total);
        if today {
            change(&mut self.day);
        }
    }

    /// The limit that `wanted` does not fit in; of two, the one that time does not lift.
    pub(super) fn short_of(&self, wanted: Usd) -> Option<Shortage> {
        [(Window::Total, &self.total), (Window::Day, &self.day)]
            .into_iter()
            .find_map(|(window, tally)| {
                let limit = self.budget?.limit(window)?;
                let used = tally.used();
                (used + wanted > limit).then_some(Shortage {
                    window,
                    limit,
                    used,
                })
            })
    }

    /// Notes that work waits, which is told the first time.
    pub(super) fn exhaust(&mut self, exhausted: &Exhausted, effects: &mut Vec<Effect>) {
        if !self.told {
            self.told = true;
            effects.push(Effect::Exhausted(exhausted.clone()));
        }
    }

    /// The least that is waited for: nobody is woken for less.
    pub(super) fn least(&self) -> Usd {
        let least = self.refused.values().min();
        least.copied().unwrap_or(ANYTHING).max(ANYTHING)
    }

    fn is_exhausted(&self) -> bool {
        self.told && self.short_of(self.least()).is_some()
    }

    /// Changes the limits. Without room for anything the scope waits at once.
    pub(super) fn set_budget(
        &mut self,
        scope: &Scope,
        budget: Option<Budget>,
        effects: &mut Vec<Effect>,
    ) {
        self.budget = budget;
        for (window, tally) in [
            (Window::Day, &mut self.day),
            (Window::Total, &mut self.total),
        ] {
            let limit = budget.and_then(|budget| budget.limit(window));
            tally.warned &= limit.is_some_and(|limit| nears(tally.used(), limit));
        }
        self.review(scope, effects);
        if let Some(shortage) = self.short_of(ANYTHING) {
            self.exhaust(&Exhausted::new(scope, shortage, Usd::ZERO), effects);
        }
    }

    /// Forgets the day that is over.
    pub(super) fn roll(&mut self, scope: &Scope, effects: &mut Vec<Effect>) {
        self.day = Tally::default();
        self.review(scope, effects);
    }

    /// Finds out what a change of use or limits means.
    pub(super) fn review(&mut self, scope: &Scope, effects: &mut Vec<Effect>) {
        for (window, tally) in [
            (Window::Day, &mut self.day),
            (Window::Total, &mut self.total),
        ] {
            let Some(limit) = self.budget.and_then(|budget| budget.limit(window)) else {
                continue;
            };
            let used = tally.used();
            if !tally.warned && nears(used, limit) {
                tally.warned = true;
                effects.push(Effect::Warning {
                    scope: scope.clone(),
                    window,
                    limit,
                    used,
                });
            }
        }
        if self.told && !self.is_exhausted() {
            self.told = false;
            self.refused.clear();
            effects.push(Effect::Resumed {
                scope: scope.clone(),
            });
        }
    }

    pub(super) fn report(&self) -> Report {
        let usage = |window, tally: &Tally| Usage {
            settled: tally.settled,
            reserved: tally.reserved,
            unknown: tally.unknown,
            limit: self.budget.and_then(|budget| budget.limit(window)),
        };
        Report {
            day: usage(Window::Day, &self.day),
            total: usage(Window::Total, &self.total),
            exhausted: self.is_exhausted(),
        }
    }
}

/// Whether most of `limit` is used. Nothing is not most of nothing.
fn nears(used: Usd, limit: Usd) -> bool {
    let (used, limit) = (i128::from(used.micros()), i128::from(limit.micros()));
    used > 0 && used * 100 >= limit * i128::from(Budget::WARNING_PERCENT)
}
