//! Who hears what first. Retries may change the order; while all goes well it is that of events.

use domain::{Event, GenerationId, ImageState};
use jiff::{SignedDuration, Timestamp};

/// How long later news are held back for earlier ones.
const PATIENCE: SignedDuration = SignedDuration::from_secs(5);
const PAUSE: SignedDuration = SignedDuration::from_millis(250);

/// When an event happened, if it is one that people are told of.
pub(crate) fn happened_at(event: &Event) -> Option<Timestamp> {
    match event {
        Event::Completed(event) => Some(event.at),
        Event::Failed(event) => Some(event.at),
        Event::Unknown(event) => Some(event.at),
        Event::Ready(event) => Some(event.at),
        Event::ImageReady(event) => Some(event.at),
        Event::ProviderParked(event) => Some(event.at),
        Event::ProviderResumed(event) => Some(event.at),
        Event::ProviderDiscrepancy(event) => Some(event.at),
        Event::BudgetWarning(event) | Event::BudgetExhausted(event) => Some(event.at),
        Event::NotificationFailed(event) => Some(event.at),
        _ => None,
    }
}

/// The ids of the events that a receiver should hear of before `event`.
pub(crate) fn earlier(event: &Event) -> Vec<String> {
    let completed = |id: GenerationId| format!("generation-completed-{id}");
    match event {
        Event::ImageReady(event) => vec![completed(event.job.id)],
        Event::Ready(event) => {
            let ready = event
                .images
                .iter()
                .filter(|image| image.state == ImageState::Ready);
            let of_images = ready.map(|image| format!("image-ready-{}", image.id));
            std::iter::once(completed(event.job.id))
                .chain(of_images)
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Until when to hold back what happened at `at` and is too early to tell; none if it was held back
/// for long enough.
pub(crate) fn held_back_until(at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (now.duration_since(at) < PATIENCE).then(|| now.saturating_add(PAUSE).unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_held_back_for_five_seconds_at_the_most() {
        let at = Timestamp::UNIX_EPOCH;
        let soon = at + SignedDuration::from_secs(4);
        assert_eq!(held_back_until(at, soon), Some(soon + PAUSE));
        assert_eq!(held_back_until(at, at + SignedDuration::from_secs(5)), None);
    }
}
