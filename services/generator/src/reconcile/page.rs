//! Two sums that should be equal. Pure.

mod calls;
mod scan;
#[cfg(test)]
mod tests;
mod verdict;

use domain::{GenerationId, Usd};
use ideogram::Usage;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::dispatch::Verdict;
use calls::Calls;
pub(super) use scan::Scan;
use verdict::Finding;

const HOUR: i64 = 3_600;
/// How far the provider's time and ours may be apart for one call: it bills when it is done, we
/// settle when we have heard of it.
const APART: SignedDuration = SignedDuration::from_mins(5);
/// Not worth a word.
const CENT: i64 = 10_000;
/// The most hours that the provider tells of at once.
pub(super) const HOURS: SignedDuration = SignedDuration::from_hours(168);

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
    /// Where the calls stand as of `after`.
    calls: Calls,
    /// Whether all that was settled is in the bill of the same span.
    is_telling: bool,
}

/// What the provider billed in a span that ends with the page's.
#[derive(Debug)]
pub(super) struct Bill {
    pub(super) from: Timestamp,
    cost: i64,
    /// Whether something in it was given back.
    gives_back: bool,
    /// The beginning of the last hour with a charge.
    last: Option<i64>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As far as that can be told.
    Agrees,
    Differs(Gap),
    /// It says what came of these.
    Settles(Vec<Verdict>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) from: Timestamp,
    pub(super) billed: Usd,
    pub(super) settled: Usd,
    pub(super) unknown: Usd,
    pub(super) candidates: Vec<GenerationId>,
}

impl Bill {
    pub(super) fn of(usage: &Usage, from: Timestamp) -> Self {
        let lines = usage.buckets.iter().flat_map(|bucket| &bucket.lines);
        let charged = |bucket: &&ideogram::Bucket| bucket.cost() > Usd::ZERO;
        let charged = usage.buckets.iter().filter(charged);
        Self {
            from,
            cost: usage.cost().micros(),
            gives_back: lines.into_iter().any(|line| line.cost < Usd::ZERO),
            last: charged.map(|bucket| bucket.start.as_second()).max(),
        }
    }

    /// Whether it has a charge of a later time.
    fn reaches(&self, time: i64) -> bool {
        self.last.is_some_and(|last| last >= time)
    }
}

impl Page {
    /// Sums that begin with the next hour, when the ledger ends at `end`.
    pub(super) fn begin(now: Timestamp, end: u64) -> Self {
        // What is settled around its beginning is still to be read.
        let soon = now.saturating_add(APART).unwrap_or(now);
        let since = hour_of(soon).as_second() + HOUR;
        Self {
            since,
            until: since,
            after: end,
            seen: end,
            billed: 0,
            settled: 0,
            slack: None,
            calls: Calls::default(),
            is_telling: true,
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

    /// From where the bill up to `to` is to be read: all of it as long as it is told at once, since a
    /// charge may be written late, into an hour that was read before.
    pub(super) fn billed_from(&self, to: Timestamp) -> Timestamp {
        let since = second(self.since);
        match to.duration_since(since) <= HOURS {
            true => since,
            false => second(self.until),
        }
    }

    /// Goes on up to `to`. What is in doubt for less than `safety` may still be billed.
    pub(super) fn scan(self, to: Timestamp, safety: SignedDuration) -> Scan {
        Scan::new(self, to, safety)
    }
}

impl Scan {
    /// Adds the bill of the hours up to `to`, and compares.
    pub(super) fn close(mut self, bill: &Bill) -> (Page, Outcome) {
        let mut page = self.page.clone();
        let is_whole = bill.from.as_second() == page.since;
        page.billed = if is_whole { 0 } else { page.billed } + bill.cost;
        page.until = self.to;
        page.seen = self.last;
        let ahead = self.ahead.take();
        let (after, calls) = match ahead {
            Some((first, calls)) => (first - 1, calls),
            None => (self.last, self.calls.clone()),
        };
        (page.after, page.calls) = (after, calls);
        let slack = page.slack.unwrap_or(self.slack);
        page.slack = Some(slack);

        let gap = (page.billed - page.settled).abs();
        let is_far = gap > slack + self.near + CENT;
        // Nothing happened around this hour's end, so what agrees does so to the cent.
        let is_exact = gap <= CENT && self.near == 0 && !self.is_busy();
        let outcome = match verdict::find(&page, &self, bill) {
            Finding::Settles(verdicts) => Outcome::Settles(verdicts),
            Finding::NotYet => Outcome::Agrees,
            Finding::Nothing if is_far => {
                let gap = page.gap(&self.calls);
                page.turn(&self);
                Outcome::Differs(gap)
            }
            Finding::Nothing => {
                if is_exact {
                    page.turn(&self);
                }
                Outcome::Agrees
            }
        };
        (page, outcome)
    }

    /// Whether a call was under way at the end of the hours, as far as that is known by now.
    fn is_busy(&self) -> bool {
        self.is_crossed || self.calls.is_any_open(self.to + APART.as_secs())
    }
}

impl Page {
    fn gap(&self, calls: &Calls) -> Gap {
        let doubts = calls.doubts().iter();
        let reserved = doubts.clone().map(|doubt| doubt.reserved);
        let mut candidates: Vec<&str> = doubts.map(|doubt| doubt.id.as_str()).collect();
        candidates.sort_unstable();
        candidates.dedup();
        Gap {
            from: second(self.since),
            billed: Usd::from_micros(self.billed),
            settled: Usd::from_micros(self.settled),
            unknown: reserved.map(Usd::from_micros).sum(),
            candidates: candidates.iter().filter_map(|id| id.parse().ok()).collect(),
        }
    }

    /// Begins anew where it ended.
    fn turn(&mut self, scan: &Scan) {
        self.since = self.until;
        self.billed = 0;
        self.settled = 0;
        self.slack = Some(scan.near);
        self.is_telling = true;
        self.calls.forget(self.since, scan.safety);
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
