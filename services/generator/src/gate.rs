//! What holds an account's work back, and when to see whether it still does. Pure.

use std::time::{Duration, Instant};

use domain::Hold;

/// The longest pause between two probes that nobody asked for.
const LONGEST: Duration = Duration::from_secs(300);
/// The longest that the provider is left alone because it asks for it. What asks for more is taken
/// for a mistake.
pub(crate) const MOST_ASKED: Duration = Duration::from_secs(3_600);

/// Whether an account is served. Three may close it: the provider by what it answers, an operator,
/// and the store. Only what the provider closed is probed, with one waiting request, since nothing
/// but a real call looks at the balance.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    provider: Option<Closed>,
    /// Why the operator has paused it.
    paused: Option<String>,
    store: bool,
}

#[derive(Debug)]
struct Closed {
    hold: Hold,
    probe_at: Instant,
    /// Until when the provider asked to be left alone, if it did.
    asked_until: Option<Instant>,
    pause: Duration,
    probing: bool,
    /// Whether it ends as soon as a place comes free.
    for_places: bool,
}

/// What may be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// As much as there are places for.
    All,
    /// One request, to see how it is received.
    Probe,
    /// Nothing.
    None,
}

impl Gate {
    /// Why the provider does not serve the account, if it does not.
    pub(crate) fn refused(&self) -> Option<Hold> {
        self.provider.as_ref().map(|closed| closed.hold)
    }

    /// Until when the provider asked to be left alone, if it did.
    pub(crate) fn asked_until(&self) -> Option<Instant> {
        self.provider.as_ref()?.asked_until
    }

    /// What holds work back, if anything does. An operator's word is the last.
    pub(crate) fn hold(&self) -> Option<Hold> {
        let provider = self.refused();
        let store = self.store.then_some(Hold::Store);
        let paused = self.paused.is_some().then_some(Hold::Paused);
        paused.or(provider).or(store)
    }

    /// What holds work back, for people: what the operator has said, and what to do.
    pub(crate) fn message(&self) -> Option<String> {
        let advice = self.hold()?.advice();
        Some(match &self.paused {
            Some(reason) if !reason.trim().is_empty() => format!("{} ({advice})", reason.trim()),
            _ => advice.to_owned(),
        })
    }

    /// The operator pauses the account and says why, or lets it go on.
    pub(crate) fn pause(&mut self, reason: Option<String>) {
        self.paused = reason;
    }

    pub(crate) const fn store(&mut self, closed: bool) {
        self.store = closed;
    }

    /// The provider would not serve the account. It is left alone for `pause`, which doubles with
    /// every probe that fails, and at least as long as it `asked`.
    pub(crate) fn close(
        &mut self,
        hold: Hold,
        pause: Duration,
        asked: Option<Duration>,
        now: Instant,
    ) {
        let asked = asked.map(|asked| asked.min(MOST_ASKED));
        let asked_until = asked.map(|asked| now + asked);
        if let Some(closed) = self.provider.as_mut().filter(|closed| !closed.probing) {
            // What was under way when it closed says nothing new, unless it asks for more time.
            closed.hold = hold;
            closed.for_places = false;
            closed.asked_until = closed.asked_until.max(asked_until);
            closed.probe_at = closed.probe_at.max(asked_until.unwrap_or(now));
            return;
        }
        let doubled = self.provider.as_ref();
        let doubled = doubled.map(|closed| closed.pause.saturating_mul(2).min(LONGEST));
        let doubled = doubled.unwrap_or_default();
        let pause = pause.max(asked.unwrap_or_default()).max(doubled);
        self.provider = Some(Closed {
            hold,
            probe_at: now + pause,
            asked_until,
            pause,
            probing: false,
            for_places: false,
        });
    }

    /// All places are taken: until one of ours comes free, or for `pause`. Nothing new if it is
    /// closed.
    pub(crate) fn fill(&mut self, pause: Duration, now: Instant) {
        let is_open = self.provider.is_none();
        if self.provider.as_ref().is_some_and(|closed| !closed.probing) {
            return;
        }
        self.close(Hold::Cooling, pause, None, now);
        if let Some(closed) = &mut self.provider {
            closed.for_places = is_open;
        }
    }

    /// The provider served the account. Unless it was asked by a probe this says nothing of the
    /// account now: it was asked before it closed, and has only left its place.
    pub(crate) fn served(&mut self, is_probe: bool) {
        let opens = |closed: &Closed| is_probe || closed.for_places;
        self.provider.take_if(|closed| opens(closed));
    }

    /// What may be bought `now`.
    pub(crate) fn passage(&self, now: Instant) -> Passage {
        if self.paused.is_some() || self.store {
            return Passage::None;
        }
        match &self.provider {
            None => Passage::All,
            Some(closed) if !closed.probing && now >= closed.probe_at => Passage::Probe,
            Some(_) => Passage::None,
        }
    }

    /// A request is on its way to see how it is received.
    pub(crate) fn probe(&mut self) {
        if let Some(closed) = &mut self.provider {
            closed.probing = true;
        }
    }

