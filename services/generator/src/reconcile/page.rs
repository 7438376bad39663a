//! Two sums that should be equal. Pure.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use domain::{GenerationId, Unknown, Usd};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const HOUR: i64 = 3_600;
/// How far the provider's time and ours may be apart for one call: it bills when it is done, we
/// settle when we have heard of it.
const APART: SignedDuration = SignedDuration::from_mins(5);
/// Not worth a word.
const CENT: i64 = 10_000;
/// Open questions remembered at the most.
const DOUBTS: usize = 1_000;

/// What was billed and settled since some hour, in USD micros. Kept in the bucket of the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    /// Where the sums begin.
    since: i64,
    /// Up to where they go. Both begin an hour, in seconds since 1970.
    until: i64,
    /// The sequence after which there may be entries of hours to come.
    after: u64,
    /// The last sequence that was read.
    seen: u64,
    billed: i64,
    settled: i64,
    /// What was settled around `since`; none until that was read.
    slack: Option<i64>,
    /// Calls that may have been billed.
    unknown: BTreeMap<String, Doubt>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Doubt {
    attempt: u32,
    reserved: i64,
    at: i64,
}

/// A page while entries are added to it.
#[derive(Debug)]
pub(super) struct Scan {
    page: Page,
    to: i64,
    /// What was settled around `to`.
    near: i64,
    /// What was settled around `since`.
    slack: i64,
    /// The first entry of hours to come.
    first_ahead: Option<u64>,
    last: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As far as that can be told.
    Agrees,
    Differs(Gap),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) from: Timestamp,
    pub(super) billed: Usd,
    pub(super) settled: Usd,
    pub(super) unknown: Usd,
    pub(super) candidates: Vec<GenerationId>,
}

impl Page {
    /// Sums that begin with the next hour, when the ledger ends at `end`.
    pub(super) fn begin(now: Timestamp, end: u64) -> Self {
        let since = hour_of(now).as_second() + HOUR;
        Self {
            since,
            until: since,
            after: end,
            seen: end,
            billed: 0,
            settled: 0,
            slack: None,
            unknown: BTreeMap::new(),
        }
    }

    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    pub(super) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    pub(super) fn until(&self) -> Timestamp {
        second(self.until)
    }

    pub(super) const fn seen(&self) -> u64 {
        self.seen
    }

    /// Goes on up to `to`.
    pub(super) fn scan(self, to: Timestamp) -> Scan {
        Scan {
            to: to.as_second(),
            near: 0,
            slack: 0,
            first_ahead: None,
            last: self.seen,
            page: self,
        }
    }
}

impl Scan {
    /// Where to read from.
    pub(super) const fn after(&self) -> u64 {
        self.page.after
    }

    /// Counts what a call cost: once, in the hour of `at`, or in the next one that closes if it was
    /// written down too late for its own. What is older than the sums was told of with theirs.
    pub(super) fn settle(&mut self, sequence: u64, at: Timestamp, cost: Usd) {
        let is_new = sequence > self.page.seen;
        self.last = self.last.max(sequence);
        let (at, cost) = (at.as_second(), cost.micros());
        if at >= self.to {
            self.first_ahead.get_or_insert(sequence);
        } else if at >= self.page.since && (is_new || at >= self.page.until) {
            self.page.settled += cost;
        }
        if is_around(self.to, at) {
            self.near += cost;
        }
        if is_around(self.page.since, at) {
            self.slack += cost;
        }
    }

    /// Notes a call that may have been billed.
    pub(super) fn doubt(&mut self, sequence: u64, unknown: &Unknown) {
        let is_new = sequence > self.page.seen;
        self.last = self.last.max(sequence);
        if !is_new || self.page.unknown.len() >= DOUBTS {
            return;
        }
        let doubt = Doubt {
            attempt: unknown.attempt,
            reserved: unknown.reserved.micros(),
            at: unknown.at.as_second(),
        };
        self.page.unknown.insert(unknown.id.to_string(), doubt);
    }

    /// Notes that an attempt is settled; all, if it does not say which.
    pub(super) fn resolve(&mut self, id: GenerationId, attempt: Option<u32>) {
        let id = id.to_string();
        let doubt = self.page.unknown.get(&id);
        if doubt.is_some_and(|doubt| attempt.is_none_or(|attempt| attempt == doubt.attempt)) {
            self.page.unknown.remove(&id);
        }
    }

    /// Adds the bill of the hours up to `to`, and compares.
    pub(super) fn close(self, billed: Usd) -> (Page, Outcome) {
        let mut page = self.page;
        page.billed += billed.micros();
        page.until = self.to;
        page.seen = self.last;
        page.after = self.first_ahead.map_or(self.last, |first| first - 1);
        let slack = page.slack.unwrap_or(self.slack);
        page.slack = Some(slack);

        let gap = (page.billed - page.settled).abs();
        let outcome = match gap > slack + self.near + CENT {
            true => Outcome::Differs(page.gap()),
            false => Outcome::Agrees,
        };
        // Nothing happened around this hour's end, so what agrees does so to the cent.
        let is_exact = gap <= CENT && self.near == 0;
        if is_exact || outcome != Outcome::Agrees {
            page.turn(self.near);
        }
        (page, outcome)
    }
}

impl Page {
    fn gap(&self) -> Gap {
        let candidates = self.unknown.keys();
        let reserved = self.unknown.values().map(|doubt| doubt.reserved);
        Gap {
            from: second(self.since),
            billed: Usd::from_micros(self.billed),
            settled: Usd::from_micros(self.settled),
            unknown: reserved.map(Usd::from_micros).sum(),
            candidates: candidates.filter_map(|id| id.parse().ok()).collect(),
        }
    }

    /// Begins anew where it ended.
    fn turn(&mut self, near: i64) {
        self.since = self.until;
        self.billed = 0;
        self.settled = 0;
        self.slack = Some(near);
        let since = self.since;
        self.unknown
            .retain(|_, doubt| doubt.at >= since || is_around(since, doubt.at));
    }
}

fn is_around(hour: i64, at: i64) -> bool {
    at.abs_diff(hour) < APART.as_secs().unsigned_abs()
}

/// The beginning of its hour.
pub(super) fn hour_of(at: Timestamp) -> Timestamp {
    second(at.as_second().div_euclid(HOUR) * HOUR)
}

/// Seconds that came from a timestamp.
fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or_default()
}
