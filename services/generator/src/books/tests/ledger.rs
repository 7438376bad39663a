//! The ledger, kept by those who add it all up each time they are asked.

use std::collections::BTreeMap;

use domain::{Budget, Scope, Usd, Window};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::books::Call;
use crate::books::account::Usage;

/// Something that happens to the books.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Reserve(Call, Vec<Scope>, Usd),
    Record(Call, Vec<Scope>, Usd),
    Settle(Call, Usd),
    Release(Call),
    Doubt(Call),
    Withdraw(Call),
    Budget(Scope, Option<Budget>),
    Roll,
}

/// A call as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    call: Call,
    scopes: Vec<Scope>,
    pub(super) amount: Usd,
    day: Date,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    InDoubt,
    Settled(Usd),
}

/// All that ever happened.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    today: Date,
    entries: Vec<Entry>,
    budgets: BTreeMap<Scope, Budget>,
}

impl Ledger {
    pub(super) fn open(&mut self, call: Call) -> Option<&mut Entry> {
        let is_open =
            |entry: &&mut Entry| entry.call == call && !matches!(entry.state, State::Settled(_));
        self.entries.iter_mut().find(is_open)
    }

    pub(super) fn usage(&self, scope: &Scope, window: Window) -> Usage {
        let mut usage = Usage {
            limit: self.budgets.get(scope).and_then(|it| it.limit(window)),
            ..Usage::default()
        };
        for entry in &self.entries {
            if !entry.scopes.contains(scope) || window == Window::Day && entry.day != self.today {
                continue;
            }
            match entry.state {
                State::Open => usage.reserved = usage.reserved + entry.amount,
                State::InDoubt => usage.unknown = usage.unknown + entry.amount,
                State::Settled(cost) => usage.settled = usage.settled + cost,
            }
        }
        usage
    }

    fn has_room(&self, scope: &Scope, wanted: Usd) -> bool {
        [Window::Day, Window::Total].into_iter().all(|window| {
            let usage = self.usage(scope, window);
            usage
                .limit
                .is_none_or(|limit| used(&usage) + wanted <= limit)
        })
    }

    /// Takes note of `op`, and says which scope refuses it.
    pub(super) fn note(&mut self, op: &Op, now: Timestamp) -> Option<Scope> {
        if matches!(op, Op::Reserve(..) | Op::Record(..) | Op::Roll) {
            self.today = day(now);
        }
        match op {
            Op::Reserve(call, scopes, amount) | Op::Record(call, scopes, amount) => {
                if self.open(*call).is_some() {
                    return None;
                }
                let full = scopes
                    .iter()
                    .filter(|scope| !self.has_room(scope, *amount))
                    .min();
                if matches!(op, Op::Reserve(..)) && full.is_some() {
                    return full.cloned();
                }
                self.entries.push(Entry {
                    call: *call,
                    scopes: scopes.clone(),
                    amount: *amount,
                    day: self.today,
                    state: State::Open,
                });
            }
            Op::Settle(call, _) | Op::Release(call) | Op::Doubt(call) => {
                if let Some(entry) = self.open(*call) {
                    entry.state = match op {
                        Op::Settle(_, cost) => State::Settled(*cost),
                        Op::Doubt(_) => State::InDoubt,
                        _ => State::Settled(Usd::ZERO),
                    };
                }
            }
            Op::Budget(scope, Some(budget)) => {
                self.budgets.insert(scope.clone(), *budget);
            }
            Op::Budget(scope, None) => {
                self.budgets.remove(scope);
            }
            Op::Withdraw(_) | Op::Roll => {}
        }
        None
    }
}

pub(super) fn used(usage: &Usage) -> Usd {
    usage.settled + usage.reserved + usage.unknown
}

fn day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}
