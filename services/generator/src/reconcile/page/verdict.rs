//! What the bill says of the calls of which nobody knows whether they were billed. Pure.
//!
//! The bill names no call of ours; all it has is sums. They say something about single calls only
//! where nothing else can be in them, so all of this must hold, or nothing is said:
//!
//! - The whole span was billed and settled on one page: no call that was paid for began before the
//!   span or ended after it, so that each one is in both sums or in neither. None is under way, all
//!   entries could be read, and the bill gives nothing back that could hide a charge.
//! - A doubt began well inside the span, and so long before its end that the provider has finished
//!   it. The bill is read as long after the end: it lags by minutes, the safety time is hours.
//! - What it would cost is more than what counts as even.
//!
//! Then, if the sums are even to the cent, none of the doubts is in the bill. But a bill that was not
//! written up to then looks the same, and that would be paid for twice: so it must have a charge in
//! an hour that began after the doubt. Silence is no evidence. And if the sums differ by exactly what
//! all the doubts together cost, all of them are in the bill. Which of several it is cannot be told
//! from a sum, nor whether it is them or a stranger's that a part of the sum is for: people decide.

use domain::Usd;
use jiff::SignedDuration;

use super::calls::Doubt;
use super::{APART, Bill, CENT, Page, Scan};
use crate::dispatch::Verdict;

/// The longest span of a page that waits for the doubts in it to be told.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// How long the provider may be at work on a call.
const DRAWING: SignedDuration = SignedDuration::from_mins(15);

/// What the sums say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// What came of these.
    Settles(Vec<Verdict>),
    /// Nothing yet.
    NotYet,
    /// Nothing.
    Nothing,
}

/// Looks at a page whose sums go up to `scan.to`, the bill included.
pub(super) fn find(page: &Page, scan: &Scan, bill: &Bill) -> Finding {
    let after = scan.to + APART.as_secs();
    let doubts = scan.calls.doubts().iter();
    let doubts: Vec<&Doubt> = doubts
        .filter(|doubt| doubt.began_before() < after)
        .collect();
    if !is_telling(page, scan, bill) {
        return Finding::Nothing;
    }
    let verdicts = match is_quiet(scan) {
        true => verdicts(page, scan, bill, &doubts),
        false => Vec::new(),
    };
    match verdicts.is_empty() {
        false => Finding::Settles(verdicts),
        true if may_tell_later(page, scan, &doubts) => Finding::NotYet,
        true => Finding::Nothing,
    }
}

/// What the sums say of `doubts`, which are all that may be in the bill.
fn verdicts(page: &Page, scan: &Scan, bill: &Bill, doubts: &[&Doubt]) -> Vec<Verdict> {
    let gap = page.billed - page.settled;
    let is_settled = |doubt: &Doubt| is_inside(doubt, page) && doubt.is_ripe(scan.to, scan.safety);
    if gap.abs() <= CENT {
        let absent = doubts.iter().filter(|doubt| {
            let drawn = doubt.at.saturating_add(DRAWING.as_secs());
            is_settled(doubt) && bill.reaches(drawn)
        });
        absent.filter_map(|doubt| verdict(doubt, false)).collect()
    } else if (gap - reserved(doubts)).abs() <= CENT && doubts.iter().all(|d| is_settled(d)) {
        let paid = doubts.iter().filter_map(|doubt| verdict(doubt, true));
        paid.collect()
    } else {
        Vec::new()
    }
}

/// Whether a later hour may say more: of what is too new for this one, or once it ends in silence, or
/// when something was bought that shows how far the bill goes.
fn may_tell_later(page: &Page, scan: &Scan, doubts: &[&Doubt]) -> bool {
    let gap = page.billed - page.settled;
    let is_even = gap.abs() <= CENT;
    let is_explained = is_even || (gap > 0 && gap <= reserved(doubts) + scan.near + CENT);
    let is_new = |doubt: &&Doubt| !doubt.is_ripe(scan.to, scan.safety);
    let can_change = is_even || doubts.iter().any(is_new) || !is_quiet(scan);
    let is_short = scan.to - page.since < LONGEST.as_secs();
    let is_waited_for = |doubt: &&Doubt| is_inside(doubt, page) && !doubt.is_given_up;
    is_short && is_explained && can_change && doubts.iter().any(is_waited_for)
}

fn reserved(doubts: &[&Doubt]) -> i64 {
    doubts.iter().map(|doubt| doubt.reserved).sum()
}

/// Whether each call of the span is in both sums or in neither.
fn is_telling(page: &Page, scan: &Scan, bill: &Bill) -> bool {
    let is_whole = bill.from.as_second() == page.since;
    page.is_telling
        && is_whole
        && !bill.gives_back
        && page.slack == Some(0)
        && !scan.calls.is_full()
}

/// Whether nothing happened around the span's end.
fn is_quiet(scan: &Scan) -> bool {
    scan.near == 0 && !scan.is_busy()
}

/// Whether it began inside the span and cannot hide in what counts as even.
fn is_inside(doubt: &Doubt, page: &Page) -> bool {
    let first = page.since + APART.as_secs();
    doubt.began.is_some_and(|began| began >= first) && doubt.reserved > 2 * CENT
}

fn verdict(doubt: &Doubt, was_billed: bool) -> Option<Verdict> {
    let cost = was_billed.then(|| Usd::from_micros(doubt.reserved));
    let id = doubt.id.parse().ok().filter(|_| !doubt.is_given_up)?;
    Some(Verdict {
        id,
        attempt: doubt.attempt,
        cost,
    })
}