    /// The probe came to nothing that says anything of the account.
    pub(crate) fn probe_again(&mut self) {
        if let Some(closed) = &mut self.provider {
            closed.probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(30);

    #[test]
    fn one_probe_at_a_time_and_ever_more_seldom() {
        let (mut gate, mut now) = (Gate::default(), Instant::now());
        assert_eq!(gate.passage(now), Passage::All);
        gate.close(Hold::OutOfFunds, PAUSE, None, now);

        for pause in [30, 60, 120, 240, 300, 300] {
            assert_eq!(gate.passage(now), Passage::None);
            now += Duration::from_secs(pause - 1);
            assert_eq!(gate.passage(now), Passage::None, "{pause}");
            now += Duration::from_secs(1);
            assert_eq!(gate.passage(now), Passage::Probe, "{pause}");
            gate.probe();
            assert_eq!(gate.passage(now), Passage::None);
            gate.close(Hold::OutOfFunds, PAUSE, None, now);
        }
        gate.served(true);
        assert_eq!((gate.passage(now), gate.hold()), (Passage::All, None));
    }

    #[test]
    fn what_was_bought_before_it_closed_opens_nothing_but_places() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        gate.close(Hold::OutOfFunds, PAUSE, None, now);
        gate.fill(PAUSE, now);
        gate.served(false);
        assert_eq!(gate.passage(now), Passage::None);
        gate.served(true);
        gate.fill(PAUSE, now);
        assert_eq!(gate.hold(), Some(Hold::Cooling));
        gate.served(false);
        assert_eq!(gate.passage(now), Passage::All);
    }

    #[test]
    fn what_was_under_way_when_it_closed_does_not_prolong_it() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        gate.close(Hold::OutOfFunds, PAUSE, None, now);
        gate.close(Hold::OutOfFunds, PAUSE, None, now + PAUSE / 2);
        assert_eq!(gate.passage(now + PAUSE), Passage::Probe);
    }

    #[test]
    fn places_that_come_free_open_nothing_that_closed_for_another_reason_since() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        gate.fill(PAUSE, now);
        gate.close(Hold::OutOfFunds, PAUSE, None, now);
        gate.fill(PAUSE, now);
        gate.served(false);
        assert_eq!(gate.hold(), Some(Hold::OutOfFunds));
        assert_eq!(gate.passage(now), Passage::None);
        assert_eq!(gate.passage(now + PAUSE), Passage::Probe);
    }

    #[test]
    fn the_provider_is_left_alone_as_long_as_it_asks_also_by_what_was_under_way() {
        let (mut gate, mut now) = (Gate::default(), Instant::now());
        let long = LONGEST * 4;
        gate.close(Hold::Cooling, PAUSE, None, now);
        gate.close(Hold::Cooling, PAUSE, Some(long), now);
        gate.close(Hold::Cooling, PAUSE, Some(PAUSE), now);
        for _ in 0..3 {
            assert_eq!(gate.asked_until(), Some(now + long));
            assert_eq!(gate.passage(now + long - PAUSE), Passage::None);
            now += long;
            assert_eq!(gate.passage(now), Passage::Probe);
            gate.probe();
            gate.close(Hold::Cooling, PAUSE, Some(long), now);
        }
        now += long;
        gate.probe();
        gate.close(Hold::Cooling, PAUSE, None, now);
        assert_eq!(gate.asked_until(), None);
        assert_eq!(gate.passage(now + LONGEST), Passage::Probe);
    }

    #[test]
    fn absurd_wishes_are_cut_and_none_make_us_hasty() {
        let (mut gate, mut now) = (Gate::default(), Instant::now());
        gate.close(Hold::Cooling, PAUSE, Some(Duration::MAX), now);
        assert_eq!(
            gate.passage(now + MOST_ASKED - Duration::from_secs(1)),
            Passage::None
        );
        for asked in [Duration::MAX, Duration::from_secs(u64::MAX)] {
            now += MOST_ASKED;
            assert_eq!(gate.passage(now), Passage::Probe);
            gate.probe();
            gate.close(Hold::Cooling, PAUSE, Some(asked), now);
        }
        gate.served(true);
        gate.close(Hold::Cooling, PAUSE, Some(Duration::ZERO), now);
        assert_eq!(gate.passage(now), Passage::None);
        assert_eq!(gate.passage(now + PAUSE), Passage::Probe);
    }

    #[test]
    fn a_pause_outlasts_what_the_provider_says() {
        let (mut gate, now) = (Gate::default(), Instant::now());
        gate.close(Hold::BadKey, PAUSE, None, now);
        gate.pause(Some("new prices".to_owned()));
        assert_eq!(gate.hold(), Some(Hold::Paused));
        assert_eq!(
            gate.message().as_deref(),
            Some("new prices (an operator paused the account; `darkroom resume` ends it)")
        );
        assert_eq!(gate.passage(now + PAUSE), Passage::None);
        gate.served(true);
        assert_eq!(gate.passage(now), Passage::None);
        gate.pause(None);
        assert_eq!((gate.passage(now), gate.message()), (Passage::All, None));
    }
}
