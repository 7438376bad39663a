//! The waiting line of one provider account: who gets the next places.
//!
//! Lanes own floors and lend what they do not use; within a lane payers take turns; the work of one
//! payer is done in the order in which it came. Nothing here waits or looks at a clock: patience is
//! counted in images, so it means the same for an account of ten places and of a thousand.

mod claim;
mod floors;
mod group;
#[cfg(test)]
mod model;
mod ring;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod ticket;

use std::collections::HashMap;
use std::num::NonZeroU64;

use domain::{GenerationId, Lane, Scope};
use slab::Slab;

pub(crate) use claim::Room;
pub(crate) use floors::Floors;
pub(crate) use ticket::{LANES, Payer, PerLane, Ticket, Waiting};

use claim::by_claim;
use group::{End, Group, Node};
use ring::Ring;

/// The memory for fewer tickets is kept when the last of them is gone.
const KEPT_CAPACITY: usize = 1024;

/// Everything that waits for places of one provider account.
#[derive(Debug, Default)]
pub(crate) struct Line {
    floors: Floors,
    nodes: Slab<Node>,
    slots: HashMap<GenerationId, u32>,
    groups: Slab<Group>,
    payers: HashMap<(Lane, Payer), u32>,
    rings: PerLane<Ring>,
    /// Images, ever since.
    granted: u64,
}

/// Who is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// This one, which does not wait any more.
    Grant(Ticket),
    /// Nobody: free places are kept for one that needs more of them.
    Hold,
    /// Nobody who could pay fits.
    Nothing,
}

impl Line {
    pub(crate) fn new(floors: Floors) -> Self {
        Self {
            floors,
            ..Self::default()
        }
    }

    /// Lines it up behind those of its payer and lane. One that waits already stays where it is.
    pub(crate) fn push(&mut self, ticket: Ticket) {
        self.insert(ticket, End::Back);
    }

    /// Lines it up before those of its payer and lane: it was granted, and not served.
    pub(crate) fn put_back(&mut self, ticket: Ticket) {
        self.insert(ticket, End::Front);
    }

    /// Takes it out, wherever it stands.
    pub(crate) fn remove(&mut self, id: &GenerationId) -> Option<Ticket> {
        let slot = *self.slots.get(id)?;
        Some(self.take(slot))
    }

    pub(crate) fn get(&self, id: &GenerationId) -> Option<Ticket> {
        self.slots.get(id).map(|slot| self.ticket(*slot))
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// All that waits.
    pub(crate) fn waiting(&self) -> Waiting {
        let mut all = Waiting::default();
        self.rings.iter().for_each(|ring| all += ring.waiting);
        all
    }

    pub(crate) fn waiting_in_lane(&self, lane: Lane) -> Waiting {
        self.rings[lane as usize].waiting
    }

    /// What waits at the expense of `scope`. Looks at every payer.
    pub(crate) fn waiting_in(&self, scope: &Scope) -> Waiting {
        let mut all = Waiting::default();
        let covered = |group: &&Group| group.payer.is_paid_by(scope);
        let groups = self.groups.iter().map(|(_, group)| group).filter(covered);
        groups.for_each(|group| all += group.waiting);
        all
    }

    /// Everybody, so that pushing them in this order makes a line that serves each payer alike.
    pub(crate) fn tickets(&self) -> impl Iterator<Item = Ticket> + '_ {
        let mut slots: Vec<u32> = self.slots.values().copied().collect();
        slots.sort_unstable_by_key(|slot| self.nodes[*slot as usize].rank());
        slots.into_iter().map(|slot| self.ticket(slot))
    }

    /// Those who may not pay stepped aside; asks them again where `scope` pays. Looks at every
    /// payer.
    pub(crate) fn recall(&mut self, scope: &Scope) {
        for (_, group) in &mut self.groups {
            if group.waits_for_money() && group.payer.is_paid_by(scope) {
                let ring = &mut self.rings[group.lane as usize];
                group.moved(&mut self.nodes, ring, |group, _| group.recall());
            }
        }
    }

