//! When to ask whether a drawing is done. A place that is free without our knowledge is not used, so
//! the end should be noticed soon; an answer before the end is of no use to anybody.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{Model, Operation, Quality, RenderingSpeed, Request};

/// Before the first poll: some routes are done at once.
const FIRST: Duration = Duration::from_millis(50);
/// The shortest and the longest pause after it, while nothing is known of how long it takes.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How late the end may be noticed then, as a part of the time it took.
const PART: u32 = 24;
/// The same where the end is expected.
const SHORTEST: Duration = Duration::from_millis(50);
const PART_AT_END: u32 = 96;
/// How many pauses there are before the end is expected, in case it comes sooner than ever, and how
/// many at most from the soonest to the latest end.
const BEFORE: u32 = 8;
const MEANWHILE: u32 = 48;
/// Durations that are remembered of a kind, and how many make an expectation.
const REMEMBERED: usize = 32;
const ENOUGH: usize = 4;

/// What the time of a drawing depends on.
type Kind = (Operation, Model, Option<RenderingSpeed>, Option<Quality>);

/// How long drawings took lately. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Durations(Arc<Mutex<HashMap<Kind, VecDeque<Duration>>>>);

/// When the end of a drawing is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected {
    shortest: Duration,
    longest: Duration,
}

impl Durations {
    /// A drawing of `request` has taken so long.
    pub(crate) fn took(&self, request: &Request, duration: Duration) {
        let mut all = self.all();
        let recent = all.entry(kind(request)).or_default();
        if recent.len() == REMEMBERED {
            recent.pop_front();
        }
        recent.push_back(duration);
    }

    /// None until a few like it were drawn.
    pub(crate) fn expected(&self, request: &Request) -> Option<Expected> {
        let all = self.all();
        let recent = all
            .get(&kind(request))
            .filter(|recent| recent.len() >= ENOUGH)?;
        let (shortest, longest) = (recent.iter().min()?, recent.iter().max()?);
        Some(Expected {
            shortest: *shortest,
            longest: *longest,
        })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Kind, VecDeque<Duration>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kind(request: &Request) -> Kind {
    (
        request.operation,
        request.model,
        request.rendering_speed,
        request.quality,
    )
}

/// The pause before the next poll of what has been drawn for so long.
pub(crate) fn pause(drawn_for: Duration, expected: Option<Expected>) -> Duration {
    if drawn_for < FIRST {
        return FIRST;
    }
    if let Some(expected) = expected {
        let from = expected.shortest - expected.shortest / 8;
        let to = expected.longest + expected.longest / 4;
        if drawn_for < from {
            let pause = (from / BEFORE).clamp(PAUSES.0, PAUSES.1);
            return pause.min(from - drawn_for).max(SHORTEST);
        }
        if drawn_for < to {
            // One that took ages is no reason to be late with all the others.
            let seldom = (expected.longest - from) / MEANWHILE;
            return seldom
                .min(drawn_for / PART)
                .max(drawn_for / PART_AT_END)
                .clamp(SHORTEST, PAUSES.1);
        }
    }
    (drawn_for / PART).clamp(PAUSES.0, PAUSES.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// How late the end of a drawing is noticed, and with how many polls.
    fn ask(drawing: Duration, expected: Option<Expected>) -> (Duration, u32) {
        let (mut now, mut polls) = (FIRST, 1);
        while now < drawing {
            now += pause(now, expected);
            polls += 1;
        }
        (now - drawing, polls)
    }

    #[test]
    fn an_end_is_noticed_soon_with_few_questions() {
        for (drawing, most) in [(0, 1), (1, 13), (8, 60), (60, 110), (3_600, 1_900)] {
            let drawing = Duration::from_secs(drawing);
            let (late, polls) = ask(drawing, None);
            assert!(
                late <= (drawing / PART).max(PAUSES.0),
                "{drawing:?}: {late:?}"
            );
            assert!(polls <= most, "{drawing:?}: {polls}");
        }
    }

    #[test]
    fn what_is_known_is_asked_for_when_it_is_done() {
        for (shortest, longest, most) in [
            (ms(3_000), ms(3_000), 18),
            (ms(8_000), ms(8_500), 28),
            (ms(8_000), ms(16_000), 58),
            (ms(60_000), ms(120_000), 76),
        ] {
            let durations = Durations::default();
            let request = Request::new("a kite");
            (0..ENOUGH).for_each(|_| durations.took(&request, longest));
            durations.took(&request, shortest);
            let expected = durations.expected(&request);
            for drawing in [shortest, (shortest + longest) / 2, longest] {
                let (late, polls) = ask(drawing, expected);
                let (_, polls_before) = ask(drawing, None);
                let bound = (longest / MEANWHILE).max(drawing / PART_AT_END);
                assert!(late <= bound.max(SHORTEST), "{drawing:?}: {late:?}");
                assert!(polls <= most.min(polls_before), "{drawing:?}: {polls}");
            }
        }
    }

    #[test]
    fn what_is_quicker_than_ever_is_noticed_and_learnt() {
        let (durations, request) = (Durations::default(), Request::new("a kite"));
        (0..REMEMBERED).for_each(|_| durations.took(&request, ms(16_000)));
        let quick = ms(4_000);

        let (late, _) = ask(quick, durations.expected(&request));
        assert!(late <= ms(2_000), "{late:?}");
        for _ in 0..REMEMBERED {
            let (late, _) = ask(quick, durations.expected(&request));
            durations.took(&request, quick + late);
        }
        let (late, _) = ask(quick, durations.expected(&request));
        assert!(late <= SHORTEST, "{late:?}");
    }

    #[test]
    fn what_takes_longer_than_ever_is_asked_for_less_and_less() {
        let (durations, request) = (Durations::default(), Request::new("a kite"));
        (0..ENOUGH).for_each(|_| durations.took(&request, ms(3_000)));
        let (late, polls) = ask(Duration::from_secs(3_600), durations.expected(&request));
        assert!(late <= PAUSES.1 && polls <= 1_900, "{late:?} {polls}");
    }

    #[test]
    fn one_that_took_ages_makes_nobody_else_late() {
        let (durations, request) = (Durations::default(), Request::new("a kite"));
        (0..ENOUGH).for_each(|_| durations.took(&request, ms(8_000)));
        durations.took(&request, Duration::from_secs(600));
        let (late, _) = ask(ms(8_500), durations.expected(&request));
        assert!(late <= ms(8_500) / PART, "{late:?}");
    }

    #[test]
    fn kinds_are_told_apart() {
        let durations = Durations::default();
        let (one, mut other) = (Request::new("a kite"), Request::new("a kite"));
        other.rendering_speed = Some(RenderingSpeed::Turbo);
        (0..ENOUGH).for_each(|_| durations.took(&one, ms(9_000)));
        assert!(durations.expected(&one).is_some());
        assert_eq!(durations.expected(&other), None);
    }
}
