use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use domain::{Tenant, Usd};

use super::*;

fn tenant(name: &str) -> Tenant {
    name.parse().unwrap_or_default()
}

/// Tickets for one image of the standard lane, unless told otherwise.
pub(super) fn ticket(campaign: &str, images: u32) -> Ticket {
    Ticket {
        id: GenerationId::generate(),
        sequence: 0,
        lane: Lane::Standard,
        payer: Payer {
            tenant: tenant("acme"),
            campaign: Some(Arc::from(campaign)),
            key: Some(Arc::from("key_1")),
        },
        images,
        reserved: Usd::from_micros(60_000).times(images),
        since: Instant::now(),
    }
}

pub(super) fn in_lane(lane: Lane, ticket: Ticket) -> Ticket {
    Ticket { lane, ..ticket }
}

pub(super) fn room(ceiling: u32, in_flight: PerLane<u32>) -> Room {
    Room {
        free: ceiling.saturating_sub(in_flight.iter().sum()),
        ceiling,
        in_flight,
    }
}

/// Grants until nobody fits, and returns who got in.
fn fill(line: &mut Line, room: &mut Room) -> Vec<Ticket> {
    let mut granted = Vec::new();
    while let Decision::Grant(ticket) = line.next(room, |_| true) {
        room.free -= ticket.images.min(room.free);
        room.in_flight[ticket.lane as usize] += ticket.images;
        granted.push(ticket);
    }
    granted
}

/// One after the other, on an account with one free place more than it takes.
fn drain(line: &mut Line) -> Vec<Ticket> {
    let mut granted = Vec::new();
    while let Decision::Grant(ticket) = line.next(&room(1_000, [0; 3]), |_| true) {
        granted.push(ticket);
    }
    granted
}

fn campaigns(tickets: &[Ticket]) -> String {
    let names = tickets.iter().filter_map(|t| t.payer.campaign.as_deref());
    names.collect()
}

#[test]
fn campaigns_take_turns_and_each_is_served_in_order() {
    let mut line = Line::default();
    let a: Vec<_> = (0..6).map(|_| ticket("a", 1)).collect();
    let b: Vec<_> = (0..3).map(|_| ticket("b", 1)).collect();
    a.iter().chain(&b).cloned().for_each(|t| line.push(t));

    let granted = drain(&mut line);

    assert_eq!(campaigns(&granted), "abababaaa");
    let of = |name| {
        granted
            .iter()
            .filter(move |t| t.payer.campaign.as_deref() == Some(name))
    };
    assert!(of("a").eq(&a) && of("b").eq(&b));
}

#[test]
fn turns_are_counted_in_images() {
    let mut line = Line::default();
    (0..4).for_each(|_| line.push(ticket("a", 2)));
    (0..8).for_each(|_| line.push(ticket("b", 1)));

    assert_eq!(campaigns(&drain(&mut line)), "abbabbabbabb");
}

#[test]
fn who_comes_late_waits_one_turn_and_gains_no_more() {
    let mut line = Line::default();
    (0..100).for_each(|_| line.push(ticket("a", 1)));
    for _ in 0..50 {
        line.next(&room(10, [0; 3]), |_| true);
    }
    (0..5).for_each(|_| line.push(ticket("b", 1)));
    assert_eq!(campaigns(&drain(&mut line)[..8]), "abababab");

    (0..4).for_each(|_| line.push(ticket("a", 1)));
    let mut granted = Vec::new();
    for n in 0..50 {
        line.push(ticket(&format!("<{n}>"), 1));
        if let Decision::Grant(ticket) = line.next(&room(10, [0; 3]), |_| true) {
            granted.push(ticket);
        }
    }
    let regulars = campaigns(&granted[..10]).matches('a').count();
    assert_eq!(
        regulars,
        4,
        "newcomers pushed them back: {}",
        campaigns(&granted)
    );
}

