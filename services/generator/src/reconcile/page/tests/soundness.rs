//! Whatever happens in whatever order, no verdict is wrong.

use proptest::prelude::*;

use super::*;

/// What becomes of a call, in minutes after its beginning.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// Billed, and settled when we hear of it.
    Heard { billed: i64, settled: i64 },
    /// Nobody knows, and it was billed.
    Paid { billed: i64 },
    /// Nobody knows, and it never arrived.
    Lost,
}

#[derive(Debug, Clone, Copy)]
struct Call {
    began: i64,
    price: i64,
    fate: Fate,
}

impl Call {
    fn billed(&self) -> Option<i64> {
        match self.fate {
            Fate::Heard { billed, .. } | Fate::Paid { billed } => Some(self.began + billed),
            Fate::Lost => None,
        }
    }
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let heard = (0..20i64, 0..90i64).prop_map(|(billed, wait)| Fate::Heard {
        billed,
        settled: billed + wait,
    });
    let fate = prop_oneof![
        6 => heard,
        1 => (0..20i64).prop_map(|billed| Fate::Paid { billed }),
        1 => Just(Fate::Lost),
    ];
    let call =
        (-30..900i64, 1..3i64, fate).prop_map(|(began, price, fate)| Call { began, price, fate });
    prop::collection::vec(call, 1..10)
}

/// The ledger's entries: when, and of which call, and whether it begins.
fn entries(calls: &[Call]) -> Vec<(i64, usize, bool)> {
    let mut entries = Vec::new();
    for (n, call) in calls.iter().enumerate() {
        let end = match call.fate {
            Fate::Heard { settled, .. } => settled,
            Fate::Paid { .. } | Fate::Lost => 1,
        };
        entries.push((call.began, n, true));
        entries.push((call.began + end, n, false));
    }
    entries.sort_by_key(|(at, n, begins)| (*at, *n, !begins));
    entries
}

/// The verdicts of every hour of a day.
fn verdicts(calls: &[Call], lag: i64) -> Vec<(usize, Verdict)> {
    let (hour, mut page) = begun();
    let entries = entries(calls);
    let mut found = Vec::new();
    for n in 1..=20 {
        let (to, now) = (minutes(hour, 60 * n), 60 * n + 120);
        let from = page.billed_from(to);
        let mut scan = page.scan(to, SAFETY);
        let after = usize::try_from(scan.after() - 7).unwrap_or_default();
        for (sequence, (at, n, begins)) in (8..).zip(&entries).skip(after) {
            if *at > now {
                break;
            }
            let (call, name, at) = (calls[*n], n.to_string(), minutes(hour, *at));
            match (begins, call.fate) {
                (true, _) => scan.begins(sequence, &name, at),
                (false, Fate::Heard { .. }) => {
                    scan.reach(sequence, at);
                    scan.render(id(&name), 1, at, dollars(call.price));
                }
                (false, _) => {
                    scan.reach(sequence, at);
                    scan.doubt(&Unknown {
                        id: id(&name),
                        attempt: 1,
                        reason: String::new(),
                        reserved: dollars(call.price),
                        at,
                    });
                }
            }
        }
        let is_told = |at: &i64| {
            let time = minutes(hour, *at);
            *at + lag <= now && time >= from && time < to
        };
        let told = calls
            .iter()
            .filter(|call| call.billed().is_some_and(|at| is_told(&at)));
        let cost = told.clone().map(|call| call.price).sum();
        let last = told.filter_map(Call::billed).max();
        let bill = Bill {
            last: last.map(|at| hour_of(minutes(hour, at)).as_second()),
            ..bill(from, dollars(cost), hour)
        };
        let (next, outcome) = scan.close(&bill);
        if let Outcome::Settles(verdicts) = outcome {
            for verdict in verdicts {
                let n = (0..calls.len()).find(|n| id(&n.to_string()) == verdict.id);
                found.push((n.unwrap_or(usize::MAX), verdict));
            }
        }
        page = next;
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_verdict_is_wrong(calls in calls(), lag in 0..120i64) {
        for (n, verdict) in verdicts(&calls, lag) {
            let call = calls[n];
            let was_billed = matches!(call.fate, Fate::Paid { .. });
            prop_assert_eq!(verdict.cost.is_some(), was_billed, "{:?}", call);
            let was_heard = matches!(call.fate, Fate::Heard { .. });
            prop_assert!(!was_heard, "{call:?}");
        }
    }
}

#[test]
fn there_are_verdicts() {
    let (heard, price) = (
        Fate::Heard {
            billed: 1,
            settled: 2,
        },
        1,
    );
    let call = |began, fate| Call { began, price, fate };
    for fate in [Fate::Lost, Fate::Paid { billed: 1 }] {
        let found = verdicts(&[call(30, fate), call(130, heard)], 20);
        assert!(!found.is_empty(), "{fate:?}");
    }
}
