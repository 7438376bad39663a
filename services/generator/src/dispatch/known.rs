//! Where a generation stands with the provider, read from its ledger. Pure.

use std::sync::Arc;

use domain::{Accepted, Event, GenerationId, Identity, Lane, OnDuplicate, Tenant, Usd};
use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use crate::line::Payer;

/// What a tenant asks for: its name and the request's identity, hashed together.
pub(super) type Wish = u128;

fn wish(tenant: &Tenant, identity: Identity) -> Wish {
    let text = format!("{tenant} {identity}");
    let digest = digest(&SHA256, text.as_bytes());
    let (first, _) = digest.as_ref().split_at(size_of::<Wish>());
    first
        .iter()
        .fold(0, |wish, byte| wish << 8 | Wish::from(*byte))
}

/// What the dispatcher needs to know of a request.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) lane: Lane,
    pub(super) payer: Payer,
    pub(super) images: u32,
    pub(super) reserved: Usd,
    pub(super) deadline: Option<Timestamp>,
    pub(super) wish: Wish,
    pub(super) on_duplicate: OnDuplicate,
}

impl Facts {
    pub(super) fn of(accepted: &Accepted) -> Self {
        let job = &accepted.job;
        let request = &job.request;
        let shared = |text: &str| Arc::<str>::from(text);
        Self {
            lane: request.lane,
            payer: Payer {
                tenant: job.tenant.clone(),
                campaign: request.campaign.as_deref().map(shared),
                key: job.api_key.as_deref().map(shared),
            },
            images: request.num_images,
            reserved: accepted.reserved,
            deadline: request.deadline,
            wish: wish(&job.tenant, request.identity()),
            on_duplicate: request.on_duplicate,
        }
    }
}

/// Where a generation stands with the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stand {
    /// Nothing is open at the provider: it may be called, unless it is to be left alone for a while.
    Open { until: Option<Timestamp> },
    /// It was about to be called, and whoever was about to has not said what came of it.
    Called { since: Timestamp },
    /// The provider has it.
    Submitted {
        provider_id: String,
        since: Timestamp,
    },
    /// The call may have been billed.
    Unknown { since: Timestamp },
    /// There is nothing more to buy, and this is what was paid, if that is known.
    Over { cost: Option<Usd> },
}

/// What the ledger says of one generation.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) facts: Facts,
    /// The sequence of the first entry.
    pub(super) began: u64,
    /// The sequence of the last entry.
    pub(super) sequence: u64,
    /// Attempts begun.
    pub(super) attempts: u32,
    /// Attempts failed.
    pub(super) failures: u32,
    /// Of the last attempt.
    pub(super) token: Option<Arc<str>>,
    /// The attempt that `stand` is about.
    pub(super) attempt: u32,
    /// When an attempt was last in doubt.
    pub(super) doubted_at: Option<Timestamp>,
    pub(super) stand: Stand,
    /// The attempt that may have been billed although it is tried again, or was.
    pub(super) doubted: Option<u32>,
}

impl Known {
    pub(super) fn begin(sequence: u64, accepted: &Accepted) -> Self {
        Self {
            facts: Facts::of(accepted),
            began: sequence,
            sequence,
            attempts: 0,
            failures: 0,
            token: None,
            attempt: 0,
            doubted_at: None,
            stand: Stand::Open { until: None },
            doubted: None,
        }
    }

    /// Reads it from a whole ledger, of which each kind is there once, the last.
    ///
    /// Rule: `calling` is never taken for "not called". Money may have been spent.
    pub(super) fn of(entries: &[bus::Entry]) -> Option<Self> {
        let mut entries = entries.iter();
        let first = entries.next()?;
        let Event::Accepted(accepted) = &first.event else {
            return None;
        };
        let mut known = Self::begin(first.sequence, accepted);
        entries.for_each(|entry| known.apply(entry.sequence, &entry.event));
        Some(known)
    }

