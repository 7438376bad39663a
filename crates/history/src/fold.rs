//! Events of many generations, folded onto what is known of each. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Event, GenerationId, NotificationDelivered, NotificationFailed};

use crate::Error;
use crate::held::{Change, Held, Stored};
use crate::twins::{Twin, Twins, Wish};

/// How the news of something arrived, or did not.
pub(crate) enum Delivery<'a> {
    Delivered(&'a NotificationDelivered),
    Failed(&'a NotificationFailed),
}

/// What a chunk of events comes to.
pub(crate) struct Outcome<'a> {
    /// New generations are in the order in which they were first heard of.
    pub(crate) changes: Vec<Change>,
    pub(crate) deliveries: Vec<Delivery<'a>>,
    /// Of accounts and budgets.
    pub(crate) notices: Vec<&'a Event>,
}

/// The generations that `events` are about.
pub(crate) fn touched(events: &[(u64, &Event)]) -> BTreeSet<GenerationId> {
    let is_about_one = |event: &Event| delivery(event).is_none();
    events
        .iter()
        .filter(|(_, event)| is_about_one(event))
        .filter_map(|(_, event)| event.generation())
        .collect()
}

/// What is asked for by those generations that begin with `events`.
pub(crate) fn wishes(
    events: &[(u64, &Event)],
    stored: &BTreeMap<GenerationId, Stored>,
) -> BTreeMap<GenerationId, Wish> {
    events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Accepted(event) => Some(&event.job),
            _ => None,
        })
        .filter(|job| !stored.contains_key(&job.id))
        .map(|job| (job.id, Wish::of(job)))
        .collect()
}

/// Folds `events`, in whatever order they are given, onto what is `stored`. A request that was
/// made before, by one of the `twins` of `wishes` or in the events themselves, is marked as its duplicate.
///
/// An event that its generation has already seen is skipped. This is asked of each generation
/// rather than of the position of all, so that a log that was created anew, and counts from one
/// again, is written down too.
pub(crate) fn fold<'a>(
    events: &[(u64, &'a Event)],
    stored: BTreeMap<GenerationId, Stored>,
    wishes: &BTreeMap<GenerationId, Wish>,
    twins: Vec<Twin>,
) -> Result<Outcome<'a>, Error> {
    let mut held = BTreeMap::new();
    for (id, stored) in stored {
        held.insert(id, Held::read(stored)?);
    }
    let mut twins = Twins::new(wishes, &held, twins);
    let mut events = events.to_vec();
    events.sort_by_key(|(sequence, _)| *sequence);
    let (mut deliveries, mut notices) = (Vec::new(), Vec::new());
    for (sequence, event) in events {
        match (delivery(event), event.generation()) {
            (Some(delivery), _) => deliveries.push(delivery),
            (None, Some(id)) => {
                let generation = held.entry(id).or_insert_with(Held::unknown);
                if generation.take(sequence, event, wishes.get(&id)) {
                    twins.meet(id, &mut held, matches!(event, Event::Accepted(_)));
                }
            }
            (None, None) => notices.push(event),
        }
    }
    let mut changes: Vec<_> = held.into_values().filter_map(Held::change).collect();
    changes.sort_by_key(|change| change.first);
    Ok(Outcome {
        changes,
        deliveries,
        notices,
    })
}

const fn delivery(event: &Event) -> Option<Delivery<'_>> {
    match event {
        Event::NotificationDelivered(event) => Some(Delivery::Delivered(event)),
        Event::NotificationFailed(event) => Some(Delivery::Failed(event)),
        _ => None,
    }
}
