//! The books on paper: what a new dispatcher starts from, before the ledger tells it the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use domain::{Budget, GenerationId, Scope, Tenant, Usd, Window};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::books::account::{Account, Tally};
use crate::books::{Books, Call, Reservation};

/// The most of those who wait for one scope that are written down, the least demanding first: it is
/// they who are waited for. The others are asked about anew.
const REFUSED: usize = 64;
/// The form below. A reader of another one starts from the ledger's beginning.
const VERSION: u32 = 1;

/// All that the books know, except effects that were not taken. Amounts are in millionths of a
/// dollar; a day that is not there is `today`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Snapshot {
    version: u32,
    today: String,
    scopes: Vec<ScopeRow>,
    open: Vec<OpenRow>,
}

/// One scope. What is reserved and in doubt follows from the open calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeRow {
    tenant: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    campaign: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active: Option<String>,
    settled: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settled_today: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_day: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warned: Vec<String>,
    /// The least that is waited for, if people know that work waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<WaitingRow>,
}

/// One that was refused and waits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WaitingRow {
    amount: i64,
    id: String,
}

/// One open call; its scopes by their places in the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpenRow {
    id: String,
    attempt: u32,
    amount: i64,
    scopes: Vec<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    in_doubt: bool,
}

impl Books {
    /// All of it. Where there are very many scopes, those that have long been idle are forgotten.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        self.prune();
        let places: BTreeMap<&Arc<Scope>, usize> = self.accounts.keys().zip(0..).collect();
        let open = |(call, reservation): (&Call, &Reservation)| {
            let place = |scope| places.get(scope).copied();
            OpenRow {
                id: call.id.to_string(),
                attempt: call.attempt,
                amount: reservation.amount.micros(),
                scopes: reservation.scopes.iter().filter_map(place).collect(),
                day: self.unless_today(reservation.day),
                in_doubt: reservation.in_doubt,
            }
        };
        Snapshot {
            version: VERSION,
            today: self.today.to_string(),
            scopes: self
                .accounts
                .iter()
                .map(|(scope, account)| row(self, scope, account))
                .collect(),
            open: self.open.iter().map(open).collect(),
        }
    }

    /// The books as they were.
    ///
    /// # Errors
    ///
    /// The snapshot is of another version, or no [`Books::snapshot`] wrote it.
    pub(crate) fn restore(snapshot: &Snapshot) -> anyhow::Result<Self> {
        let version = snapshot.version;
        ensure!(
            version == VERSION,
            "books of version {version}, not {VERSION}"
        );
        let today = snapshot.today.parse().context("invalid day")?;
        let accounts = snapshot.scopes.iter().map(|row| account(row, today));
        let accounts: Vec<(Arc<Scope>, Account)> = accounts.collect::<anyhow::Result<_>>()?;
        let scopes: Vec<Arc<Scope>> = accounts.iter().map(|(scope, _)| scope.clone()).collect();
        let mut books = Self {
            today,
            accounts: accounts.into_iter().collect(),
            ..Self::default()
        };
        for row in &snapshot.open {
            let (call, reservation) = open(row, &scopes, today)
                .with_context(|| format!("invalid open call `{}`", row.id))?;
            books.enter(&reservation);
            books.open.insert(call, reservation);
        }
        Ok(books)
    }

    fn unless_today(&self, day: Date) -> Option<String> {
        (day != self.today).then(|| day.to_string())
    }
}

fn row(books: &Books, scope: &Scope, account: &Account) -> ScopeRow {
    let (campaign, key) = match scope {
        Scope::Tenant(_) => (None, None),
        Scope::Campaign(_, name) => (Some(name.clone()), None),
        Scope::Key(_, name) => (None, Some(name.clone())),
    };
    let limit = |window| account.budget?.limit(window).map(Usd::micros);
    let windows = [(Window::Day, &account.day), (Window::Total, &account.total)];
    let warned = |(window, tally): (Window, &Tally)| tally.warned.then(|| window.to_string());
    let today = account.day.settled;
    let waiting = account.refused.iter().map(|(id, amount)| WaitingRow {
        amount: amount.micros(),
        id: id.to_string(),
    });
    let mut waiting: Vec<WaitingRow> = waiting.collect();
    waiting.sort_unstable();
    waiting.truncate(REFUSED);
    ScopeRow {
        tenant: scope.tenant().to_string(),
        campaign,
        key,
        active: books.unless_today(account.active),
        settled: account.total.settled.micros(),
        settled_today: (today != Usd::ZERO).then_some(today.micros()),
        per_day: limit(Window::Day),
        total: limit(Window::Total),
        warned: windows.into_iter().filter_map(warned).collect(),
        refused: account.told.then(|| account.least().micros()),
        waiting,
    }
}

fn account(row: &ScopeRow, today: Date) -> anyhow::Result<(Arc<Scope>, Account)> {
    let tenant: Tenant = row.tenant.parse()?;
    let scope = match (&row.campaign, &row.key) {
        (None, None) => Scope::Tenant(tenant),
        (Some(name), None) => Scope::Campaign(tenant, name.clone()),
        (None, Some(name)) => Scope::Key(tenant, name.clone()),
        (Some(_), Some(_)) => bail!("a scope of tenant `{tenant}` is a campaign and a key"),
    };
    let invalid = || format!("invalid `{scope}`");
    let (per_day, total) = (
        row.per_day.map(Usd::from_micros),
        row.total.map(Usd::from_micros),
    );
    let budget = match (per_day, total) {
        (None, None) => None,
        _ => Some(Budget::new(per_day, total).with_context(invalid)?),
    };
    let tally = |window: Window, settled| Tally {
        settled: Usd::from_micros(settled),
        warned: row.warned.iter().any(|warned| warned == window.as_str()),
        ..Tally::default()
    };
    let waiting = row.waiting.iter().map(|row| {
        let id: Result<GenerationId, _> = row.id.parse();
        id.map(|id| (id, Usd::from_micros(row.amount)))
    });
    let account = Account {
        budget,
        day: tally(Window::Day, row.settled_today.unwrap_or_default()),
        total: tally(Window::Total, row.settled),
        refused: waiting.collect::<Result<_, _>>().with_context(invalid)?,
        told: row.refused.is_some(),
        active: day(row.active.as_deref(), today).with_context(invalid)?,
    };
    Ok((Arc::new(scope), account))
}

fn open(row: &OpenRow, scopes: &[Arc<Scope>], today: Date) -> anyhow::Result<(Call, Reservation)> {
    let scope = |place: &usize| scopes.get(*place).cloned().context("no such scope");
    let call = Call {
        id: row.id.parse()?,
        attempt: row.attempt,
    };
    let reservation = Reservation {
        amount: Usd::from_micros(row.amount),
        scopes: row
            .scopes
            .iter()
            .map(scope)
            .collect::<anyhow::Result<_>>()?,
        day: day(row.day.as_deref(), today)?,
        in_doubt: row.in_doubt,
    };
    Ok((call, reservation))
}

fn day(written: Option<&str>, today: Date) -> Result<Date, jiff::Error> {
    written.map_or(Ok(today), str::parse)
}
