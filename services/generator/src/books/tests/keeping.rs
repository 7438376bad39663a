//! What is written down, and what is forgotten.

use domain::{Budget, Scope, Tenant, Usd};
use jiff::ToSpan;

use super::{books, call, campaign, cents, in_total, nth, tenant, today, tomorrow};
use crate::books::{Books, SCOPES, Snapshot};

#[test]
fn a_snapshot_is_legible_and_of_one_version() -> anyhow::Result<()> {
    let mut books = books(
        campaign(),
        Some(Budget::new(Some(cents(10)), Some(cents(90)))?),
    );
    books.reserve(call("a"), &[campaign()], cents(8), today())?;
    books.settle(call("a"), cents(6));
    books.reserve(call("b"), &[campaign()], cents(4), today())?;
    books.doubt(call("b"));
    let refused = books.reserve(call("c"), &[campaign()], cents(8), today());
    assert!(refused.is_err());
    let mut json = serde_json::to_value(books.snapshot())?;

    assert_eq!(
        json,
        serde_json::json!({
            "version": 1,
            "today": "2026-11-18",
            "scopes": [{
                "tenant": "default", "campaign": "summer",
                "settled": 60_000, "settledToday": 60_000, "perDay": 100_000, "total": 900_000,
                "warned": ["day"], "refused": 80_000,
                "waiting": [{ "amount": 80_000, "id": call("c").id.to_string() }],
            }],
            "open": [{
                "id": call("b").id.to_string(), "attempt": 1, "amount": 40_000, "scopes": [0],
                "inDoubt": true,
            }],
        })
    );
    json["version"] = 2.into();
    let restored = Books::restore(&serde_json::from_value::<Snapshot>(json)?);
    let told = restored.map_err(|err| err.to_string());
    assert_eq!(told, Err("books of version 2, not 1".to_owned()));
    Ok(())
}

#[test]
fn who_left_unseen_is_not_waited_for() -> anyhow::Result<()> {
    let mut books = books(campaign(), in_total(cents(90))?);
    for (name, amount) in [("a", 64), ("b", 91), ("c", 92)] {
        drop(books.reserve(call(name), &[campaign()], cents(amount), today()));
    }
    drop(books.take_effects());
    let mut restored = Books::restore(&books.snapshot())?;
    assert_eq!(restored, books);

    restored.keep_waiting(|id| *id == call("c").id);
    restored.set_budget(campaign(), in_total(cents(64 + 91))?);
    assert_eq!(restored.take_effects(), []);
    restored.keep_waiting(|_| false);
    assert!(!restored.report(&campaign()).exhausted);
    Ok(())
}

#[test]
fn a_damaged_snapshot_is_refused_by_the_field() -> anyhow::Result<()> {
    let mut books = books(campaign(), in_total(cents(90))?);
    books.reserve(call("a"), &[campaign()], cents(8), today())?;
    let refused = books.reserve(call("b"), &[campaign()], cents(90), today());
    assert!(refused.is_err());
    books.rolled(tomorrow()?);
    let good = serde_json::to_value(books.snapshot())?;

    for (field, value, told) in [
        ("/today", "yesterday".into(), "invalid day"),
        ("/scopes/0/tenant", "a.b".into(), "`a.b` is no tenant id"),
        (
            "/scopes/0/active",
            "".into(),
            "invalid `campaign:default:summer`",
        ),
        ("/scopes/0/total", (-1).into(), "`total` is -$0.000001"),
        (
            "/scopes/0/waiting/0/id",
            "".into(),
            "invalid `campaign:default:summer`",
        ),
        ("/open/0/scopes/0", 1.into(), "no such scope"),
        ("/open/0/day", "2026-02-30".into(), "invalid open call"),
        ("/open/0/id", "img_a".into(), "invalid open call `img_a`"),
    ] {
        let mut bad: serde_json::Value = good.clone();
        if let Some(place) = bad.pointer_mut(field) {
            *place = value;
        }
        let refused = Books::restore(&serde_json::from_value(bad)?);
        let err = refused.map_or_else(|err| format!("{err:#}"), |_| String::new());
        assert!(err.contains(told), "{field}: {err}");
    }
    assert!(Books::restore(&serde_json::from_value(good)?).is_ok());
    Ok(())
}

#[test]
fn of_very_many_scopes_the_idle_are_forgotten() -> anyhow::Result<()> {
    let mut books = books(tenant(), in_total(cents(1_000))?);
    let numbered = |n: u32| Scope::Campaign(Tenant::default(), n.to_string());
    let kept = u32::try_from(SCOPES)? - 1;
    for n in 0..kept {
        books.record(nth(n), &[numbered(n)], cents(8), today());
        books.settle(nth(n), if n == 0 { Usd::ZERO } else { cents(8) });
    }
    books.record(call("open"), &[numbered(1)], Usd::ZERO, today());
    let later = today().checked_add((24 * 60).hours())?;
    books.record(call("new"), &[numbered(2)], cents(8), later);
    drop(books.snapshot());
    assert_eq!(books.accounts.len(), SCOPES);

    books.record(call("one more"), &[numbered(kept)], cents(8), later);
    drop(books.snapshot());
    let left: Vec<_> = books
        .accounts
        .keys()
        .map(|scope| scope.to_string())
        .collect();
    let newest = format!("campaign:default:{kept}");
    let expected = [
        "campaign:default:1",
        "campaign:default:2",
        &newest,
        "tenant:default",
    ];
    assert_eq!(left, expected);
    let budgets: Vec<_> = books.budgets().map(|(scope, _)| scope.clone()).collect();
    assert_eq!(budgets, [tenant()]);
    Ok(())
}