    /// Who gets places now. To be asked again until it grants nobody.
    ///
    /// `may_pay` is asked about who is next, and a yes need not lead to a grant. After a no all of
    /// that payer and lane step aside, until [`Self::recall`], or until the one that was refused has
    /// left or is not the oldest any more: an exhausted budget is asked about once, however many wait
    /// for it. One that would only have gone ahead of its elders to fill a gap does not hold them up.
    pub(crate) fn next(
        &mut self,
        room: &Room,
        mut may_pay: impl FnMut(&Ticket) -> bool,
    ) -> Decision {
        if room.free == 0 {
            return Decision::Nothing;
        }
        for lane in by_claim(&self.floors, &self.rings, room) {
            let overdue = |line: &Self, lane| line.overdue(lane, room);
            if let Some(slot) = self.able(lane, overdue, &mut may_pay) {
                if self.need(slot, room) <= room.free {
                    self.rings[lane as usize].kept_at = Some(self.granted);
                    return Decision::Grant(self.grant(slot));
                }
                return Decision::Hold;
            }
            let Some(slot) = self.able(lane, Self::first, &mut may_pay) else {
                continue;
            };
            if self.need(slot, room) <= room.free {
                return Decision::Grant(self.grant(slot));
            }
            self.pass_over(slot);
            let fitting = |line: &Self, lane| line.largest(lane, room.free);
            if let Some(slot) = self.able(lane, fitting, &mut may_pay) {
                return Decision::Grant(self.grant(slot));
            }
        }
        Decision::Nothing
    }

    /// The ticket whose turn it is.
    fn first(&self, lane: Lane) -> Option<u32> {
        let key = self.rings[lane as usize].first()?;
        self.groups[key as usize].oldest(&self.nodes)
    }

    /// The ticket for which places are kept, before anybody's turn: of those whose patience is at an
    /// end, and whose places will come free, the one that was passed over first. None for a while
    /// after the last one.
    fn overdue(&self, lane: Lane, room: &Room) -> Option<u32> {
        let passed = |since: &NonZeroU64| self.clock().get() - since.get();
        let patience = u64::from(patience(room));
        let ring = &self.rings[lane as usize];
        let is_soon = |kept_at: u64| self.granted < kept_at.saturating_add(respite(room));
        if ring.kept_at.is_some_and(is_soon) {
            return None;
        }
        let overtaken = ring.overtaken.iter();
        let mut overdue = overtaken.take_while(|(since, _)| passed(since) >= patience);
        overdue.find_map(|(_, slot)| {
            let node = &self.nodes[*slot as usize];
            let group = &self.groups[node.group as usize];
            let able = group.sizes(&self.nodes).any(|size| size == node.images)
                && self.need(*slot, room) <= room.within_reach();
            // One that came back is served before it, and takes no more places.
            able.then(|| group.oldest_of(node.images))?
        })
    }

    /// It is the turn of the ticket, and it does not fit: others may go ahead of it.
    fn pass_over(&mut self, slot: u32) {
        let now = self.clock();
        let node = &mut self.nodes[slot as usize];
        if node.overtaken.is_none() {
            let lane = self.groups[node.group as usize].lane;
            node.overtaken = Some(now);
            self.rings[lane as usize].overtaken.insert((now, slot));
        }
    }

    /// Counts from one.
    const fn clock(&self) -> NonZeroU64 {
        NonZeroU64::MIN.saturating_add(self.granted)
    }

    /// The ticket that goes ahead of one that does not fit into `free` places: of the largest that
    /// do, the one whose turn it is. The smallest are kept for the gaps that only they can fill, and
    /// what takes its places together gives them back together.
    fn largest(&self, lane: Lane, free: u32) -> Option<u32> {
        let (images, key) = self.rings[lane as usize].largest(free)?;
        self.groups[key as usize].oldest_of(images)
    }

    /// What `choose` says first that may pay.
    fn able(
        &mut self,
        lane: Lane,
        choose: impl Fn(&Self, Lane) -> Option<u32>,
        mut may_pay: impl FnMut(&Ticket) -> bool,
    ) -> Option<u32> {
        loop {
            let slot = choose(self, lane)?;
            if self.asked(slot, &mut may_pay) {
                return Some(slot);
            }
        }
    }

    /// Whether it may pay. If not, it steps aside, and if it is the oldest of its payer and lane, so
    /// do all of them.
    fn asked(&mut self, slot: u32, may_pay: impl FnOnce(&Ticket) -> bool) -> bool {
        let node = &mut self.nodes[slot as usize];
        let group = &mut self.groups[node.group as usize];
        let may = may_pay(&node.ticket(group));
        if !may {
            let ring = &mut self.rings[group.lane as usize];
            // What it waits for is not places.
            if let Some(since) = node.overtaken.take() {
                ring.overtaken.remove(&(since, slot));
            }
            group.moved(&mut self.nodes, ring, |group, _| group.refuse(slot));
        }
        may
    }

