//! What one payer has waiting in one lane, in the order in which it came.

use std::num::NonZeroU64;
use std::time::Instant;

use domain::{GenerationId, Lane, Usd};
use slab::Slab;

use super::ring::{Ring, Turn};
use super::ticket::{Payer, Ticket, Waiting};

/// A ticket as it is kept: what many have in common is in their group.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: GenerationId,
    pub(super) images: u32,
    pub(super) group: u32,
    /// What the line had granted when it was first passed over.
    pub(super) overtaken: Option<NonZeroU64>,
    sequence: u64,
    reserved: Usd,
    since: Instant,
    /// Its number in the group; what came earlier has a smaller one.
    number: i64,
    before: Option<u32>,
    after: Option<u32>,
}

/// Tickets of one group for equally many images. It is linked through the nodes, so that taking
/// out one of a hundred thousand costs nothing.
#[derive(Debug)]
struct Chain {
    images: u32,
    first: u32,
    last: u32,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) lane: Lane,
    pub(super) payer: Payer,
    pub(super) turn: Turn,
    pub(super) waiting: Waiting,
    /// Those that could not be paid for when they were asked about. While the oldest of all is among
    /// them, the group is out of the ring; while the oldest for so many images is, that size is.
    refused: Vec<u32>,
    next_number: i64,
    /// None is empty, no two are for equally many images, and the order means nothing.
    chains: Vec<Chain>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Front,
    Back,
}

impl Node {
    pub(super) fn new(ticket: &Ticket, group: u32) -> Self {
        Self {
            id: ticket.id,
            images: ticket.images.max(1),
            group,
            overtaken: None,
            sequence: ticket.sequence,
            reserved: ticket.reserved,
            since: ticket.since,
            number: 0,
            before: None,
            after: None,
        }
    }

    pub(super) fn ticket(&self, group: &Group) -> Ticket {
        Ticket {
            id: self.id,
            sequence: self.sequence,
            lane: group.lane,
            payer: group.payer.clone(),
            images: self.images,
            reserved: self.reserved,
            since: self.since,
        }
    }

    /// Sorts by group, and within it by age.
    pub(super) fn rank(&self) -> (u32, i64) {
        (self.group, self.number)
    }
}

impl Group {
    pub(super) fn new(lane: Lane, payer: Payer, turn: Turn) -> Self {
        Self {
            lane,
            payer,
            turn,
            waiting: Waiting::default(),
            refused: Vec::new(),
            next_number: 0,
            chains: Vec::new(),
        }
    }

    /// For how many images its tickets in the ring are.
    pub(super) fn sizes(&self, nodes: &Slab<Node>) -> impl Iterator<Item = u32> + '_ {
        let aside = self.is_aside(nodes);
        let waits = move |chain: &&Chain| aside || self.refused.contains(&chain.first);
        let chains = self.chains.iter().filter(move |chain| !waits(chain));
        chains.map(|chain| chain.images)
    }

    /// Whether all of it waits for the money for its oldest.
    pub(super) fn is_aside(&self, nodes: &Slab<Node>) -> bool {
        let oldest = || self.oldest(nodes);
        self.waits_for_money() && oldest().is_some_and(|oldest| self.refused.contains(&oldest))
    }

    /// Whether any of it waits for money.
    pub(super) const fn waits_for_money(&self) -> bool {
        !self.refused.is_empty()
    }

    /// `slot` could not be paid for. It is not asked about again until [`Self::recall`].
    pub(super) fn refuse(&mut self, slot: u32) {
        self.refused.push(slot);
    }

    /// Everybody may be asked about again.
    pub(super) fn recall(&mut self) {
        self.refused = Vec::new();
    }

    /// Makes a change, and moves the group in the ring as that wants.
    pub(super) fn moved<T>(
        &mut self,
        nodes: &mut Slab<Node>,
        ring: &mut Ring,
        change: impl FnOnce(&mut Self, &mut Slab<Node>) -> T,
    ) -> T {
        let was_aside = self.is_aside(nodes);
        for size in self.sizes(nodes) {
            ring.remove(self.turn, size);
        }
        let changed = change(self, nodes);
        if was_aside && !self.is_aside(nodes) {
            self.turn = ring.returned(self.turn);
        }
        for size in self.sizes(nodes) {
            ring.insert(self.turn, size);
        }
        changed
    }

    /// The oldest ticket.
    pub(super) fn oldest(&self, nodes: &Slab<Node>) -> Option<u32> {
        let firsts = self.chains.iter().map(|chain| chain.first);
        firsts.min_by_key(|slot| nodes[*slot as usize].number)
    }

    /// The oldest ticket for so many images.
    pub(super) fn oldest_of(&self, images: u32) -> Option<u32> {
        let chain = self.chains.iter().find(|chain| chain.images == images)?;
        Some(chain.first)
    }

    /// Takes the node in. Whether it is the first for so many images.
    pub(super) fn link(&mut self, nodes: &mut Slab<Node>, slot: u32, end: End) -> bool {
        nodes[slot as usize].number = self.number(nodes, end);
        let node = &nodes[slot as usize];
        let images = node.images;
        self.waiting.add(images, node.reserved);
        let Some(chain) = self.chains.iter_mut().find(|c| c.images == images) else {
            self.chains.push(Chain {
                images,
                first: slot,
                last: slot,
            });
            return true;
        };
        match end {
            End::Back => {
                nodes[slot as usize].before = Some(chain.last);
                nodes[chain.last as usize].after = Some(slot);
                chain.last = slot;
            }
            End::Front => {
                nodes[slot as usize].after = Some(chain.first);
                nodes[chain.first as usize].before = Some(slot);
                chain.first = slot;
            }
        }
        false
    }

    /// Takes the node out of the slab too. With it, whether it was the last for so many images.
    pub(super) fn unlink(&mut self, nodes: &mut Slab<Node>, slot: u32) -> (Node, bool) {
        let node = nodes.remove(slot as usize);
        self.refused.retain(|refused| *refused != slot);
        self.waiting.subtract(node.images, node.reserved);
        if let Some(before) = node.before {
            nodes[before as usize].after = node.after;
        }
        if let Some(after) = node.after {
            nodes[after as usize].before = node.before;
        }
        let mut last = false;
        self.chains.retain_mut(|chain| {
            if chain.images != node.images {
                return true;
            }
            last = node.before.is_none() && node.after.is_none();
            if chain.first == slot {
                chain.first = node.after.unwrap_or(slot);
            }
            if chain.last == slot {
                chain.last = node.before.unwrap_or(slot);
            }
            !last
        });
        (node, last)
    }

    fn number(&mut self, nodes: &Slab<Node>, end: End) -> i64 {
        match (end, self.oldest(nodes)) {
            (End::Front, Some(oldest)) => nodes[oldest as usize].number - 1,
            _ => {
                self.next_number += 1;
                self.next_number
            }
        }
    }
}
