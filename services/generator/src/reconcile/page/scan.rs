//! Adding entries of the ledger to a page. Pure.

use domain::{Calling, GenerationId, Unknown, Usd};
use jiff::{SignedDuration, Timestamp};

use super::calls::Calls;
use super::{APART, Page, is_around};

/// A page while entries are added to it. For each of them [`Scan::reach`] is called first.
#[derive(Debug)]
pub(in crate::reconcile) struct Scan {
    pub(super) page: Page,
    pub(super) to: i64,
    /// How long the provider may be at work on a call in doubt.
    pub(super) safety: SignedDuration,
    /// What was settled around `to`.
    pub(super) near: i64,
    /// What was settled around the beginning of the sums.
    pub(super) slack: i64,
    /// Where the calls stand at the last entry.
    pub(super) calls: Calls,
    /// Whether a call was under way at `to`.
    pub(super) is_crossed: bool,
    /// The first entry of hours to come, and where the calls stood before it.
    pub(super) ahead: Option<(u64, Calls)>,
    pub(super) last: u64,
    is_new: bool,
}

impl Scan {
    pub(super) fn new(page: Page, to: Timestamp, safety: SignedDuration) -> Self {
        Self {
            to: to.as_second(),
            safety,
            near: 0,
            slack: 0,
            calls: page.calls.clone(),
            is_crossed: false,
            ahead: None,
            last: page.seen,
            is_new: false,
            page,
        }
    }

    /// Where to read from.
    pub(in crate::reconcile) const fn after(&self) -> u64 {
        self.page.after
    }

    /// An entry comes, which may have been read before.
    pub(in crate::reconcile) fn reach(&mut self, sequence: u64, at: Timestamp) {
        if at.as_second() >= self.to && self.ahead.is_none() {
            self.ahead = Some((sequence, self.calls.clone()));
        }
        self.is_new = sequence > self.page.seen;
        self.last = self.last.max(sequence);
    }

    /// A call begins.
    pub(in crate::reconcile) fn begin(&mut self, calling: &Calling) {
        let at = calling.at.as_second();
        self.calls.begin(calling.id, calling.attempt, at);
    }

    /// An attempt was drawn and paid for.
    pub(in crate::reconcile) fn render(
        &mut self,
        id: GenerationId,
        attempt: u32,
        at: Timestamp,
        cost: Usd,
    ) {
        let doubted = self.calls.resolve(id, attempt);
        let began = self.calls.end(id).or(doubted);
        self.settle(began, at, cost);
    }

    /// Counts what a call cost: once, in the hour of `at`, or in the next one that closes if it was
    /// written down too late for its own. What is older than the sums was told of with theirs.
    fn settle(&mut self, began: Option<i64>, at: Timestamp, cost: Usd) {
        let (at, cost) = (at.as_second(), cost.micros());
        self.ends(began, at);
        let is_counted = at >= self.page.since && (self.is_new || at >= self.page.until);
        if at < self.to && is_counted {
            self.page.settled += cost;
            let first = self.page.since + APART.as_secs();
            self.page.is_telling &= began.is_some_and(|began| began >= first);
        }
        if is_around(self.to, at) {
            self.near += cost;
        }
        if is_around(self.page.since, at) {
            self.slack += cost;
        }
    }

    /// What began before this hour's end and ended after it may be billed on either side.
    fn ends(&mut self, began: Option<i64>, at: i64) {
        let (early, late) = (self.to - APART.as_secs(), self.to + APART.as_secs());
        self.is_crossed |= began.unwrap_or(at) <= late && at >= early;
    }

    /// A call that was not billed has ended.
    pub(in crate::reconcile) fn clear(&mut self, id: GenerationId) {
        self.calls.resolve_last(id);
        self.calls.end(id);
    }

    /// A call that was paid for has ended without a picture.
    pub(in crate::reconcile) fn lose(&mut self, id: GenerationId, at: Timestamp, cost: Usd) {
        let doubted = self.calls.resolve_last(id);
        let doubted = doubted.and_then(|doubt| doubt.began);
        let began = self.calls.end(id).or(doubted);
        self.settle(began, at, cost);
    }

    /// A call was settled because the bill has it: where the bill has it, whenever that was.
    pub(in crate::reconcile) fn charge(&mut self, id: GenerationId, cost: Usd) {
        let Some(doubt) = self.calls.resolve_last(id) else {
            return;
        };
        if self.is_new && doubt.began_before() >= self.page.since {
            self.page.settled += cost.micros();
        }
    }

    /// Notes a call that may have been billed.
    pub(in crate::reconcile) fn doubt(&mut self, unknown: &Unknown) {
        let Unknown {
            id,
            attempt,
            reserved,
            at,
            ..
        } = unknown;
        self.calls
            .doubt(*id, *attempt, reserved.micros(), at.as_second());
    }

    /// Nobody waits any more to learn whether it was billed.
    pub(in crate::reconcile) fn give_up(&mut self, id: GenerationId) {
        self.calls.end(id);
        self.calls.give_up(id);
    }

    /// There is an entry that cannot be read: whatever it says, it is not in the sums.
    pub(in crate::reconcile) const fn miss(&mut self) {
        self.page.is_telling = false;
    }
}
