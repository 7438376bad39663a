use domain::Tenant;

use super::*;

/// An hour that begins, and the page of the next one.
fn begun() -> (Timestamp, Page) {
    let hour = second(1_795_003_200);
    (second(1_795_003_200 + HOUR), Page::begin(hour, 7))
}

fn minutes(hour: Timestamp, minutes: i64) -> Timestamp {
    second(hour.as_second() + minutes * 60)
}

fn dollars(dollars: i64) -> Usd {
    Usd::from_micros(dollars * 1_000_000)
}

#[test]
fn each_entry_is_counted_once_also_if_it_is_read_twice_or_late() {
    let (hour, page) = begun();
    let (second, third) = (minutes(hour, 60), minutes(hour, 120));
    let mut scan = page.scan(second);
    scan.settle(8, minutes(hour, 30), dollars(1));
    scan.settle(9, minutes(hour, 70), dollars(2));
    scan.settle(10, minutes(hour, 31), dollars(4));
    let (page, outcome) = scan.close(dollars(5));
    assert_eq!(outcome, Outcome::Agrees);
    assert_eq!((page.after, page.seen), (8, 10));

    let mut scan = page.scan(third);
    scan.settle(9, minutes(hour, 70), dollars(2));
    scan.settle(10, minutes(hour, 31), dollars(4));
    let (page, outcome) = scan.close(dollars(2));
    assert_eq!(outcome, Outcome::Agrees);
    assert_eq!((page.since(), page.settled), (third, 0));
}

#[test]
fn what_is_billed_before_the_hour_ends_and_settled_after_is_no_difference() {
    let (hour, page) = begun();
    let mut scan = page.scan(minutes(hour, 60));
    scan.settle(8, minutes(hour, 61), dollars(3));
    let (page, outcome) = scan.close(dollars(3));
    assert_eq!(outcome, Outcome::Agrees);

    let mut scan = page.scan(minutes(hour, 120));
    scan.settle(8, minutes(hour, 61), dollars(3));
    let (page, outcome) = scan.close(Usd::ZERO);
    assert_eq!(outcome, Outcome::Agrees);
    assert_eq!(page.since(), minutes(hour, 120), "it came out even");
}

#[test]
fn what_hides_behind_a_busy_hours_end_is_found_when_it_adds_up() {
    let (hour, mut page) = begun();
    for n in 1..=3 {
        let end = minutes(hour, 60 * n);
        let sequence = 7 + 10 * n.unsigned_abs();
        let mut scan = page.scan(end);
        scan.settle(sequence, minutes(end, -1), dollars(5));
        let (next, outcome) = scan.close(dollars(7));
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
    let doubt = |name: &str, attempt, at| Unknown {
        id: GenerationId::of_key(&Tenant::default(), name),
        attempt,
        reason: "no answer".to_owned(),
        reserved: dollars(1),
        at,
    };
    let (open, paid) = (doubt("open", 1, hour), doubt("paid", 1, hour));
    let again = doubt("again", 1, hour);
    let mut scan = page.scan(minutes(hour, 60));
    for (sequence, unknown) in (8..).zip([&open, &paid, &again]) {
        scan.doubt(sequence, unknown);
    }
    scan.resolve(paid.id, None);
    scan.resolve(again.id, Some(2));
    let (page, outcome) = scan.close(dollars(1));

    let Outcome::Differs(gap) = outcome else {
        panic!("{page:?}");
    };
    assert_eq!(gap.unknown, dollars(2));
    let mut candidates = vec![open.id, again.id];
    candidates.sort_by_key(ToString::to_string);
    assert_eq!(gap.candidates, candidates);
    assert!(page.unknown.is_empty());
}

#[test]
fn a_page_is_read_back() -> anyhow::Result<()> {
    let (hour, page) = begun();
    let (page, _) = page.scan(minutes(hour, 60)).close(dollars(2));
    assert_eq!(Page::parse(&page.to_json()?), Some(page));
    assert_eq!(Page::parse(b"{}"), None);
    Ok(())
}

impl Page {
    fn since(&self) -> Timestamp {
        second(self.since)
    }
}
