//! Which lane gets the next places.

use std::cmp::Reverse;

use domain::Lane;

use super::floors::Floors;
use super::ring::Ring;
use super::ticket::{LANES, PerLane};

/// The state of the account's places, in images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) free: u32,
    /// How many there are in all, at least one.
    pub(crate) ceiling: u32,
    /// What is in progress and will end. Places in quarantine are neither free nor in here: no
    /// others are kept idle to wait for them.
    pub(crate) in_flight: PerLane<u32>,
}

/// What entitles a lane to the next places; the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// It has nothing in progress and was passed over by so many images.
    Starved(Reverse<u32>),
    /// It has so many thousandths of what it owns.
    BelowFloor(u32),
    /// It has what it owns and would borrow.
    Borrows,
}

impl Room {
    /// The places that are free, or will be without anybody's doing.
    pub(super) fn within_reach(&self) -> u32 {
        let in_flight = self.in_flight.iter();
        in_flight.fold(self.free, |places, images| places.saturating_add(*images))
    }
}

/// The lanes in the order in which they are served; of equal claims the more urgent first.
pub(super) fn by_claim(floors: &Floors, rings: &PerLane<Ring>, room: &Room) -> PerLane<Lane> {
    let owned = floors.of(room.ceiling);
    let mut lanes = LANES;
    lanes.sort_by_key(|lane| {
        let lane = *lane as usize;
        let (has, owns) = (room.in_flight[lane], owned[lane]);
        let passed_over = rings[lane].passed_over;
        if has == 0 && passed_over >= floors.patience(LANES[lane]) {
            Claim::Starved(Reverse(passed_over))
        } else if has < owns {
            let thousandths = u64::from(has) * 1_000 / u64::from(owns);
            Claim::BelowFloor(u32::try_from(thousandths).unwrap_or(u32::MAX))
        } else {
            Claim::Borrows
        }
    });
    lanes
}