    /// The next entry.
    pub(super) fn apply(&mut self, sequence: u64, event: &Event) {
        if matches!(self.stand, Stand::Over { .. }) {
            return;
        }
        self.sequence = sequence;
        self.stand = match event {
            Event::Calling(calling) => {
                self.attempts = self.attempts.max(calling.attempt);
                self.attempt = calling.attempt;
                self.token = Some(Arc::from(calling.token.as_str()));
                Stand::Called { since: calling.at }
            }
            Event::Submitted(submitted) => {
                self.attempt = submitted.attempt;
                Stand::Submitted {
                    provider_id: submitted.provider_id.clone(),
                    since: submitted.at,
                }
            }
            Event::Unknown(unknown) => {
                self.attempt = unknown.attempt;
                self.doubted_at = Some(unknown.at);
                Stand::Unknown { since: unknown.at }
            }
            Event::Parked(parked) => {
                self.failures = parked.failures;
                // Earlier versions do not say which.
                let last = parked.in_doubt.then_some(self.attempt);
                self.doubted = parked.doubted.or(last);
                Stand::Open {
                    until: parked.until,
                }
            }
            Event::Rendered(rendered) => {
                self.attempt = rendered.attempt;
                Stand::Over {
                    cost: Some(rendered.cost),
                }
            }
            Event::Completed(completed) => Stand::Over {
                cost: Some(completed.cost),
            },
            Event::Failed(failed) => {
                // What was given up in doubt may have been billed; if the doubt is an earlier
                // attempt's, the last one was not.
                let is_doubtful = failed.failure.billed == domain::Billed::Unknown;
                let earlier = self.doubted.filter(|doubted| *doubted != self.attempt);
                let is_last = matches!(self.stand, Stand::Unknown { .. }) || earlier.is_none();
                Stand::Over {
                    cost: (!(is_doubtful && is_last)).then_some(failed.cost),
                }
            }
            _ => return,
        };
    }
}

/// The generation that an entry of the ledger is about, if it matters for what is bought.
pub(super) const fn subject_of(event: &Event) -> Option<GenerationId> {
    match event {
        Event::Accepted(event) => Some(event.job.id),
        Event::Calling(event) => Some(event.id),
        Event::Submitted(event) => Some(event.id),
        Event::Unknown(event) => Some(event.id),
        Event::Parked(event) => Some(event.id),
        Event::Rendered(event) => Some(event.job.id),
        Event::Completed(event) => Some(event.job.id),
        Event::Failed(event) => Some(event.id),
        _ => None,
    }
}

/// The kinds of entries that matter for what is bought.
pub(super) const ENTRIES: [&str; 8] = [
    "generation.accepted.*",
    "generation.calling.*",
    "generation.submitted.*",
    "generation.unknown.*",
    "generation.parked.*",
    "generation.rendered.*",
    "generation.completed.*",
    "generation.failed.*",
];

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Calling, Job, Parked, Request, Submitted, Unknown};

    fn known(events: Vec<Event>) -> Known {
        let (id, at) = (GenerationId::generate(), Timestamp::UNIX_EPOCH);
        let job = Job::new(id, Tenant::default(), Request::new("a"), at);
        let accepted = Accepted {
            job,
            callback_url: None,
            reserved: Usd::ZERO,
        };
        let mut known = Known::begin(9, &accepted);
        for (event, sequence) in events.iter().zip(10..) {
            known.apply(sequence, event);
        }
        known
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

    fn parked(failures: u32) -> Event {
        let (id, at) = (GenerationId::generate(), Timestamp::UNIX_EPOCH);
        Event::from(Parked {
            id,
            reason: String::new(),
            failures,
            until: None,
            in_doubt: false,
            doubted: None,
            at,
        })
    }

    #[test]
    fn a_call_without_a_successor_is_never_open() {
        let since = Timestamp::UNIX_EPOCH;
        let known = known(vec![calling(1)]);
        assert_eq!(known.stand, Stand::Called { since });
        assert_eq!((known.attempts, known.sequence), (1, 10));
    }

    #[test]
    fn a_refused_call_may_be_repeated_under_another_number() {
        let refused = known(vec![calling(1), parked(1)]);
        assert_eq!(refused.stand, Stand::Open { until: None });
        assert_eq!((refused.attempts, refused.failures), (1, 1));
        // Of each kind only the last entry is kept.
        let again = known(vec![parked(1), calling(2)]);
        assert!(matches!(again.stand, Stand::Called { .. }));
        assert_eq!((again.attempts, again.failures), (2, 1));
    }

    #[test]
    fn a_submitted_call_is_found_again_also_after_a_doubt() {
        let (id, at) = (GenerationId::generate(), Timestamp::UNIX_EPOCH);
        let unknown = Event::from(Unknown {
            id,
            attempt: 1,
            reason: String::new(),
            reserved: Usd::ZERO,
            at,
        });
        assert_eq!(
            known(vec![calling(1), unknown.clone()]).stand,
            Stand::Unknown { since: at }
        );
        let submitted = Event::from(Submitted {
            id,
            attempt: 1,
            provider_id: "abc".to_owned(),
            at,
        });
        assert!(matches!(
            known(vec![calling(1), unknown, submitted]).stand,
            Stand::Submitted { .. }
        ));
    }
}
