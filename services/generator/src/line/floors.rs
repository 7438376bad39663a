//! What each lane owns of the account.

use domain::Lane;

use super::ticket::{LANES, PerLane};

/// The share of the places that each lane owns, in percent; together at most 100. What a lane does
/// not use is lent to the others, and comes back as their images end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Floors {
    pub(crate) interactive: u32,
    pub(crate) standard: u32,
    pub(crate) background: u32,
}

impl Default for Floors {
    /// A tenth stays unowned: it goes to the most urgent lane that has work.
    fn default() -> Self {
        Self {
            interactive: 50,
            standard: 30,
            background: 10,
        }
    }
}

impl Floors {
    /// The places that each lane owns of `ceiling`: its share rounded down, except that half a
    /// place or more is one. Never more than there are; the more urgent lane comes first.
    pub(super) fn of(&self, ceiling: u32) -> PerLane<u32> {
        let mut left = ceiling;
        LANES.map(|lane| {
            let share = u64::from(ceiling) * u64::from(self.percent(lane));
            let whole = u32::try_from(share / 100).unwrap_or(u32::MAX);
            let floor = whole.max(u32::from(share >= 50)).min(left);
            left -= floor;
            floor
        })
    }

    /// How many images other lanes may get in a row while one with work has nothing in progress.
    /// So even a lane whose share rounds to no place at all gets that share of the images.
    pub(super) fn patience(&self, lane: Lane) -> u32 {
        100 / self.percent(lane).clamp(1, 100)
    }

    const fn percent(&self, lane: Lane) -> u32 {
        match lane {
            Lane::Interactive => self.interactive,
            Lane::Standard => self.standard,
            Lane::Background => self.background,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_so_that_small_accounts_work() {
        let floors = Floors::default();
        let expected = [
            (0, [0, 0, 0]),
            (1, [1, 0, 0]),
            (2, [1, 1, 0]),
            (3, [1, 1, 0]),
            (4, [2, 1, 0]),
            (5, [2, 1, 1]),
            (10, [5, 3, 1]),
            (1_000, [500, 300, 100]),
            (u32::MAX, [2_147_483_647, 1_288_490_188, 429_496_729]),
        ];
        for (ceiling, places) in expected {
            assert_eq!(floors.of(ceiling), places, "of {ceiling}");
        }
    }

    #[test]
    fn no_more_is_owned_than_there_is() {
        let greedy = Floors {
            interactive: 80,
            standard: 80,
            background: 80,
        };
        assert_eq!(greedy.of(10), [8, 2, 0]);
        for ceiling in 0..100 {
            assert!(Floors::default().of(ceiling).iter().sum::<u32>() <= ceiling);
        }
    }
}
