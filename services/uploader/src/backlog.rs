//! What is drawn and not ours yet, and whether its links live long enough. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use bus::{Backlog, Waits};
use domain::Rendered;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Generations that have to be overdue, or wait, before anything is concluded from it: one link that
/// gives nothing says nothing of the others.
const FEW: u64 = 3;
/// The urgency at which somebody should look.
const ALARM: f64 = 0.5;

/// What is drawn and not ours yet, at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sight {
    pub(crate) backlog: Backlog,
    /// When the first of all links dies; none if there is no link.
    pub(crate) first_death: Option<Timestamp>,
    /// The shortest life that any of the links was given.
    shortest_life: Option<SignedDuration>,
    /// The greatest [`Rendered::urgency`] of all, and of those that nobody has begun.
    urgency: f64,
    in_line: f64,
    /// How many are overdue of those that were put off.
    overdue: u64,
}

impl Sight {
    /// Adds one that waits.
    pub(crate) fn add(&mut self, waits: Waits, rendered: &Rendered, now: Timestamp) {
        if rendered.images.iter().all(|image| image.link.is_none()) {
            return;
        }
        let death = rendered.expires_at;
        let life = death.duration_since(rendered.at);
        self.first_death = Some(self.first_death.map_or(death, |first| first.min(death)));
        self.shortest_life = Some(self.shortest_life.map_or(life, |least| least.min(life)));
        let urgency = rendered.urgency(now);
        self.urgency = self.urgency.max(urgency);
        match waits {
            Waits::InLine => self.in_line = self.in_line.max(urgency),
            Waits::PutOff => self.overdue += u64::from(urgency >= 1.0),
        }
    }

    /// Whether somebody should look while there is time; once they should, until it is half as urgent.
    pub(crate) fn is_alarming(&self, was_alarming: bool) -> bool {
        self.urgency >= if was_alarming { ALARM / 2.0 } else { ALARM }
    }
}

/// Tells from one look to the next whether what is bought would be ours in time.
#[derive(Debug)]
pub(crate) struct Pressure {
    /// How long is looked back.
    window: Duration,
    /// How much was settled, and when; oldest first.
    looks: VecDeque<(Instant, u64)>,
    is_high: bool,
}

impl Pressure {
    pub(crate) const fn new(window: Duration) -> Self {
        Self {
            window,
            looks: VecDeque::new(),
            is_high: false,
        }
    }

    /// Why nothing more should be bought, if nothing should. What stopped buying must be halfway
    /// better before it goes on.
    pub(crate) fn judge(&mut self, sight: &Sight, now: Instant) -> Option<String> {
        self.looks.push_back((now, sight.backlog.settled));
        while let [_, (at, _), ..] = self.looks.make_contiguous()
            && now.duration_since(*at) >= self.window
        {
            self.looks.pop_front();
        }
        let reason = self.reason(sight, now);
        self.is_high = reason.is_some();
        reason
    }

    fn reason(&self, sight: &Sight, now: Instant) -> Option<String> {
        let &(since, before) = self.looks.front()?;
        let (span, stored) = (
            now.duration_since(since),
            sight.backlog.settled.saturating_sub(before),
        );
        let waiting = sight.backlog.in_line + sight.backlog.put_off;
        let (most, part) = match self.is_high {
            true => (ALARM, 4),
            false => (1.0, 2),
        };
        if sight.in_line >= most {
            return Some(format!(
                "{waiting} generations wait, and the first of them for too long"
            ));
        }
        if waiting < FEW {
            return None;
        }
        if sight.overdue >= FEW && stored == 0 && span >= self.window {
            let overdue = sight.overdue;
            return Some(format!(
                "{overdue} generations are overdue, and none is stored any more"
            ));
        }
        let life = Duration::try_from(sight.shortest_life?).unwrap_or_default();
        let needed = span.as_secs_f64() * waiting as f64 / stored as f64;
        let is_measured = stored > 0 && span >= self.window / 2;
        (is_measured && needed > life.as_secs_f64() / f64::from(part)).then(|| {
            format!("{waiting} generations wait, which takes {needed:.0} s; links live {life:?}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);
    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    /// Where `waiting` wait, of which `overdue` are overdue, and `settled` are behind us.
    fn sight(waiting: u64, overdue: u64, settled: u64) -> Sight {
        Sight {
            backlog: Backlog {
                in_line: waiting,
                put_off: 0,
                settled,
            },
            shortest_life: Some(HOUR),
            overdue,
            ..Sight::default()
        }
    }

    /// Whether buying is stopped after each of some looks, ten seconds apart.
    fn stopped(looks: impl IntoIterator<Item = Sight>) -> Vec<bool> {
        let (mut pressure, start) = (Pressure::new(WINDOW), Instant::now());
        let looks = looks.into_iter().zip(0..);
        let judged =
            looks.map(|(sight, n)| pressure.judge(&sight, start + Duration::from_secs(10) * n));
        judged.map(|reason| reason.is_some()).collect()
    }

    #[test]
    fn what_nobody_begins_stops_buying_and_goes_on_when_it_is_half_as_bad() {
        let urgent = |in_line| Sight {
            in_line,
            ..sight(1, 0, 0)
        };
        let urgencies = [0.9, 1.0, 0.9, 0.5, 0.4, 0.9];
        assert_eq!(
            stopped(urgencies.map(urgent)),
            [false, true, true, true, false, false]
        );
    }

    #[test]
    fn a_halt_stops_buying_until_something_is_stored_again() {
        let halted = [0, 0, 0, 0, 0, 0, 0, 0, 9].map(|settled| sight(9, 3, settled));
        let expected = [false, false, false, false, false, false, true, true, false];
        assert_eq!(stopped(halted), expected);
    }

    #[test]
    fn one_link_that_gives_nothing_stops_nobody() {
        let few = (0..20).map(|_| sight(2, 2, 0));
        assert!(!stopped(few).contains(&true));
        let flowing = (0..20).map(|n| sight(9, 5, n));
        assert!(!stopped(flowing).contains(&true));
    }

    #[test]
    fn a_backlog_that_takes_half_a_links_life_stops_buying() {
        // One in ten seconds: 180 take half an hour.
        let looks = [(150, 3), (170, 4), (190, 5), (170, 6), (100, 7), (80, 8)];
        let looks = looks.map(|(waiting, settled)| sight(waiting, 0, settled));
        let before = (0..3).map(|n| sight(1, 0, n));
        let stopped = stopped(before.chain(looks));
        assert_eq!(stopped[3..], [false, false, true, true, true, false]);
    }

    #[test]
    fn of_all_that_waits_the_first_death_and_the_least_patience_count() -> anyhow::Result<()> {
        let now = Timestamp::now();
        let mut sight = Sight::default();
        for (age, life) in [(5, 24), (50, 24), (15, 1)] {
            let at = now.saturating_sub(SignedDuration::from_mins(age))?;
            let expires_at = at.saturating_add(SignedDuration::from_hours(life))?;
            let rendered = crate::tests::rendered(at, expires_at)?;
            sight.add(Waits::PutOff, &rendered, now);
        }
        let first = now.saturating_add(SignedDuration::from_mins(45))?;
        assert_eq!(sight.first_death, Some(first));
        assert_eq!((sight.overdue, sight.in_line), (1, 0.0));
        assert!(sight.is_alarming(false));
        Ok(())
    }
}