    /// The places without which it is not served. One for more than there are is served alone.
    fn need(&self, slot: u32, room: &Room) -> u32 {
        self.nodes[slot as usize].images.min(room.ceiling)
    }

    /// Takes out the ticket and moves everybody's turns.
    fn grant(&mut self, slot: u32) -> Ticket {
        let node = &self.nodes[slot as usize];
        let images = node.images;
        let group = &mut self.groups[node.group as usize];
        self.granted += u64::from(images);
        for (lane, ring) in LANES.iter().zip(&mut self.rings) {
            ring.granted(images, *lane == group.lane);
        }
        let ring = &mut self.rings[group.lane as usize];
        let turn = ring.served(group.turn, images);
        group.moved(&mut self.nodes, ring, |group, _| group.turn = turn);
        self.take(slot)
    }

    fn ticket(&self, slot: u32) -> Ticket {
        let node = &self.nodes[slot as usize];
        node.ticket(&self.groups[node.group as usize])
    }

    fn insert(&mut self, ticket: Ticket, end: End) {
        if self.slots.contains_key(&ticket.id) {
            return;
        }
        let key = self.group(ticket.lane, &ticket.payer);
        let node = Node::new(&ticket, key);
        let (images, ring) = (node.images, &mut self.rings[ticket.lane as usize]);
        ring.waiting.add(images, ticket.reserved);
        let slot = self.nodes.insert(node) as u32;
        self.slots.insert(ticket.id, slot);
        let group = &mut self.groups[key as usize];
        if group.waits_for_money() {
            let link = |group: &mut Group, nodes: &mut _| group.link(nodes, slot, end);
            group.moved(&mut self.nodes, ring, link);
        } else if group.link(&mut self.nodes, slot, end) {
            ring.insert(group.turn, images);
        }
    }

    fn group(&mut self, lane: Lane, payer: &Payer) -> u32 {
        let key = (lane, payer.clone());
        *self.payers.entry(key).or_insert_with(|| {
            let entry = self.groups.vacant_entry();
            let key = entry.key() as u32;
            let turn = self.rings[lane as usize].newcomer(key);
            entry.insert(Group::new(lane, payer.clone(), turn));
            key
        })
    }

    fn take(&mut self, slot: u32) -> Ticket {
        let ticket = self.ticket(slot);
        let key = self.nodes[slot as usize].group;
        let group = &mut self.groups[key as usize];
        let ring = &mut self.rings[group.lane as usize];
        let (node, last) = if group.waits_for_money() {
            let unlink = |group: &mut Group, nodes: &mut _| group.unlink(nodes, slot);
            let (node, _) = group.moved(&mut self.nodes, ring, unlink);
            (node, false)
        } else {
            group.unlink(&mut self.nodes, slot)
        };
        ring.waiting.subtract(node.images, ticket.reserved);
        if let Some(since) = node.overtaken {
            ring.overtaken.remove(&(since, slot));
        }
        if last {
            ring.remove(group.turn, node.images);
        }
        if group.waiting.tickets == 0 {
            let group = self.groups.remove(key as usize);
            self.payers.remove(&(group.lane, group.payer));
        }
        self.slots.remove(&ticket.id);
        if self.nodes.is_empty() && self.nodes.capacity() > KEPT_CAPACITY {
            self.nodes.shrink_to_fit();
            self.slots.shrink_to_fit();
            self.groups.shrink_to_fit();
            self.payers.shrink_to_fit();
        }
        ticket
    }
}

/// How many images may go ahead of one that does not fit before free places are kept for it: three
/// quarters of a round of the account. Keeping them sooner leaves places idle too often; later, all
/// the small ones that would fill the gaps are gone.
const fn patience(room: &Room) -> u32 {
    room.ceiling - room.ceiling / 4
}

/// How many images go as they come after places were kept: three rounds of the account. Where many
/// payers have a large one in front, keeping places for one after the other would leave a tenth idle.
const fn respite(room: &Room) -> u64 {
    3 * room.ceiling as u64
}
