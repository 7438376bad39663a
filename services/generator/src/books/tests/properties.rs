//! Whatever happens in whatever order: no budget is exceeded, nothing is lost, nothing told twice.

use std::collections::BTreeSet;

use domain::{Budget, GenerationId, Scope, Tenant, Usd, Window};
use jiff::{Timestamp, ToSpan};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy};
use proptest::sample::subsequence;
use proptest::test_runner::TestCaseError;
use proptest::{option, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::ledger::{Ledger, Op, used};
use crate::books::{Books, Call, Effect, Exhausted};

/// Few of each, so that they meet.
const CALLS: u32 = 12;
const MOST: i64 = 40;

/// What happens, and how many hours after what happened before.
type Step = (Op, i64);

fn scopes() -> Vec<Scope> {
    let owner = Tenant::default;
    let named = ["a", "b"].map(str::to_owned);
    let keys = named.clone().map(|name| Scope::Key(owner(), name));
    let campaigns = named.map(|name| Scope::Campaign(owner(), name));
    let tenant = [Scope::Tenant(owner())];
    keys.into_iter().chain(campaigns).chain(tenant).collect()
}

fn call() -> impl Strategy<Value = Call> {
    (0..CALLS, 1..3_u32).prop_map(|(n, attempt)| Call {
        id: GenerationId::of_key(&Tenant::default(), &n.to_string()),
        attempt,
    })
}

fn money() -> impl Strategy<Value = Usd> {
    (0..MOST).prop_map(Usd::from_micros)
}

fn limits() -> impl Strategy<Value = Option<Budget>> {
    let limit = || option::of((0..MOST * 5).prop_map(Usd::from_micros));
    (limit(), limit()).prop_map(|(per_day, total)| Budget::new(per_day, total).ok())
}

fn op() -> impl Strategy<Value = Op> {
    let held = || (call(), subsequence(scopes(), 0..=5), money());
    prop_oneof![
        8 => held().prop_map(|(call, scopes, amount)| Op::Reserve(call, scopes, amount)),
        2 => held().prop_map(|(call, scopes, amount)| Op::Record(call, scopes, amount)),
        4 => (call(), money()).prop_map(|(call, cost)| Op::Settle(call, cost)),
        2 => call().prop_map(Op::Release),
        2 => call().prop_map(Op::Doubt),
        2 => call().prop_map(Op::Withdraw),
        1 => (0..5_usize, limits()).prop_map(|(n, budget)| Op::Budget(scopes().swap_remove(n), budget)),
        1 => Just(Op::Roll),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec((op(), prop_oneof![9 => 0..1_i64, 1 => 1..30_i64]), 1..120)
}

fn apply(books: &mut Books, op: &Op, now: Timestamp) -> Result<(), Exhausted> {
    match op {
        Op::Reserve(call, scopes, amount) => books.reserve(*call, scopes, *amount, now)?,
        Op::Record(call, scopes, amount) => books.record(*call, scopes, *amount, now),
        Op::Settle(call, cost) => books.settle(*call, *cost),
        Op::Release(call) => books.release(*call),
        Op::Doubt(call) => books.doubt(*call),
        Op::Withdraw(call) => books.withdraw(call.id, &scopes()),
        Op::Budget(scope, budget) => books.set_budget(scope.clone(), *budget),
        Op::Roll => books.rolled(now),
    }
    Ok(())
}

fn timed(steps: &[Step]) -> impl Iterator<Item = (&Op, Timestamp)> {
    let start = Timestamp::from_second(1_795_003_200).unwrap_or_default();
    steps.iter().scan(start, |now, (op, hours)| {
        *now = now.checked_add(hours.hours()).ok()?;
        Some((op, *now))
    })
}

proptest! {
    #[test]
    fn the_books_say_what_the_ledger_adds_up_to(steps in steps()) {
        let (mut books, mut ledger) = (Books::default(), Ledger::default());
        for (op, now) in timed(&steps) {
            let refused = apply(&mut books, op, now).err().map(|exhausted| exhausted.scope);
            prop_assert_eq!(refused, ledger.note(op, now));
            for scope in scopes() {
                let report = books.report(&scope);
                prop_assert_eq!(report.day, ledger.usage(&scope, Window::Day));
                prop_assert_eq!(report.total, ledger.usage(&scope, Window::Total));
            }
        }
    }

    #[test]
    fn no_budget_is_exceeded(budgets in vec(limits(), 5), steps in steps()) {
        let (mut books, mut ledger) = (Books::default(), Ledger::default());
        for (scope, budget) in scopes().into_iter().zip(budgets) {
            books.set_budget(scope, budget);
        }
        for (op, now) in timed(&steps) {
            let op = match op {
                Op::Record(..) | Op::Budget(..) => continue,
                Op::Settle(call, cost) => {
                    let bound = ledger.open(*call).map_or(Usd::ZERO, |entry| entry.amount);
                    Op::Settle(*call, bound.min(*cost))
                }
                op => op.clone(),
            };
            if apply(&mut books, &op, now).is_ok() {
                ledger.note(&op, now);
            }
            for scope in scopes() {
                let report = books.report(&scope);
                for usage in [report.day, report.total] {
                    prop_assert!(usage.limit.is_none_or(|limit| used(&usage) <= limit));
                }
            }
        }
    }

    #[test]
    fn a_snapshot_and_the_rest_are_the_whole(steps in steps(), cut in 0..120_usize) {
        let mut whole = Books::default();
        let mut restored = None;
        for (n, (op, now)) in timed(&steps).enumerate() {
            if n == cut {
                let json = serde_json::to_vec(&whole.snapshot())?;
                let read = Books::restore(&serde_json::from_slice(&json)?);
                restored = Some(read.map_err(|err| TestCaseError::fail(format!("{err:#}")))?);
            }
            let verdict = apply(&mut whole, op, now);
            let told = whole.take_effects();
            if let Some(restored) = &mut restored {
                prop_assert_eq!(apply(restored, op, now), verdict);
                prop_assert_eq!(restored.take_effects(), told);
                prop_assert_eq!(&*restored, &whole);
            }
        }
    }

    #[test]
    fn a_crash_loses_no_reservation(steps in steps(), cut in 0..120_usize, budget in limits()) {
        let mut lived = Books::default();
        let (mut snapshot, mut tail, mut end) = (lived.snapshot(), Vec::new(), Timestamp::UNIX_EPOCH);
        for (n, (op, now)) in timed(&steps).enumerate() {
            if n == cut {
                snapshot = lived.snapshot();
                tail.clear();
            }
            let admitted = apply(&mut lived, op, now).is_ok();
            match op {
                Op::Budget(..) | Op::Roll => {}
                Op::Reserve(..) if !admitted => {}
                Op::Reserve(call, scopes, amount) => {
                    tail.push((Op::Record(*call, scopes.clone(), *amount), now));
                }
                op => tail.push((op.clone(), now)),
            }
            end = now;
        }

        let read = Books::restore(&snapshot);
        let mut next = read.map_err(|err| TestCaseError::fail(format!("{err:#}")))?;
        for scope in scopes() {
            next.set_budget(scope, budget);
        }
        for (op, at) in &tail {
            prop_assert!(apply(&mut next, op, *at).is_ok());
        }
        lived.rolled(end);
        next.rolled(end);
        prop_assert_eq!(&next.open, &lived.open);
        for scope in scopes() {
            lived.set_budget(scope.clone(), budget);
            let (next, lived) = (next.report(&scope), lived.report(&scope));
            prop_assert_eq!((next.day, next.total), (lived.day, lived.total));
        }
    }

    #[test]
    fn nothing_is_told_twice(steps in steps()) {
        let mut books = Books::default();
        let (mut waiting, mut warned) = (BTreeSet::new(), BTreeSet::new());
        for (op, now) in timed(&steps) {
            let refused = apply(&mut books, op, now).err();
            for effect in books.take_effects() {
                match effect {
                    Effect::Exhausted(exhausted) => prop_assert!(waiting.insert(exhausted.scope)),
                    Effect::Resumed { scope } => prop_assert!(waiting.remove(&scope)),
                    Effect::Warning { scope, window, limit, used } => {
                        prop_assert!(used > Usd::ZERO);
                        prop_assert!(used.micros() * 100 >= limit.micros() * 80);
                        let day = (window == Window::Day).then_some(books.today);
                        prop_assert!(warned.insert((scope, day, limit)));
                    }
                    Effect::Overrun { reserved, cost, .. } => prop_assert!(cost > reserved),
                }
            }
            if let Op::Budget(scope, _) = op {
                warned.retain(|(warned, ..)| warned != scope);
            }
            for scope in scopes() {
                let exhausted = books.report(&scope).exhausted;
                prop_assert!(waiting.contains(&scope) || !exhausted);
                let waits = |scope| Some(!books.accounts.get(scope)?.refused.is_empty());
                prop_assert!(exhausted || waits(&scope) != Some(true));
            }
            prop_assert!(refused.is_none_or(|refused| waiting.contains(&refused.scope)));
        }
    }
}
