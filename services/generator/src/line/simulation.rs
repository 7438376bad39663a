//! An account of ten places at work, second by second: what the line promises, next to what first
//! come, first served would give on the same day.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::tests::ticket;
use super::*;

const LIMIT: u32 = 10;
/// Milliseconds, on average.
const JOB: u64 = 8_000;
/// Below so many images the line is no backlog any more.
const BACKLOG: u64 = 40;
/// Days of each kind that are tried.
const SEEDS: u64 = 20;

/// Numbers that look random and are the same each time (Steele, Lea and Flood 2014: `SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % n
    }
}

trait Queue {
    fn arrives(&mut self, ticket: Ticket);
    fn grants(&mut self, room: &Room) -> Option<Ticket>;
    fn images(&self) -> u64;
}

impl Queue for Line {
    fn arrives(&mut self, ticket: Ticket) {
        self.push(ticket);
    }

    fn grants(&mut self, room: &Room) -> Option<Ticket> {
        match self.next(room, |_| true) {
            Decision::Grant(ticket) => Some(ticket),
            Decision::Hold | Decision::Nothing => None,
        }
    }

    fn images(&self) -> u64 {
        self.waiting().images
    }
}

/// First come, first served.
impl Queue for VecDeque<Ticket> {
    fn arrives(&mut self, ticket: Ticket) {
        self.push_back(ticket);
    }

    fn grants(&mut self, room: &Room) -> Option<Ticket> {
        let fits = self.front()?.images <= room.free;
        fits.then(|| self.pop_front())?
    }

    fn images(&self) -> u64 {
        self.iter().map(|ticket| u64::from(ticket.images)).sum()
    }
}

/// What a day was like.
#[derive(Debug, Default)]
struct Day {
    /// Of the batch, and of people.
    waits: [Vec<u64>; 2],
    peak: u32,
    /// Places at work while there was a backlog, of all there were.
    used: f64,
}

impl Day {
    fn median(&self) -> u64 {
        let mut waits = self.waits[1].clone();
        waits.sort_unstable();
        waits[waits.len() / 2]
    }

    fn longest(&self) -> [u64; 2] {
        let longest = |waits: &Vec<u64>| waits.iter().copied().max().unwrap_or(0);
        [longest(&self.waits[0]), longest(&self.waits[1])]
    }
}

/// Works until all is done. `arrivals` in milliseconds; the ticket's sequence is its index. A job
/// takes `spread` milliseconds more at most than it does at least.
fn work(queue: &mut impl Queue, arrivals: &[(u64, Ticket)], spread: u64) -> Day {
    let mut day = Day::default();
    let (mut now, mut next) = (0, 0);
    let (mut in_flight, mut running) = ([0; 3], BinaryHeap::new());
    let (mut used, mut had) = (0, 0);
    loop {
        while let Some((_, ticket)) = arrivals.get(next).filter(|(at, _)| *at <= now) {
            queue.arrives(ticket.clone());
            next += 1;
        }
        let taken = |in_flight: &PerLane<u32>| in_flight.iter().sum::<u32>();
        while let Some(ticket) = queue.grants(&Room {
            free: LIMIT - taken(&in_flight),
            ceiling: LIMIT,
            in_flight,
        }) {
            let (lane, index) = (ticket.lane as usize, ticket.sequence as usize);
            in_flight[lane] += ticket.images;
            let people = ticket.payer.campaign.as_deref() == Some("people");
            day.waits[usize::from(people)].push(now - arrivals[index].0);
            let takes = JOB - spread / 2 + Dice(ticket.sequence).below(spread);
            running.push(Reverse((now + takes, lane, ticket.images)));
        }
        day.peak = day.peak.max(taken(&in_flight));

        let end = running.peek().map(|Reverse((end, ..))| *end);
        let arrival = arrivals.get(next).map(|(at, _)| *at);
        let Some(then) = end.into_iter().chain(arrival).min() else {
            break;
        };
        if queue.images() >= BACKLOG {
            used += (then - now) * u64::from(taken(&in_flight));
            had += (then - now) * u64::from(LIMIT);
        }
        now = then;
        while let Some(Reverse((_, lane, images))) = running
            .peek()
            .copied()
            .filter(|Reverse((end, ..))| *end <= now)
        {
            running.pop();
            in_flight[lane] -= images;
        }
    }
    day.used = used as f64 / had as f64;
    day
}

/// A batch of 1,000, and somebody at a screen every `pause` milliseconds on average.
fn arrivals(lane: Lane, sizes: u64, pause: u64, seed: u64) -> Vec<(u64, Ticket)> {
    let mut dice = Dice(seed);
    let mut size = || 1 + dice.below(sizes) as u32;
    let mut all: Vec<_> = (0..1_000).map(|_| (0, size(), lane, "batch")).collect();
    let mut dice = Dice(!seed);
    let mut at = 0;
    while at < 600_000 * sizes {
        at += 1 + dice.below(2 * pause);
        all.push((
            at,
            1 + dice.below(sizes) as u32,
            Lane::Interactive,
            "people",
        ));
    }
    let numbered = all.into_iter().enumerate();
    numbered
        .map(|(n, (at, images, lane, campaign))| {
            let ticket = Ticket {
                lane,
                sequence: n as u64,
                ..ticket(campaign, images)
            };
            (at, ticket)
        })
        .collect()
}