#[test]
fn lanes_get_their_floors_back_and_lend_them() {
    let mut line = Line::default();
    for lane in LANES {
        (0..30).for_each(|_| line.push(in_lane(lane, ticket("a", 1))));
    }
    let mut all = room(10, [0; 3]);
    fill(&mut line, &mut all);
    assert_eq!(
        all.in_flight,
        [6, 3, 1],
        "the unowned tenth goes to the most urgent"
    );

    let mut lent = room(10, [0, 0, 10]);
    for _ in 0..9 {
        lent.in_flight[Lane::Background as usize] -= 1;
        lent.free += 1;
        fill(&mut line, &mut lent);
    }
    assert_eq!(
        lent.in_flight,
        [6, 3, 1],
        "as they end, places go back to who owns them"
    );

    let mut line = Line::default();
    (0..30).for_each(|_| line.push(in_lane(Lane::Background, ticket("a", 1))));
    let mut idle = room(10, [2, 0, 0]);
    fill(&mut line, &mut idle);
    assert_eq!(idle.in_flight, [2, 0, 8], "nobody else wants them");
}

#[test]
fn a_lane_that_owns_nothing_gets_its_share_of_the_images() {
    let mut line = Line::default();
    for lane in LANES {
        (0..400).for_each(|_| line.push(in_lane(lane, ticket("a", 1))));
    }
    let mut served = PerLane::<u32>::default();
    for _ in 0..300 {
        let Decision::Grant(ticket) = line.next(&room(1, [0; 3]), |_| true) else {
            panic!("a place was left idle");
        };
        served[ticket.lane as usize] += 1;
    }
    assert!(
        served[0] >= 150 && served[1] >= 60 && served[2] >= 25,
        "{served:?}"
    );
}

#[test]
fn one_that_does_not_fit_is_overtaken_for_a_while_and_then_waited_for() {
    let mut line = Line::default();
    let large = ticket("large", 4);
    line.push(large.clone());
    (0..100).for_each(|_| line.push(ticket("small", 1)));
    let busy = room(10, [0, 9, 0]);

    let mut overtook = 0;
    while let Decision::Grant(small) = line.next(&busy, |_| true) {
        assert_eq!(small.images, 1);
        overtook += 1;
    }

    assert_eq!(overtook, 8, "three quarters of ten");
    assert_eq!(line.next(&busy, |_| true), Decision::Hold);
    assert_eq!(line.next(&room(10, [0, 7, 0]), |_| true), Decision::Hold);
    let urgent = in_lane(Lane::Interactive, ticket("urgent", 1));
    line.push(urgent.clone());
    assert_eq!(
        line.next(&busy, |_| true),
        Decision::Grant(urgent),
        "its own place"
    );
    let quarantined = Room {
        free: 1,
        ceiling: 10,
        in_flight: [0, 2, 0],
    };
    let decision = line.next(&quarantined, |_| true);
    assert!(
        matches!(decision, Decision::Grant(small) if small.images == 1),
        "in vain"
    );
    assert_eq!(
        line.next(&room(10, [0, 6, 0]), |_| true),
        Decision::Grant(large)
    );
}

#[test]
fn large_ones_of_several_payers_each_have_their_own_patience() {
    let mut line = Line::default();
    let large = ["a", "b"].map(|campaign| ticket(campaign, 4));
    for large in &large {
        line.push(large.clone());
        let campaign = large.payer.campaign.as_deref().unwrap_or_default();
        (0..100).for_each(|_| line.push(ticket(campaign, 1)));
    }
    let busy = room(10, [0, 9, 0]);

    // Three quarters of ten, and then three rounds with the first of them.
    for (large, before) in large.into_iter().zip([8, 30 - 4]) {
        let mut overtook = 0;
        while let Decision::Grant(small) = line.next(&busy, |_| true) {
            assert_eq!(small.images, 1);
            overtook += 1;
        }
        assert_eq!(overtook, before);
        assert_eq!(line.next(&busy, |_| true), Decision::Hold);
        let decision = line.next(&room(10, [0, 6, 0]), |_| true);
        assert_eq!(decision, Decision::Grant(large), "the first comes first");
    }
    let decision = line.next(&busy, |_| true);
    assert!(matches!(decision, Decision::Grant(_)), "no more are kept");
}

