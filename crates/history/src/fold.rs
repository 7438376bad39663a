//! Events of many generations, folded onto what is known of each. No I/O.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Event, Generation, GenerationId, NotificationDelivered, NotificationFailed};
use prost::Message;
use wire::v1;

use crate::Error;

/// What the database knows of one generation.
pub(crate) struct Stored {
    /// The event that made it what it is.
    pub(crate) sequence: u64,
    pub(crate) document: Vec<u8>,
}

/// One generation between two transactions.
struct Held {
    stored: Option<Stored>,
    known: Option<Generation>,
    sequence: u64,
    known_seeds: BTreeSet<i64>,
}

/// A generation that is no longer what the database says.
pub(crate) struct Change {
    pub(crate) generation: Generation,
    /// The last event that went into it.
    pub(crate) sequence: u64,
    pub(crate) document: Vec<u8>,
    /// Whether the database does not have it yet.
    pub(crate) is_new: bool,
    /// The seeds that the database does not know of: the one asked for, and those of pictures.
    pub(crate) seeds: Vec<i64>,
}

/// How the news of something arrived, or did not.
pub(crate) enum Delivery<'a> {
    Delivered(&'a NotificationDelivered),
    Failed(&'a NotificationFailed),
}

/// What a chunk of events comes to.
pub(crate) struct Outcome<'a> {
    pub(crate) changes: Vec<Change>,
    pub(crate) deliveries: Vec<Delivery<'a>>,
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

/// Folds `events`, in whatever order they are given, onto what is `stored`.
///
/// An event that its generation has already seen is skipped. This is asked of each generation
/// rather than of the position of all, so that a log that was created anew, and counts from one
/// again, is written down too.
pub(crate) fn fold<'a>(
    events: &[(u64, &'a Event)],
    stored: BTreeMap<GenerationId, Stored>,
) -> Result<Outcome<'a>, Error> {
    let mut held = BTreeMap::new();
    for (id, stored) in stored {
        held.insert(id, Held::read(stored)?);
    }
    let mut events = events.to_vec();
    events.sort_by_key(|(sequence, _)| *sequence);
    let mut deliveries = Vec::new();
    for (sequence, event) in events {
        match (delivery(event), event.generation()) {
            (Some(delivery), _) => deliveries.push(delivery),
            (None, Some(id)) => held
                .entry(id)
                .or_insert_with(Held::unknown)
                .take(sequence, event),
            // Of accounts and budgets.
            (None, None) => {}
        }
    }
    let changes = held.into_values().filter_map(Held::change).collect();
    Ok(Outcome {
        changes,
        deliveries,
    })
}

impl Held {
    const fn unknown() -> Self {
        Self {
            stored: None,
            known: None,
            sequence: 0,
            known_seeds: BTreeSet::new(),
        }
    }

    fn read(stored: Stored) -> Result<Self, Error> {
        let generation = Generation::try_from(v1::Generation::decode(&*stored.document)?)?;
        Ok(Self {
            sequence: stored.sequence,
            stored: Some(stored),
            known_seeds: seeds(&generation),
            known: Some(generation),
        })
    }

    fn take(&mut self, sequence: u64, event: &Event) {
        if sequence <= self.sequence {
            return;
        }
        match &mut self.known {
            Some(generation) => generation.apply(event),
            // What says too little of an unknown generation is left out, and not counted as seen.
            None => match Generation::begin(event) {
                Some(generation) => self.known = Some(generation),
                None => return,
            },
        }
        self.sequence = sequence;
    }

    fn change(self) -> Option<Change> {
        let generation = self.known?;
        if self
            .stored
            .as_ref()
            .is_some_and(|stored| stored.sequence == self.sequence)
        {
            return None;
        }
        let document = v1::Generation::from(&generation).encode_to_vec();
        let is_new = match self.stored {
            Some(stored) if stored.document == document => return None,
            stored => stored.is_none(),
        };
        let seeds = seeds(&generation)
            .difference(&self.known_seeds)
            .copied()
            .collect();
        Some(Change {
            sequence: self.sequence,
            document,
            is_new,
            seeds,
            generation,
        })
    }
}

fn seeds(generation: &Generation) -> BTreeSet<i64> {
    let asked = generation
        .job
        .as_ref()
        .and_then(|job| job.request.seed)
        .map(i64::from);
    let drawn = generation.images.iter().filter_map(|image| image.seed);
    asked.into_iter().chain(drawn).collect()
}

const fn delivery(event: &Event) -> Option<Delivery<'_>> {
    match event {
        Event::NotificationDelivered(event) => Some(Delivery::Delivered(event)),
        Event::NotificationFailed(event) => Some(Delivery::Failed(event)),
        _ => None,
    }
}
