//! Who may call, and whose money that is.

use std::sync::{Mutex, PoisonError};
use std::thread;

use domain::{Usd, Window};

use super::{
    all, books, campaign, cents, in_total, key, nth, per_day, resumed, tenant, today, tomorrow,
};
use crate::books::account::Usage;
use crate::books::{Call, Effect, Exhausted};

#[test]
fn of_200_requests_at_once_a_budget_for_50_admits_50() -> anyhow::Result<()> {
    let books = Mutex::new(books(tenant(), in_total(cents(400))?));
    let ask = |n| {
        let mut books = books.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = books.reserve(nth(n), &all(), cents(8), today());
        admitted.is_ok()
    };

    let admitted: usize = thread::scope(|scope| {
        let asking: Vec<_> = (0..8)
            .map(|thread| scope.spawn(move || (0..25).filter(|n| ask(thread * 25 + n)).count()))
            .collect();
        asking.into_iter().filter_map(|one| one.join().ok()).sum()
    });

    assert_eq!(admitted, 50);
    let mut books = books.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(books.report(&tenant()).total.reserved, cents(400));
    let told = books.take_effects();
    assert!(
        matches!(&told[..], [Effect::Warning { used, .. }, Effect::Exhausted(_)] if *used == cents(320)),
        "{told:?}"
    );
    Ok(())
}

#[test]
fn the_smallest_scope_without_room_is_named_and_the_others_reserve_nothing() -> anyhow::Result<()> {
    let mut books = books(tenant(), in_total(cents(10))?);
    books.set_budget(campaign(), in_total(cents(10))?);
    books.reserve(nth(1), &all(), cents(8), today())?;

    let refused = books.reserve(nth(2), &all(), cents(8), today());
    let named = refused.map_err(|exhausted| exhausted.scope);
    assert_eq!(named, Err(campaign()));
    books.set_budget(key(), per_day(cents(10))?);
    let refused = books.reserve(nth(2), &all(), cents(8), today());
    let named = refused.map_err(|exhausted| (exhausted.scope, exhausted.window, exhausted.used));
    assert_eq!(named, Err((key(), Window::Day, cents(8))));

    for scope in all() {
        assert_eq!(books.report(&scope).total.reserved, cents(8), "{scope}");
    }
    assert!(!books.report(&tenant()).exhausted);
    Ok(())
}

#[test]
fn one_that_waits_is_told_what_for() -> anyhow::Result<()> {
    let mut books = books(campaign(), in_total(cents(10))?);
    books.set_budget(tenant(), per_day(cents(5))?);
    books.reserve(nth(1), &[campaign()], cents(8), today())?;

    let told = |refused: Result<(), Exhausted>| refused.map_err(|err| err.to_string());
    assert_eq!(
        told(books.reserve(nth(2), &all(), cents(8), today())),
        Err(
            "budget of `campaign:default:summer`: $0.08 of $0.10 in total used, $0.08 wanted; \
             it goes on when the budget is raised"
                .to_owned()
        )
    );
    assert_eq!(
        told(books.reserve(nth(2), &[tenant()], cents(8), today())),
        Err(
            "budget of `tenant:default`: $0.00 of $0.05 per day used, $0.08 wanted; \
             it goes on at 00:00 UTC or when the budget is raised"
                .to_owned()
        )
    );
    Ok(())
}

#[test]
fn a_new_day_frees_the_day_and_not_the_total() -> anyhow::Result<()> {
    let mut books = books(tenant(), per_day(cents(10))?);
    books.set_budget(campaign(), in_total(cents(10))?);
    books.reserve(nth(1), &all(), cents(8), today())?;
    books.reserve(nth(2), &[tenant()], cents(2), today())?;
    assert!(
        books
            .reserve(nth(3), &[tenant()], cents(8), today())
            .is_err()
    );
    assert!(
        books
            .reserve(nth(4), &[campaign()], cents(8), today())
            .is_err()
    );
    drop(books.take_effects());

    books.rolled(tomorrow()?);
    assert_eq!(books.take_effects(), [resumed(tenant())]);
    assert!(books.report(&campaign()).exhausted);
    assert_eq!(books.report(&tenant()).total.reserved, cents(10));
    books.settle(nth(1), cents(8));
    assert_eq!(books.report(&tenant()).day.settled, Usd::ZERO);
    assert_eq!(books.report(&tenant()).total.settled, cents(8));

    books.reserve(nth(5), &[tenant()], cents(10), today())?;
    assert_eq!(books.report(&tenant()).day.reserved, cents(10));
    Ok(())
}

#[test]
fn a_clock_that_goes_back_gets_no_second_use_of_a_day() -> anyhow::Result<()> {
    let mut books = books(tenant(), per_day(cents(10))?);
    books.reserve(nth(1), &all(), cents(8), tomorrow()?)?;

    assert!(books.reserve(nth(2), &all(), cents(8), today()).is_err());
    books.reserve(nth(3), &all(), cents(2), today())?;
    assert_eq!(books.report(&tenant()).day.reserved, cents(10));
    Ok(())
}

#[test]
fn a_call_of_an_earlier_day_uses_nothing_of_this_one() -> anyhow::Result<()> {
    let mut books = books(tenant(), per_day(cents(10))?);
    books.rolled(tomorrow()?);
    books.record(nth(1), &all(), cents(8), today());

    let report = books.report(&tenant());
    assert_eq!(
        (report.day.reserved, report.total.reserved),
        (Usd::ZERO, cents(8))
    );
    books.reserve(nth(2), &all(), cents(10), tomorrow()?)?;
    Ok(())
}

#[test]
fn a_call_in_doubt_keeps_its_money_until_it_is_resolved() -> anyhow::Result<()> {
    let mut books = books(tenant(), in_total(cents(10))?);
    books.reserve(nth(1), &all(), cents(8), today())?;
    books.doubt(nth(1));
    books.doubt(nth(1));

    let usage = Usage {
        unknown: cents(8),
        limit: Some(cents(10)),
        ..Usage::default()
    };
    assert_eq!(books.report(&tenant()).total, usage);
    let again = Call {
        attempt: 2,
        ..nth(1)
    };
    assert!(books.reserve(again, &all(), cents(8), tomorrow()?).is_err());

    books.settle(nth(1), cents(6));
    books.settle(nth(1), cents(6));
    books.release(nth(1));
    books.doubt(nth(1));
    let usage = Usage {
        settled: cents(6),
        limit: Some(cents(10)),
        ..Usage::default()
    };
    assert_eq!(books.report(&tenant()).total, usage);
    Ok(())
}

#[test]
fn a_call_that_the_ledger_has_is_counted_without_room() -> anyhow::Result<()> {
    let mut books = books(tenant(), in_total(cents(10))?);
    books.record(nth(1), &all(), cents(8), today());
    books.record(nth(2), &all(), cents(8), today());
    books.record(nth(2), &all(), cents(8), today());

    assert_eq!(books.report(&tenant()).total.reserved, cents(16));
    assert!(books.reserve(nth(3), &all(), cents(1), today()).is_err());
    Ok(())
}

#[test]
fn negative_amounts_make_no_room() -> anyhow::Result<()> {
    let mut books = books(tenant(), in_total(cents(10))?);
    books.reserve(nth(1), &all(), cents(-50), today())?;
    assert_eq!(books.report(&tenant()).total.reserved, Usd::ZERO);
    books.settle(nth(1), cents(-50));
    assert_eq!(books.report(&tenant()).total.settled, Usd::ZERO);
    books.record(nth(2), &all(), cents(12), today());
    assert!(books.reserve(nth(3), &all(), cents(-50), today()).is_err());
    Ok(())
}
