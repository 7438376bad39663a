mod admitting;
mod keeping;
mod ledger;
mod properties;
mod telling;

use domain::{Budget, GenerationId, Scope, Tenant, Usd};
use jiff::{Timestamp, ToSpan};

use crate::books::{Books, Call, Effect};

fn cents(cents: i64) -> Usd {
    Usd::from_micros(cents * 10_000)
}

fn call(name: &str) -> Call {
    Call {
        id: GenerationId::of_key(&Tenant::default(), name),
        attempt: 1,
    }
}

fn nth(n: u32) -> Call {
    call(&n.to_string())
}

fn tenant() -> Scope {
    Scope::Tenant(Tenant::default())
}

fn campaign() -> Scope {
    Scope::Campaign(Tenant::default(), "summer".to_owned())
}

fn key() -> Scope {
    Scope::Key(Tenant::default(), "laptop".to_owned())
}

fn all() -> [Scope; 3] {
    [tenant(), campaign(), key()]
}

/// Noon.
fn today() -> Timestamp {
    Timestamp::from_second(1_795_003_200).unwrap_or_default()
}

fn tomorrow() -> anyhow::Result<Timestamp> {
    Ok(today().checked_add(24.hours())?)
}

fn in_total(limit: Usd) -> anyhow::Result<Option<Budget>> {
    Ok(Some(Budget::new(None, Some(limit))?))
}

fn per_day(limit: Usd) -> anyhow::Result<Option<Budget>> {
    Ok(Some(Budget::new(Some(limit), None)?))
}

/// Books with one budget, and nothing left to tell.
fn books(scope: Scope, budget: Option<Budget>) -> Books {
    let mut books = Books::default();
    books.rolled(today());
    books.set_budget(scope, budget);
    drop(books.take_effects());
    books
}

fn resumed(scope: Scope) -> Effect {
    Effect::Resumed { scope }
}
