mod soundness;

use domain::{Calling, Tenant, Unknown};

use super::*;

const SAFETY: SignedDuration = SignedDuration::from_hours(2);

/// An hour that begins, and the page of the next one.
fn begun() -> (Timestamp, Page) {
    let hour = second(1_795_003_200);
    (second(1_795_003_200 + HOUR), Page::begin(hour, 7))
}

fn minutes(hour: Timestamp, minutes: i64) -> Timestamp {
    second(hour.as_second() + minutes * 60)
}

const fn dollars(dollars: i64) -> Usd {
    Usd::from_micros(dollars * 1_000_000)
}

fn id(name: &str) -> GenerationId {
    GenerationId::of_key(&Tenant::default(), name)
}

/// A bill from `from` on, whose last charge is in the hour of `last`.
fn bill(from: Timestamp, cost: Usd, last: Timestamp) -> Bill {
    Bill {
        from,
        cost: cost.micros(),
        gives_back: false,
        last: Some(hour_of(last).as_second()),
    }
}

impl Scan {
    fn begins(&mut self, sequence: u64, name: &str, at: Timestamp) {
        self.reach(sequence, at);
        self.begin(&Calling {
            id: id(name),
            attempt: 1,
            token: "t".to_owned(),
            route: "/r".to_owned(),
            images: 1,
            reserved: dollars(1),
            at,
        });
    }

    /// Bought at once.
    fn buys(&mut self, sequence: u64, name: &str, at: Timestamp, cost: Usd) {
        self.begins(sequence, name, at);
        self.render(id(name), 1, at, cost);
    }

    /// Called, and not answered a minute later.
    fn loses(&mut self, sequence: u64, name: &str, began: Timestamp, reserved: Usd) {
        self.begins(sequence, name, began);
        let at = minutes(began, 1);
        self.reach(sequence + 1, at);
        self.doubt(&Unknown {
            id: id(name),
            attempt: 1,
            reason: "no answer".to_owned(),
            reserved,
            at,
        });
    }
}

impl Page {
    fn since(&self) -> Timestamp {
        second(self.since)
    }
}

fn absent(name: &str) -> Verdict {
    Verdict {
        id: id(name),
        attempt: 1,
        cost: None,
    }
}

fn paid(name: &str, cost: Usd) -> Verdict {
    Verdict {
        cost: Some(cost),
        ..absent(name)
    }
}

#[test]
fn each_entry_is_counted_once_also_if_it_is_read_twice_or_late() {
    let (hour, page) = begun();
    let (second, third) = (minutes(hour, 60), minutes(hour, 120));
    let mut scan = page.scan(second, SAFETY);
    scan.buys(8, "a", minutes(hour, 30), dollars(1));
    scan.buys(9, "b", minutes(hour, 70), dollars(2));
    scan.buys(10, "c", minutes(hour, 31), dollars(4));
    let (page, outcome) = scan.close(&bill(hour, dollars(5), hour));
    assert_eq!(outcome, Outcome::Agrees);
    assert_eq!((page.after, page.seen), (8, 10));

    let mut scan = page.scan(third, SAFETY);
    scan.buys(9, "b", minutes(hour, 70), dollars(2));
    scan.buys(10, "c", minutes(hour, 31), dollars(4));
    let (page, outcome) = scan.close(&bill(second, dollars(2), second));
    assert_eq!(outcome, Outcome::Agrees);
    assert_eq!((page.since(), page.settled), (third, 0));
}

#[test]
fn what_is_billed_before_the_hour_ends_and_settled_after_is_no_difference() {
    let (hour, page) = begun();
    let mut scan = page.scan(minutes(hour, 60), SAFETY);
    scan.buys(8, "a", minutes(hour, 61), dollars(3));
    let (page, outcome) = scan.close(&bill(hour, dollars(3), hour));
    assert_eq!(outcome, Outcome::Agrees);

    let mut scan = page.scan(minutes(hour, 120), SAFETY);
    scan.buys(8, "a", minutes(hour, 61), dollars(3));
    let (page, outcome) = scan.close(&bill(hour, dollars(3), hour));
    assert_eq!(outcome, Outcome::Agrees);
    assert_eq!(page.since(), minutes(hour, 120), "it came out even");
}

