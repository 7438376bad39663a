//! Whatever happens to a line, held against all that it must never get wrong.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::tests::{in_lane, room, ticket};
use super::*;

/// What may happen to a line.
#[derive(Debug, Clone)]
enum Happens {
    Arrives {
        lane: usize,
        campaign: u8,
        images: u32,
    },
    Ends(usize),
    IsCancelled(usize),
    /// A campaign has no money for more images than these at a time.
    Refuses(u8, u32),
    Pays(u8),
    Ceiling(u32),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        6 => (0..3usize, 0..4u8, 1..=8u32)
            .prop_map(|(lane, campaign, images)| Happens::Arrives { lane, campaign, images }),
        4 => any::<usize>().prop_map(Happens::Ends),
        1 => any::<usize>().prop_map(Happens::IsCancelled),
        1 => (0..4u8, 0..8u32).prop_map(|(campaign, most)| Happens::Refuses(campaign, most)),
        1 => (0..4u8).prop_map(Happens::Pays),
        1 => (1..12u32).prop_map(Happens::Ceiling),
    ]
}

/// A line, and all that it must never get wrong, kept in the plainest way.
#[derive(Default)]
struct Model {
    line: Line,
    waiting: Vec<Ticket>,
    in_flight: Vec<Ticket>,
    poor: BTreeMap<String, u32>,
    ceiling: u32,
}

impl Model {
    /// Whether there is money for it.
    fn pays(&self, ticket: &Ticket) -> bool {
        let campaign = ticket.payer.campaign.as_deref().unwrap_or_default();
        let most = self.poor.get(campaign);
        most.is_none_or(|most| ticket.images <= *most)
    }

    /// Whether there is money for it, and for the oldest of its payer and lane.
    fn able(&self, ticket: &Ticket) -> bool {
        let payer = |ticket: &Ticket| (ticket.lane, ticket.payer.clone());
        let mut waiting = self.waiting.iter();
        let oldest = waiting.find(|other| payer(other) == payer(ticket));
        self.pays(ticket) && oldest.is_some_and(|oldest| self.pays(oldest))
    }

    fn room(&self) -> Room {
        let mut in_flight = [0; 3];
        for ticket in &self.in_flight {
            in_flight[ticket.lane as usize] += ticket.images;
        }
        room(self.ceiling, in_flight)
    }

    fn apply(&mut self, event: Happens) {
        match event {
            Happens::Arrives {
                lane,
                campaign,
                images,
            } => {
                let ticket = in_lane(LANES[lane], ticket(&campaign.to_string(), images));
                self.line.push(ticket.clone());
                self.waiting.push(ticket);
            }
            Happens::Ends(n) if !self.in_flight.is_empty() => {
                self.in_flight.remove(n % self.in_flight.len());
            }
            Happens::IsCancelled(n) if !self.waiting.is_empty() => {
                let ticket = self.waiting.remove(n % self.waiting.len());
                assert_eq!(self.line.get(&ticket.id).as_ref(), Some(&ticket));
                assert_eq!(self.line.remove(&ticket.id), Some(ticket));
            }
            Happens::Refuses(campaign, most) => {
                let known = self.poor.entry(campaign.to_string()).or_insert(most);
                *known = most.min(*known);
            }
            Happens::Pays(campaign) => {
                self.poor.remove(&campaign.to_string());
                let payer = ticket(&campaign.to_string(), 1).payer;
                payer
                    .scopes()
                    .skip(1)
                    .take(1)
                    .for_each(|scope| self.line.recall(&scope));
            }
            Happens::Ceiling(ceiling) => self.ceiling = ceiling,
            Happens::Ends(_) | Happens::IsCancelled(_) => {}
        }
    }

