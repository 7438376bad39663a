//! One lane: whose turn it is.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use super::ticket::Waiting;

/// When a group is served next, compared with the others of its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    /// Counted in images, so that who asks for four at a time comes a quarter as often.
    at: u64,
    /// Of those with equal turns, who took theirs first.
    serial: u64,
    pub(super) group: u32,
}

/// The groups of one lane that have work and can pay for it, in the order of their turns: start-time
/// fair queueing (Goyal, Vin and Cheng 1996), but that who comes anew starts after all who are due
/// now, so that no number of newcomers keeps the others from their turn.
#[derive(Debug, Default)]
pub(super) struct Ring {
    /// By the number of images that the group has tickets for, so that one which fits is found
    /// without looking at those that do not.
    sizes: BTreeMap<u32, BTreeSet<Turn>>,
    /// The latest turn that was served.
    clock: u64,
    serial: u64,
    /// The tickets whose turn it was and which did not fit, by what the line had granted until then.
    /// Others go ahead of them for a while, which is counted for each.
    pub(super) overtaken: BTreeSet<(NonZeroU64, u32)>,
    /// How many images had been granted when places were last kept for one and it got them.
    pub(super) kept_at: Option<u64>,
    /// How many images went to other lanes while this one had work, since it last got any.
    pub(super) passed_over: u32,
    /// Everything in the lane, also of those who cannot pay.
    pub(super) waiting: Waiting,
}

impl Ring {
    pub(super) fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// The group whose turn it is.
    pub(super) fn first(&self) -> Option<u32> {
        let firsts = self.sizes.values().filter_map(|ring| ring.first());
        firsts.min().map(|turn| turn.group)
    }

    /// The most images, up to `most`, that a group has tickets for, and the group whose turn it is of
    /// those.
    pub(super) fn largest(&self, most: u32) -> Option<(u32, u32)> {
        let (images, ring) = self.sizes.range(..=most).next_back()?;
        ring.first().map(|turn| (*images, turn.group))
    }

    /// The turn of a group that was not in the ring.
    pub(super) fn newcomer(&mut self, group: u32) -> Turn {
        self.turn(self.clock + 1, group)
    }

    /// The turn of a group that comes back and had `turn` when it left.
    pub(super) fn returned(&mut self, turn: Turn) -> Turn {
        self.turn(turn.at.max(self.clock + 1), turn.group)
    }

    /// The turn of a group that was just given `images`.
    pub(super) fn served(&mut self, turn: Turn, images: u32) -> Turn {
        self.clock = self.clock.max(turn.at);
        self.turn(turn.at + u64::from(images), turn.group)
    }

    pub(super) fn insert(&mut self, turn: Turn, images: u32) {
        self.sizes.entry(images).or_default().insert(turn);
    }

    pub(super) fn remove(&mut self, turn: Turn, images: u32) {
        if let Some(ring) = self.sizes.get_mut(&images) {
            ring.remove(&turn);
            if ring.is_empty() {
                self.sizes.remove(&images);
            }
        }
    }

    /// A ticket got `images`; it was of this lane or of another.
    pub(super) fn granted(&mut self, images: u32, own: bool) {
        self.passed_over = if own || self.is_empty() {
            0
        } else {
            self.passed_over.saturating_add(images)
        };
    }

    fn turn(&mut self, at: u64, group: u32) -> Turn {
        self.serial += 1;
        Turn {
            at,
            serial: self.serial,
            group,
        }
    }
}