#[test]
fn what_hides_behind_a_busy_hours_end_is_found_when_it_adds_up() {
    let (hour, mut page) = begun();
    for n in 1..=3 {
        let end = minutes(hour, 60 * n);
        let sequence = 7 + 10 * n.unsigned_abs();
        let mut scan = page.scan(end, SAFETY);
        scan.buys(sequence, "a", minutes(end, -1), dollars(5));
        let (next, outcome) = scan.close(&bill(hour, dollars(7 * n), hour));
        // Two dollars an hour too many, and five that may belong to either side.
        match n {
            1 | 2 => assert_eq!(outcome, Outcome::Agrees, "{n}"),
            _ => {
                let Outcome::Differs(gap) = outcome else {
                    panic!("{next:?}");
                };
                assert_eq!(
                    (gap.from, gap.billed, gap.settled),
                    (hour, dollars(21), dollars(15))
                );
                assert_eq!((next.billed, next.since()), (0, end), "and it is told once");
            }
        }
        page = next;
    }
}

#[test]
fn doubts_are_candidates_until_they_are_settled() {
    let (hour, page) = begun();
    let mut scan = page.scan(minutes(hour, 60), SAFETY);
    for (sequence, name) in (8..).step_by(2).zip(["open", "cleared", "again"]) {
        scan.loses(sequence, name, minutes(hour, -1), dollars(1));
    }
    scan.clear(id("cleared"));
    scan.give_up(id("again"));
    let (page, outcome) = scan.close(&bill(hour, dollars(1), hour));

    let Outcome::Differs(gap) = outcome else {
        panic!("{page:?}");
    };
    assert_eq!(gap.unknown, dollars(2));
    let mut candidates = vec![id("open"), id("again")];
    candidates.sort_by_key(ToString::to_string);
    assert_eq!(gap.candidates, candidates);
}

/// One bought at 10 minutes for 3 dollars, one lost at 20 for 1.
fn doubtful(page: Page, to: Timestamp) -> Scan {
    let hour = page.since();
    let mut scan = page.scan(to, SAFETY);
    scan.buys(8, "bought", minutes(hour, 10), dollars(3));
    scan.loses(9, "lost", minutes(hour, 20), dollars(1));
    scan
}

#[test]
fn what_the_bill_has_not_was_not_billed_once_the_bill_goes_far_enough() {
    let (hour, page) = begun();
    let early = minutes(hour, 120);
    let scan = doubtful(page, early);
    let (early, outcome) = scan.close(&bill(hour, dollars(3), minutes(hour, 60)));
    assert_eq!(outcome, Outcome::Agrees, "too early to tell");
    assert_eq!(early.since(), hour, "and it is waited for");

    let to = minutes(hour, 240);
    let silent = bill(hour, dollars(3), minutes(hour, 10));
    let (silent, outcome) = early.clone().scan(to, SAFETY).close(&silent);
    assert_eq!(outcome, Outcome::Agrees, "nothing was billed since");
    assert_eq!(silent.since(), hour);

    let mut scan = early.scan(to, SAFETY);
    scan.buys(20, "later", minutes(hour, 130), dollars(2));
    let (page, outcome) = scan.close(&bill(hour, dollars(5), minutes(hour, 130)));
    assert_eq!(outcome, Outcome::Settles(vec![absent("lost")]));
    // It is told again until the ledger has it.
    let to = minutes(hour, 300);
    let late = bill(hour, dollars(5), minutes(hour, 130));
    let (again, outcome) = page.scan(to, SAFETY).close(&late);
    assert_eq!(outcome, Outcome::Settles(vec![absent("lost")]));
    let mut scan = again.scan(minutes(hour, 360), SAFETY);
    scan.reach(30, minutes(hour, 310));
    scan.clear(id("lost"));
    let (page, outcome) = scan.close(&late);
    assert_eq!(outcome, Outcome::Agrees);
    assert_eq!(page.since(), minutes(hour, 360));
}

#[test]
fn what_differs_by_exactly_the_doubts_was_billed() {
    let (hour, page) = begun();
    let to = minutes(hour, 240);
    let mut scan = doubtful(page, to);
    scan.loses(11, "other", minutes(hour, 30), dollars(2));
    let (page, outcome) = scan.close(&bill(hour, dollars(6), minutes(hour, 30)));
    let both = vec![paid("lost", dollars(1)), paid("other", dollars(2))];
    assert_eq!(outcome, Outcome::Settles(both));

    // One is told of by the desk, the other turns up by itself before that.
    let mut scan = page.scan(minutes(hour, 300), SAFETY);
    scan.reach(20, minutes(hour, 256));
    scan.charge(id("lost"), dollars(1));
    scan.reach(21, minutes(hour, 256));
    scan.render(id("other"), 1, minutes(hour, 256), dollars(2));
    let (page, outcome) = scan.close(&bill(hour, dollars(6), minutes(hour, 30)));
    assert_eq!(outcome, Outcome::Agrees);
    assert_eq!(
        page.since(),
        minutes(hour, 300),
        "both are where the bill has them"
    );
}

