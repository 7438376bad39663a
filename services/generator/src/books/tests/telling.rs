//! What people and the waiting line are told.

use domain::{Budget, Usd, Window};

use super::{all, books, cents, in_total, nth, resumed, tenant, today, tomorrow};
use crate::books::Effect;

fn warning(window: Window, limit: Usd, used: Usd) -> Effect {
    Effect::Warning {
        scope: tenant(),
        window,
        limit,
        used,
    }
}

#[test]
fn most_of_a_limit_is_warned_of_once() -> anyhow::Result<()> {
    let mut books = books(
        tenant(),
        Some(Budget::new(Some(cents(100)), Some(cents(1_000)))?),
    );

    books.reserve(nth(1), &all(), cents(79), today())?;
    assert_eq!(books.take_effects(), []);
    books.reserve(nth(2), &all(), cents(1), today())?;
    assert_eq!(
        books.take_effects(),
        [warning(Window::Day, cents(100), cents(80))]
    );
    books.release(nth(2));
    books.reserve(nth(3), &all(), cents(10), today())?;
    assert_eq!(books.take_effects(), []);

    books.rolled(tomorrow()?);
    books.reserve(nth(4), &all(), cents(90), tomorrow()?)?;
    assert_eq!(
        books.take_effects(),
        [warning(Window::Day, cents(100), cents(90))]
    );
    books.set_budget(tenant(), in_total(cents(200))?);
    assert_eq!(
        books.take_effects(),
        [warning(Window::Total, cents(200), cents(179))]
    );
    Ok(())
}

#[test]
fn after_a_limit_was_raised_there_is_a_warning_again() -> anyhow::Result<()> {
    let mut books = books(tenant(), in_total(cents(100))?);
    books.reserve(nth(1), &all(), cents(90), today())?;
    books.set_budget(tenant(), in_total(cents(110))?);
    assert_eq!(
        books.take_effects(),
        [warning(Window::Total, cents(100), cents(90))]
    );

    books.set_budget(tenant(), in_total(cents(200))?);
    assert_eq!(books.take_effects(), []);
    books.reserve(nth(2), &all(), cents(90), today())?;
    assert_eq!(
        books.take_effects(),
        [warning(Window::Total, cents(200), cents(180))]
    );
    Ok(())
}

#[test]
fn a_budget_of_nothing_is_used_up_and_not_warned_of() -> anyhow::Result<()> {
    let mut books = books(tenant(), None);
    books.set_budget(tenant(), in_total(Usd::ZERO)?);

    let told = books.take_effects();
    assert!(
        matches!(&told[..], [Effect::Exhausted(exhausted)] if exhausted.wanted == Usd::ZERO),
        "{told:?}"
    );
    assert!(books.reserve(nth(1), &all(), cents(1), today()).is_err());
    assert_eq!(books.take_effects(), []);
    books.set_budget(tenant(), None);
    assert_eq!(books.take_effects(), [resumed(tenant())]);
    Ok(())
}

#[test]
fn a_scope_waits_until_the_smallest_refused_call_fits() -> anyhow::Result<()> {
    let mut books = books(tenant(), in_total(cents(20))?);
    books.reserve(nth(1), &all(), cents(10), today())?;
    books.reserve(nth(2), &all(), cents(10), today())?;
    assert!(books.reserve(nth(3), &all(), cents(8), today()).is_err());
    assert!(books.reserve(nth(4), &all(), cents(4), today()).is_err());
    let told = books.take_effects();
    assert!(
        matches!(&told[..], [Effect::Warning { .. }, Effect::Exhausted(_)]),
        "{told:?}"
    );

    books.settle(nth(1), cents(7));
    assert_eq!(books.take_effects(), []);
    books.settle(nth(2), cents(9));
    assert_eq!(books.take_effects(), [resumed(tenant())]);
    assert_eq!(books.reserve(nth(4), &all(), cents(4), today()), Ok(()));
    Ok(())
}

#[test]
fn who_has_left_is_not_waited_for() -> anyhow::Result<()> {
    let mut books = books(tenant(), in_total(cents(100))?);
    books.reserve(nth(1), &all(), cents(70), today())?;
    assert!(books.reserve(nth(2), &all(), cents(64), today()).is_err());
    assert!(books.reserve(nth(3), &all(), cents(40), today()).is_err());
    let told = books.take_effects();
    assert!(matches!(&told[..], [Effect::Exhausted(_)]), "{told:?}");

    books.withdraw(nth(3).id, &all());
    books.set_budget(tenant(), in_total(cents(120))?);
    assert_eq!(books.take_effects(), [], "64 cents are waited for");
    assert!(books.report(&tenant()).exhausted);
    books.withdraw(nth(2).id, &all());
    assert!(!books.report(&tenant()).exhausted);

    // Who asks and leaves over and over is not told of each time.
    assert!(books.reserve(nth(4), &all(), cents(64), today()).is_err());
    assert!(books.report(&tenant()).exhausted);
    books.withdraw(nth(4).id, &all());
    assert_eq!(books.take_effects(), []);

    books.reserve(nth(5), &all(), cents(50), today())?;
    assert!(books.reserve(nth(6), &all(), cents(8), today()).is_err());
    let told = books.take_effects();
    assert!(
        matches!(&told[..], [Effect::Resumed { .. }, Effect::Warning { .. }, Effect::Exhausted(exhausted)]
            if exhausted.used == cents(120)),
        "{told:?}"
    );
    Ok(())
}

#[test]
fn raising_resumes_and_lowering_below_the_use_exhausts() -> anyhow::Result<()> {
    let mut books = books(tenant(), in_total(cents(100))?);
    books.reserve(nth(1), &all(), cents(50), today())?;
    books.settle(nth(1), cents(50));

    books.set_budget(tenant(), in_total(cents(40))?);
    let told = books.take_effects();
    assert!(
        matches!(&told[..], [Effect::Warning { .. }, Effect::Exhausted(_)]),
        "{told:?}"
    );
    assert!(books.report(&tenant()).exhausted);
    books.set_budget(tenant(), in_total(cents(45))?);
    assert_eq!(books.take_effects(), []);
    books.set_budget(tenant(), in_total(cents(60))?);
    assert_eq!(books.take_effects(), [resumed(tenant())]);
    books.set_budget(tenant(), in_total(cents(60))?);
    assert_eq!(books.take_effects(), []);
    Ok(())
}

#[test]
fn a_cost_above_the_reservation_is_counted_and_told() -> anyhow::Result<()> {
    let mut books = books(tenant(), in_total(cents(10))?);
    books.reserve(nth(1), &all(), cents(4), today())?;
    books.settle(nth(1), cents(12));

    let told = books.take_effects();
    let overrun = Effect::Overrun {
        call: nth(1),
        reserved: cents(4),
        cost: cents(12),
    };
    assert!(
        matches!(&told[..], [Effect::Warning { used, .. }, last] if *used == cents(12) && *last == overrun),
        "{told:?}"
    );
    assert!(books.reserve(nth(2), &all(), cents(1), today()).is_err());
    Ok(())
}