#[test]
fn people_wait_a_tenth_of_what_they_would_behind_a_batch() {
    for (seed, pause) in [(1, 3_000), (2, 5_000), (3, 10_000)] {
        let arrivals = arrivals(Lane::Standard, 1, pause, seed);
        let fair = work(&mut Line::default(), &arrivals, JOB / 2);
        let fifo = work(&mut VecDeque::new(), &arrivals, JOB / 2);

        println!(
            "someone every {pause} ms: half wait at most {} ms, nobody longer than {} ms; first \
             come, first served: {} ms; {:.1} % of the places used",
            fair.median(),
            fair.longest()[1],
            fifo.median(),
            fair.used * 100.0,
        );
        assert!(fair.median() * 10 <= fifo.median());
        assert!(fair.longest()[1] <= JOB, "a place comes free sooner");
        assert_eq!((fair.peak, fifo.peak), (LIMIT, LIMIT));
        assert!(fair.used >= 0.999, "{}", fair.used);
    }
}

#[test]
fn requests_of_many_sizes_leave_few_places_idle() {
    for (seed, lane) in (1..=SEEDS).flat_map(|seed| LANES.map(|lane| (seed, lane))) {
        let arrivals = arrivals(lane, 4, 8_000, seed);
        let fair = work(&mut Line::default(), &arrivals, JOB / 2);
        let fifo = work(&mut VecDeque::new(), &arrivals, JOB / 2);

        println!(
            "a batch in {lane}: {:.1} % used; first come, first served {:.1} %; half of the people \
             wait at most {} ms, nobody longer than {} ms",
            fair.used * 100.0,
            fifo.used * 100.0,
            fair.median(),
            fair.longest()[1],
        );
        assert!(fair.used >= 0.95, "seed {seed}, {lane}: {}", fair.used);
        assert!(fair.median() * 10 <= fifo.median(), "seed {seed}, {lane}");
        assert!(
            fair.longest()[1] <= 10 * JOB,
            "a large one waits for its places"
        );
        assert!(
            fair.longest()[0] <= fifo.longest()[0] * 3 / 2,
            "the batch pays little"
        );
        assert_eq!(fair.peak, LIMIT);
    }
}

/// Where all jobs take the same time, what was begun together ends together: a place that is idle
/// stays so for a whole round.
#[test]
fn a_batch_of_many_sizes_leaves_hardly_a_place_idle() {
    for spread in [JOB / 100, JOB / 10, JOB] {
        for seed in 1..=SEEDS {
            let mut dice = Dice(seed);
            let mut random = || 1 + dice.below(4) as u32;
            let in_turn: Vec<u32> = (0..1_000).map(|n| 1 + (n + seed as u32) % 4).collect();
            let random: Vec<u32> = (0..1_000).map(|_| random()).collect();
            for sizes in [in_turn, random] {
                let numbered = (0..).zip(sizes);
                let arrivals: Vec<_> = numbered
                    .map(|(sequence, images)| {
                        let ticket = ticket("batch", images);
                        (0, Ticket { sequence, ..ticket })
                    })
                    .collect();
                let day = work(&mut Line::default(), &arrivals, spread);
                println!("spread {spread} ms: {:.1} % used", day.used * 100.0);
                assert!(day.used >= 0.97, "seed {seed}, {spread} ms: {}", day.used);
            }
        }
    }
}

/// Each of them has a large one in front now and then.
#[test]
fn many_payers_leave_few_places_idle() {
    for payers in [2, 8, 32] {
        for seed in 1..=SEEDS {
            let mut dice = Dice(seed);
            let arrivals: Vec<_> = (0..1_000)
                .map(|sequence| {
                    let images = 1 + dice.below(4) as u32;
                    let ticket = ticket(&format!("payer {}", sequence % payers), images);
                    (0, Ticket { sequence, ..ticket })
                })
                .collect();
            let fair = work(&mut Line::default(), &arrivals, JOB / 2);
            let fifo = work(&mut VecDeque::new(), &arrivals, JOB / 2);

            println!(
                "{payers} payers: {:.1} % used; first come, first served {:.1} %",
                fair.used * 100.0,
                fifo.used * 100.0
            );
            assert!(fair.used >= 0.95, "seed {seed}, {payers}: {}", fair.used);
            assert!(
                fair.longest()[0] <= fifo.longest()[0],
                "the batch as a whole"
            );
        }
    }
}