#[test]
fn of_those_that_fit_the_largest_goes_ahead() {
    let mut line = Line::default();
    for images in [4, 1, 2, 1, 3, 2] {
        line.push(ticket("a", images));
    }
    let mut almost = room(10, [0, 7, 0]);

    let ahead = fill(&mut line, &mut almost);
    assert_eq!(ahead.iter().map(|t| t.images).collect::<Vec<_>>(), [3]);
    almost = room(10, [0, 7, 0]);
    let ahead = fill(&mut line, &mut almost);
    assert_eq!(ahead.iter().map(|t| t.images).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn one_that_needs_every_place_is_not_kept_out_by_those_who_get_theirs_back() {
    let mut line = Line::default();
    line.push(in_lane(Lane::Background, ticket("large", 10)));
    for lane in [Lane::Interactive, Lane::Standard] {
        (0..500).for_each(|_| line.push(in_lane(lane, ticket("small", 1))));
    }
    let mut all = room(10, [6, 4, 0]);
    let mut images = 0;
    let large = loop {
        let ended = usize::from(all.in_flight[0] <= all.in_flight[1]);
        all.in_flight[ended] -= 1;
        all.free += 1;
        let granted = fill(&mut line, &mut all);
        if let Some(large) = granted.iter().find(|ticket| ticket.images == 10) {
            break large.clone();
        }
        images += granted.len();
        assert!(images <= 50, "it starves");
    };
    assert_eq!((large.images, all.in_flight), (10, [0, 0, 10]));
}

#[test]
fn the_patience_of_one_that_left_is_not_inherited() {
    let mut line = Line::default();
    let large = ticket("large", 4);
    line.push(large.clone());
    (0..100).for_each(|_| line.push(ticket("small", 1)));
    let busy = room(10, [0, 9, 0]);
    while let Decision::Grant(_) = line.next(&busy, |_| true) {}

    line.remove(&large.id);
    line.push(ticket("another", 4));

    let mut overtook = 0;
    while let Decision::Grant(_) = line.next(&busy, |_| true) {
        overtook += 1;
    }
    assert!((8..=10).contains(&overtook), "{overtook}");
}

#[test]
fn one_for_more_than_there_are_is_served_alone() {
    let mut line = Line::default();
    line.push(ticket("a", 8));

    assert_eq!(line.next(&room(5, [0, 1, 0]), |_| true), Decision::Nothing);
    let decision = line.next(&room(5, [0; 3]), |_| true);
    assert!(matches!(decision, Decision::Grant(large) if large.images == 8));
}

#[test]
fn ten_thousand_that_cannot_be_paid_for_are_asked_about_once() {
    let mut line = Line::default();
    let poor: Vec<_> = (0..10_000).map(|n| ticket("poor", 1 + n % 2)).collect();
    poor.iter().cloned().for_each(|t| line.push(t));
    (0..500).for_each(|_| line.push(ticket("rich", 1)));
    let mut asked = 0;
    let mut served = 0;
    while let Decision::Grant(ticket) = line.next(&room(10, [0; 3]), |ticket| {
        let poor = ticket.payer.campaign.as_deref() == Some("poor");
        asked += u32::from(poor);
        !poor
    }) {
        assert_eq!(ticket.payer.campaign.as_deref(), Some("rich"));
        served += 1;
    }
    assert_eq!((asked, served), (1, 500));

    let scopes: Vec<_> = poor[0].payer.scopes().collect();
    let Scope::Campaign(owner, campaign) = &scopes[1] else {
        panic!("the smallest first: {scopes:?}");
    };
    assert_eq!(line.waiting_in(&scopes[1]).images, 15_000);
    let another = Scope::Key(owner.clone(), campaign.clone());
    line.recall(&another);
    assert_eq!(line.next(&room(10, [0; 3]), |_| true), Decision::Nothing);
    line.push(poor[0].clone());
    assert_eq!(line.len(), 10_000, "it waits already");

    line.recall(&scopes[1]);
    assert_eq!(drain(&mut line), poor);
}

#[test]
fn when_one_that_is_too_dear_leaves_those_behind_it_are_asked() {
    let mut line = Line::default();
    let dear = [8, 6].map(|images| ticket("a", images));
    let small: Vec<_> = (0..10_000).map(|_| ticket("a", 1)).collect();
    dear.iter()
        .chain(&small)
        .for_each(|ticket| line.push(ticket.clone()));
    let mut asked = 0;
    let mut next = |line: &mut Line| {
        line.next(&room(10, [0; 3]), |ticket| {
            asked += 1;
            ticket.images == 1
        })
    };

    assert_eq!(next(&mut line), Decision::Nothing);
    for cancelled in small.iter().skip(1) {
        line.remove(&cancelled.id);
        assert_eq!(next(&mut line), Decision::Nothing, "it waits in order");
    }
    line.remove(&dear[0].id);
    assert_eq!(next(&mut line), Decision::Nothing, "the next is too dear");
    line.remove(&dear[1].id);
    assert_eq!(next(&mut line), Decision::Grant(small[0].clone()));
    assert_eq!(asked, 3);
}

#[test]
fn what_comes_back_before_one_that_is_too_dear_is_asked() {
    let mut line = Line::default();
    let (dear, small) = (ticket("a", 8), ticket("a", 1));
    line.push(dear.clone());
    let mut asked = 0;
    let mut next = |line: &mut Line| {
        line.next(&room(10, [0; 3]), |ticket| {
            asked += 1;
            ticket.images == 1
        })
    };
    assert_eq!(next(&mut line), Decision::Nothing);

    line.put_back(small.clone());
    assert_eq!(next(&mut line), Decision::Grant(small));
    assert_eq!(next(&mut line), Decision::Nothing);
    assert_eq!(asked, 2, "the dear one not again");

    line.recall(&Scope::Tenant(tenant("acme")));
    assert_eq!(drain(&mut line), [dear]);
}

#[test]
fn one_that_is_too_dear_to_fill_a_gap_does_not_hold_up_its_elders() {
    let mut line = Line::default();
    let tickets = [4, 2, 1].map(|images| ticket("a", images));
    tickets.iter().for_each(|ticket| line.push(ticket.clone()));
    // Not all images cost the same.
    let mut next = |free: u32| line.next(&room(10, [0, 10 - free, 0]), |ticket| ticket.images != 2);

    assert_eq!(next(2), Decision::Grant(tickets[2].clone()));
    assert_eq!(next(4), Decision::Grant(tickets[0].clone()));
    assert_eq!(next(10), Decision::Nothing);
    line.recall(&Scope::Tenant(tenant("acme")));
    assert_eq!(drain(&mut line), tickets[1..2]);
}

#[test]
fn places_are_kept_for_nobody_who_cannot_pay() {
    let mut line = Line::default();
    line.push(ticket("a", 4));
    (0..20).for_each(|_| line.push(ticket("b", 1)));
    let busy = room(10, [0, 9, 0]);
    while let Decision::Grant(_) = line.next(&busy, |_| true) {}
    assert_eq!(line.next(&busy, |_| true), Decision::Hold);

    let decision = line.next(&busy, |ticket| ticket.images == 1);
    assert!(matches!(decision, Decision::Grant(small) if small.images == 1));
}

#[test]
fn who_could_not_pay_for_a_while_gains_no_more_turns_by_it() {
    let mut line = Line::default();
    (0..4).for_each(|_| line.push(ticket("p", 1)));
    (0..54).for_each(|_| line.push(ticket("r", 1)));
    for _ in 0..50 {
        let rich = |ticket: &Ticket| ticket.payer.campaign.as_deref() == Some("r");
        assert!(matches!(
            line.next(&room(10, [0; 3]), rich),
            Decision::Grant(_)
        ));
    }

    line.recall(&Scope::Tenant(tenant("acme")));

    assert_eq!(campaigns(&drain(&mut line)), "rprprprp");
}

#[test]
fn a_scope_is_named_within_its_tenant() {
    let payer = ticket("a", 1).payer;
    let stranger = Payer {
        tenant: tenant("other"),
        ..payer.clone()
    };
    let nobody = Payer {
        campaign: None,
        key: None,
        ..payer.clone()
    };
    let covered: Vec<_> = payer
        .scopes()
        .map(|scope| [&payer, &stranger, &nobody].map(|payer| payer.is_paid_by(&scope)))
        .collect();

    assert_eq!(covered[0], [true, false, false], "the key");
    assert_eq!(covered[1], [true, false, false], "the campaign");
    assert_eq!(covered[2], [true, false, true], "the tenant");
    assert_eq!(nobody.scopes().count(), 1);
}

#[test]
fn what_was_not_served_after_all_comes_first_again() {
    let mut line = Line::default();
    let tickets: Vec<_> = (0..4).map(|n| ticket("a", 1 + n % 2)).collect();
    tickets.iter().cloned().for_each(|t| line.push(t));

    for _ in 0..3 {
        let Decision::Grant(first) = line.next(&room(10, [0; 3]), |_| true) else {
            panic!("a place was left idle");
        };
        line.put_back(first);
    }

    assert_eq!(drain(&mut line), tickets);
}

#[test]
fn a_line_is_rebuilt_from_its_tickets() {
    let mut line = Line::default();
    for n in 0..300 {
        let campaign = format!("{}", n % 7);
        line.push(in_lane(LANES[n % 3], ticket(&campaign, 1 + n as u32 % 4)));
    }
    (0..40).for_each(|_| drop(line.next(&room(10, [0; 3]), |_| true)));
    if let Decision::Grant(ticket) = line.next(&room(10, [0; 3]), |_| true) {
        line.put_back(ticket);
    }

    let mut rebuilt = Line::new(Floors::default());
    line.tickets().for_each(|t| rebuilt.push(t));

    assert_eq!(rebuilt.waiting(), line.waiting());
    let by_payer = |tickets: Vec<Ticket>| {
        let mut of: BTreeMap<_, Vec<Ticket>> = BTreeMap::new();
        for ticket in tickets {
            let key = (ticket.lane as usize, ticket.payer.campaign.clone());
            of.entry(key).or_default().push(ticket);
        }
        of
    };
    assert_eq!(by_payer(drain(&mut rebuilt)), by_payer(drain(&mut line)));
}

#[test]
fn two_hundred_thousand_fit_in_thirty_two_megabytes_and_are_served() {
    let mut line = Line::default();
    let start = Instant::now();
    for n in 0..200_000 {
        line.push(in_lane(
            LANES[n % 3],
            ticket(&format!("{}", n % 1_000), 1 + n as u32 % 4),
        ));
    }
    let pushed = start.elapsed();
    let bytes = line.bytes();
    let granted = drain(&mut line).len();
    println!(
        "200,000 tickets: {} bytes each, pushed in {pushed:?}, granted in {:?}",
        bytes / 200_000,
        start.elapsed() - pushed
    );
    assert!(bytes <= 200_000 * 160, "{bytes} bytes");
    assert_eq!(granted, 200_000);
    assert!(
        line.bytes() < 10_000,
        "memory is given back: {} bytes",
        line.bytes()
    );
}

impl Line {
    /// What it has allocated, without the names. Hash tables have a byte of control a bucket, and
    /// are a power of two of which at most 7/8 are used.
    fn bytes(&self) -> usize {
        fn table<K, V>(of: &HashMap<K, V>) -> usize {
            let buckets = (of.capacity() * 8 / 7).next_power_of_two();
            buckets * (size_of::<(K, V)>() + 1)
        }
        let turns = self
            .groups
            .iter()
            .flat_map(|(_, group)| group.sizes(&self.nodes))
            .count();
        self.nodes.capacity() * size_of::<Option<Node>>()
            + table(&self.slots)
            + self.groups.capacity() * size_of::<Option<Group>>()
            + table(&self.payers)
            + turns * (2 * size_of::<ring::Turn>() + 16)
    }
}