#[test]
fn which_of_several_it_is_cannot_be_told() {
    let (hour, page) = begun();
    let mut scan = doubtful(page, minutes(hour, 240));
    scan.loses(11, "other", minutes(hour, 30), dollars(1));
    let (page, outcome) = scan.close(&bill(hour, dollars(4), minutes(hour, 180)));
    let Outcome::Differs(gap) = outcome else {
        panic!("{page:?}");
    };
    assert_eq!((gap.unknown, gap.candidates.len()), (dollars(2), 2));
}

/// Each time something else could be in the sums.
#[test]
fn nothing_is_settled_where_the_sums_may_be_even_by_chance() {
    let (hour, page) = begun();
    let to = minutes(hour, 240);
    type Spoil = fn(&mut Scan, Timestamp);
    let spoils: [(&str, Spoil); 6] = [
        ("an entry that cannot be read", |scan, _| scan.miss()),
        ("a call under way", |scan, hour| {
            scan.begins(20, "open", minutes(hour, 200))
        }),
        ("a call across the end", |scan, hour| {
            scan.begins(20, "long", minutes(hour, 200));
            scan.reach(21, minutes(hour, 250));
            scan.render(id("long"), 1, minutes(hour, 250), dollars(9));
        }),
        ("a call across the beginning", |scan, hour| {
            scan.begins(20, "long", minutes(hour, -30));
            scan.reach(21, minutes(hour, 15));
            scan.render(id("long"), 1, minutes(hour, 15), Usd::ZERO);
        }),
        ("a call whose beginning nobody read", |scan, hour| {
            scan.reach(20, minutes(hour, 15));
            scan.render(id("old"), 1, minutes(hour, 15), Usd::ZERO);
        }),
        ("something bought around the end", |scan, hour| {
            scan.buys(20, "near", minutes(hour, 241), dollars(9));
        }),
    ];
    for cost in [dollars(3), dollars(4)] {
        let good = bill(hour, cost, minutes(hour, 180));
        let (_, outcome) = doubtful(page.clone(), to).close(&good);
        assert!(matches!(outcome, Outcome::Settles(_)), "{outcome:?}");
        for (what, spoil) in &spoils {
            let mut scan = doubtful(page.clone(), to);
            spoil(&mut scan, hour);
            let (_, outcome) = scan.close(&good);
            assert!(
                !matches!(outcome, Outcome::Settles(_)),
                "{what}: {outcome:?}"
            );
        }
        let partial = bill(minutes(hour, 60), cost, minutes(hour, 180));
        let back = Bill {
            gives_back: true,
            ..bill(hour, cost, minutes(hour, 180))
        };
        for spoilt in [partial, back] {
            let (_, outcome) = doubtful(page.clone(), to).close(&spoilt);
            assert!(
                !matches!(outcome, Outcome::Settles(_)),
                "{spoilt:?}: {outcome:?}"
            );
        }
    }
    // What costs a cent is even with nothing.
    let mut scan = page.scan(to, SAFETY);
    scan.loses(8, "words", minutes(hour, 20), Usd::from_micros(CENT));
    let (_, outcome) = scan.close(&bill(hour, Usd::ZERO, minutes(hour, 180)));
    assert_eq!(outcome, Outcome::Agrees);
}

#[test]
fn after_a_day_nothing_is_waited_for() {
    let (hour, page) = begun();
    let scan = doubtful(page, minutes(hour, 24 * 60));
    let (page, outcome) = scan.close(&bill(hour, dollars(3), hour));
    assert_eq!(outcome, Outcome::Agrees);
    assert_eq!(page.since(), minutes(hour, 24 * 60));
    assert_eq!(page.calls.doubts(), []);
}

#[test]
fn a_page_is_read_back() -> anyhow::Result<()> {
    let (hour, page) = begun();
    let scan = doubtful(page, minutes(hour, 60));
    let (page, _) = scan.close(&bill(hour, dollars(3), hour));
    assert_eq!(page.calls.doubts().len(), 1);
    assert_eq!(Page::parse(&page.to_json()?), Some(page));
    assert_eq!(Page::parse(b"{}"), None);
    Ok(())
}
