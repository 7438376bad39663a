//! The images in progress: how many there are, the most there ever were, and how long all of them
//! together have been in progress.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;

/// A place for each image in progress.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// When each ends and began, the first to end on top.
    taken: BinaryHeap<Reverse<(Timestamp, Timestamp)>>,
    peak: usize,
    /// What the freed ones have lasted.
    past_micros: i64,
}

impl Places {
    /// Takes a place until each of `ends`.
    pub(crate) fn take(&mut self, since: Timestamp, ends: impl Iterator<Item = Timestamp>) {
        self.taken.extend(ends.map(|end| Reverse((end, since))));
        self.peak = self.peak.max(self.taken.len());
    }

    /// Frees the places whose images are done.
    pub(crate) fn free(&mut self, now: Timestamp) {
        while let Some(&Reverse((end, since))) = self.taken.peek()
            && end <= now
        {
            self.past_micros += micros(since, end);
            self.taken.pop();
        }
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.len()
    }

    pub(crate) const fn peak(&self) -> usize {
        self.peak
    }

    /// Milliseconds of images in progress until `now`, which [`Places::free`] was told.
    pub(crate) fn image_millis(&self, now: Timestamp) -> u64 {
        let going = self
            .taken
            .iter()
            .map(|Reverse((_, since))| micros(*since, now));
        let total = self.past_micros + going.sum::<i64>();
        u64::try_from(total / 1_000).unwrap_or_default()
    }
}

fn micros(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_microsecond() - from.as_microsecond()).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_summed_over_time_and_the_peak_stays() -> anyhow::Result<()> {
        let at = |second| Timestamp::from_second(second);
        let mut places = Places::default();

        places.take(at(0)?, [at(10)?, at(20)?].into_iter());
        places.free(at(15)?);
        places.take(at(15)?, [at(30)?].into_iter());
        places.free(at(20)?);

        assert_eq!((places.taken(), places.peak()), (1, 2));
        assert_eq!(places.image_millis(at(20)?), 35_000);
        Ok(())
    }
}
