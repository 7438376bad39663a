//! What the calls of one generation come to, as entries that can be added up. No I/O.

use domain::{Billed, Code, Generation, Image, ImageState, Status, Usd};

use crate::ledger::{Call, Ledger, State};
use crate::spend::Spend;

/// One call, or the one that was saved by handing out earlier images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name within the generation.
    pub(crate) call: u32,
    /// When it began, in microseconds since 1970.
    pub(crate) at: i64,
    pub(crate) spend: Spend,
}

impl Ledger {
    /// The entries of `generation`. A call that was not billed has none.
    pub(crate) fn entries(&self, generation: &Generation) -> Vec<Entry> {
        let calls = self
            .calls
            .iter()
            .filter(|call| call.state() != State::Released);
        let mut entries: Vec<_> = calls
            .map(|call| Entry {
                call: call.number,
                at: call.at,
                spend: self.spend(call, generation),
            })
            .collect();
        if entries.is_empty() {
            entries.extend(saved(generation));
        }
        entries
    }

    fn spend(&self, call: &Call, generation: &Generation) -> Spend {
        let reserved = Usd::from_micros(call.reserved);
        match call.state() {
            State::Open => Spend {
                reserved,
                ..Spend::default()
            },
            State::Unknown => Spend {
                unknown: reserved,
                ..Spend::default()
            },
            State::Settled => self.settled(call, generation),
            State::Released => Spend::default(),
        }
    }

    /// Each micro-dollar is wasted for one reason at the most.
    fn settled(&self, call: &Call, generation: &Generation) -> Spend {
        let pictures = call.images.max(1);
        let is_late = call.late || generation.status == Status::Failed;
        let withheld = self.withheld(call, generation).min(pictures);
        let lost = match is_late {
            true => pictures,
            false => withheld + count(generation, |image| self.is_lost(image)),
        };
        let share = |part: u32| {
            let share = i128::from(call.cost) * i128::from(part) / i128::from(pictures);
            i64::try_from(share).unwrap_or(i64::MAX)
        };
        let (withheld, wasted) = (share(withheld), share(lost.min(pictures)));
        let is_repeated = (generation.job.as_ref()).is_some_and(|job| job.duplicate_of.is_some());
        let rest = if is_repeated { call.cost - wasted } else { 0 };
        let delivered = |image: &Image| is_delivered(image) && !self.is_lost(image);
        Spend {
            images: match is_late {
                true => 0,
                false => u64::from(count(generation, delivered)),
            },
            settled: Usd::from_micros(call.cost),
            withheld: Usd::from_micros(withheld),
            late: Usd::from_micros(wasted - withheld),
            duplicate: Usd::from_micros(rest),
            ..Spend::default()
        }
    }

    fn withheld(&self, call: &Call, generation: &Generation) -> u32 {
        match call.withheld {
            Some(withheld) => withheld,
            None if self.rest_withheld => {
                let kept = u32::try_from(self.recovered.len()).unwrap_or(u32::MAX);
                call.images.max(1).saturating_sub(kept)
            }
            None if call.late => 0,
            None => count(generation, |image| image.state == ImageState::Withheld),
        }
    }

    fn is_lost(&self, image: &Image) -> bool {
        let is_recovered = || {
            let id = image.id.to_string();
            self.recovered.contains(&id)
        };
        image.state == ImageState::DownloadFailed || (!self.recovered.is_empty() && is_recovered())
    }

    /// What can be said of a generation that was written down before there were ledgers: one call.
    pub(crate) fn of(generation: &Generation) -> Self {
        let settled = generation.cost.settled.unwrap_or_default();
        let error = generation.error.as_ref();
        let is_over = matches!(
            generation.status,
            Status::Completed | Status::Ready | Status::Failed
        );
        let is_in_doubt = error.is_some_and(|error| error.billed == Billed::Unknown);
        let state = match generation.status {
            _ if settled > Usd::ZERO => State::Settled,
            Status::Completed | Status::Ready => State::Settled,
            Status::Unknown => State::Unknown,
            Status::Failed if is_in_doubt => State::Unknown,
            Status::Running => State::Open,
            Status::Accepted | Status::Parked | Status::Failed => State::Released,
        };
        let asked = generation.job.as_ref().map(|job| job.request.num_images);
        let call = Call {
            attempt: 1,
            at: generation.created_at.as_microsecond(),
            images: asked.unwrap_or(1),
            reserved: generation.cost.reserved.micros(),
            cost: settled.micros(),
            ..Call::default()
        };
        let mut ledger = Self {
            over: is_over,
            rest_withheld: error.is_some_and(|error| error.code == Code::AllWithheld),
            ..Self::default()
        };
        if state != State::Released {
            ledger.calls.push(Call {
                state: state.into(),
                ..call
            });
        }
        ledger
    }
}

/// What was not bought because earlier images were handed out.
fn saved(generation: &Generation) -> Option<Entry> {
    let is_served = matches!(generation.status, Status::Completed | Status::Ready);
    generation.job.as_ref()?.duplicate_of?;
    let at = generation.completed_at.unwrap_or(generation.created_at);
    is_served.then(|| Entry {
        call: 0,
        at: at.as_microsecond(),
        spend: Spend {
            images: u64::from(count(generation, is_delivered)),
            saved: generation.cost.reserved,
            ..Spend::default()
        },
    })
}

/// Also what was deleted since had been delivered.
const fn is_delivered(image: &Image) -> bool {
    matches!(
        image.state,
        ImageState::Stored | ImageState::Ready | ImageState::Deleted
    )
}

fn count(generation: &Generation, meets: impl Fn(&Image) -> bool) -> u32 {
    let pictures = generation.images.iter().filter(|image| meets(image));
    u32::try_from(pictures.count()).unwrap_or(u32::MAX)
}
