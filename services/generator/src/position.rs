//! Where a generation stands with the provider, read from its ledger.

use bus::Entry;
use domain::Event;
use jiff::Timestamp;

/// Where a generation stands with the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Position {
    /// Nothing is open at the provider: it may be called.
    Open {
        /// The sequence of the ledger's last entry.
        last: u64,
        /// Which attempt the next call will be.
        attempt: u32,
    },
    /// It was about to be called, and whoever was about to has not said what came of it.
    Called {
        /// The sequence of the ledger's last entry.
        last: u64,
        /// Which attempt.
        attempt: u32,
        /// When.
        since: Timestamp,
    },
    /// The provider has it.
    Submitted {
        /// The sequence of the ledger's last entry.
        last: u64,
        /// Which attempt.
        attempt: u32,
        /// The provider's name for it.
        provider_id: String,
        /// Since when.
        since: Timestamp,
    },
    /// There is nothing for us to do.
    Settled,
}

impl Position {
    /// Reads it. Rule: `calling` is never taken for "not called". Money may have been spent.
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let attempts = entries.iter().filter_map(|entry| match &entry.event {
            Event::Calling(calling) => Some(calling.attempt),
            _ => None,
        });
        let attempt = attempts.max().unwrap_or(0);
        let Some(Entry {
            sequence: last,
            event,
        }) = entries.last()
        else {
            return Self::Settled;
        };
        let last = *last;
        match event {
            Event::Accepted(_) | Event::Parked(_) => Self::Open {
                last,
                attempt: attempt + 1,
            },
            Event::Calling(calling) => Self::Called {
                last,
                attempt: calling.attempt,
                since: calling.at,
            },
            Event::Submitted(submitted) => Self::Submitted {
                last,
                attempt: submitted.attempt,
                provider_id: submitted.provider_id.clone(),
                since: submitted.at,
            },
            _ => Self::Settled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Calling, GenerationId, Parked, Submitted, Unknown, Usd};

    fn ledger(events: Vec<Event>) -> Vec<Entry> {
        let entry = |(event, sequence)| Entry { sequence, event };
        events.into_iter().zip(10..).map(entry).collect()
    }

    fn calling(attempt: u32) -> Event {
        Event::from(Calling {
            id: GenerationId::generate(),
            attempt,
            token: "t".to_owned(),
            route: "/r".to_owned(),
            images: 1,
            reserved: Usd::ZERO,
            at: Timestamp::UNIX_EPOCH,
        })
    }

    fn called(last: u64, attempt: u32) -> Position {
        Position::Called {
            last,
            attempt,
            since: Timestamp::UNIX_EPOCH,
        }
    }

    fn parked() -> Event {
        let (id, at) = (GenerationId::generate(), Timestamp::UNIX_EPOCH);
        Event::from(Parked {
            id,
            reason: String::new(),
            at,
        })
    }

    #[test]
    fn a_call_without_a_successor_is_never_open() {
        assert_eq!(Position::of(&ledger(vec![calling(1)])), called(10, 1));
    }

    #[test]
    fn a_refused_call_opens_the_next_attempt() {
        let entries = ledger(vec![calling(1), parked()]);
        assert_eq!(
            Position::of(&entries),
            Position::Open {
                last: 11,
                attempt: 2
            }
        );
        // Of each kind only the last entry is kept.
        let entries = ledger(vec![parked(), calling(2)]);
        assert_eq!(Position::of(&entries), called(11, 2));
    }

    #[test]
    fn a_submitted_call_is_found_again() {
        let (id, at) = (GenerationId::generate(), Timestamp::UNIX_EPOCH);
        let provider_id = "abc".to_owned();
        let submitted = Submitted {
            id,
            attempt: 1,
            provider_id: provider_id.clone(),
            at,
        };
        let entries = ledger(vec![calling(1), submitted.into()]);
        assert_eq!(
            Position::of(&entries),
            Position::Submitted {
                last: 11,
                attempt: 1,
                provider_id,
                since: at
            }
        );
    }

    #[test]
    fn what_is_unknown_or_missing_is_left_alone() {
        let (id, at) = (GenerationId::generate(), Timestamp::UNIX_EPOCH);
        let unknown = Unknown {
            id,
            attempt: 1,
            reason: String::new(),
            reserved: Usd::ZERO,
            at,
        };
        assert_eq!(
            Position::of(&ledger(vec![calling(1), unknown.into()])),
            Position::Settled
        );
        assert_eq!(Position::of(&[]), Position::Settled);
    }
}