    fn grant(&mut self) -> Decision {
        let room = self.room();
        let mut line = std::mem::take(&mut self.line);
        let decision = line.next(&room, |ticket| self.pays(ticket));
        self.line = line;
        let able = |ticket: &&Ticket| self.able(ticket);
        let fits = |ticket: &Ticket| ticket.images.min(room.ceiling) <= room.free;
        match &decision {
            Decision::Grant(ticket) => {
                assert!(fits(ticket) && room.free > 0, "{ticket:?} in {room:?}");
                assert!(self.pays(ticket));
                let older = self.waiting.iter().find(|other| {
                    (other.lane, &other.payer, other.images)
                        == (ticket.lane, &ticket.payer, ticket.images)
                });
                assert_eq!(older, Some(ticket), "out of order");
                self.waiting.retain(|other| other.id != ticket.id);
                self.in_flight.push(ticket.clone());
            }
            Decision::Hold => {
                let will_fit = |ticket: &Ticket| {
                    !fits(ticket) && ticket.images.min(room.ceiling) <= room.within_reach()
                };
                let kept = self.waiting.iter().filter(able).any(will_fit);
                assert!(kept && room.free > 0, "places are kept for nobody");
            }
            Decision::Nothing => {
                let fitting = self.waiting.iter().filter(able).find(|ticket| fits(ticket));
                assert!(
                    room.free == 0 || fitting.is_none(),
                    "{fitting:?} in {room:?}"
                );
            }
        }
        decision
    }

    fn check_sums(&self) {
        let sum = |of: &dyn Fn(&Ticket) -> bool| {
            let mut sum = Waiting::default();
            let tickets = self.waiting.iter().filter(|ticket| of(ticket));
            tickets.for_each(|ticket| sum.add(ticket.images, ticket.reserved));
            sum
        };
        assert_eq!(self.line.waiting(), sum(&|_| true));
        for lane in LANES {
            assert_eq!(self.line.waiting_in_lane(lane), sum(&|t| t.lane == lane));
        }
        for payer in self.waiting.iter().map(|ticket| &ticket.payer) {
            for scope in payer.scopes() {
                assert_eq!(
                    self.line.waiting_in(&scope),
                    sum(&|t| t.payer.is_paid_by(&scope))
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_places_are_used_and_never_exceeded(
        events in prop::collection::vec(happens(), 1..120),
    ) {
        let mut model = Model { ceiling: 10, ..Model::default() };
        for event in events {
            model.apply(event);
            while let Decision::Grant(_) = model.grant() {}
            model.check_sums();
        }
        model.poor.clear();
        (0..4).for_each(|campaign| model.apply(Happens::Pays(campaign)));
        while !model.waiting.is_empty() {
            model.in_flight.clear();
            assert!(matches!(model.grant(), Decision::Grant(_)), "somebody is left");
        }
        assert_eq!((model.line.len(), model.line.tickets().count()), (0, 0));
        assert_eq!(model.line.waiting(), Waiting::default());
    }

    /// Three campaigns a lane never run dry, in ones; still all of these get in, also their own.
    #[test]
    fn nobody_starves(
        ceiling in 1..14u32,
        tickets in prop::collection::vec((0..3usize, 0..9u8, 1..=8u32), 1..60),
        ends in prop::collection::vec(any::<usize>(), 64),
    ) {
        let mut model = Model { ceiling, ..Model::default() };
        let mut left = HashSet::new();
        for (lane, campaign, images) in tickets {
            model.apply(Happens::Arrives { lane, campaign, images });
        }
        left.extend(model.waiting.iter().map(|ticket| ticket.id));
        let flood = |model: &mut Model, lane: usize, campaign: u8| {
            (0..2).for_each(|_| model.apply(Happens::Arrives { lane, campaign, images: 1 }));
        };
        for lane in 0..3 {
            (0..3).for_each(|campaign| flood(&mut model, lane, campaign));
        }

        let mut images = 0;
        for end in ends.iter().cycle() {
            while let Decision::Grant(ticket) = model.grant() {
                images += ticket.images;
                if !left.remove(&ticket.id) {
                    let campaign = ticket.payer.campaign.as_deref().unwrap_or_default();
                    let campaign = campaign.parse().unwrap_or(0);
                    model.apply(Happens::Arrives { lane: ticket.lane as usize, campaign, images: 1 });
                }
            }
            if left.is_empty() {
                break;
            }
            // 60 tickets of 8 images; a quarter of a campaign's lane, for it and the flood's three;
            // an eleventh of the account; and each may be overtaken for a round.
            prop_assert!(images < 60 * 8 * 4 * 11 + 60 * 14, "{} starve", left.len());
            // No job goes on for ever.
            model.apply(Happens::Ends(0));
            model.apply(Happens::Ends(*end));
        }
    }
}
