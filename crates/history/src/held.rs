//! One generation between two transactions.

use std::collections::BTreeSet;

use domain::{Event, Generation, GenerationId};
use prost::Message;
use wire::v1;

use crate::Error;
use crate::account::Entry;
use crate::ledger::Ledger;
use crate::twins::Wish;

/// What the database knows of one generation.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Its name in the database.
    pub(crate) number: i64,
    /// The event that made it what it is.
    pub(crate) sequence: u64,
    /// What it asks for; none if it was refused at the door.
    pub(crate) identity: Option<String>,
    pub(crate) document: Vec<u8>,
    pub(crate) ledger: Vec<u8>,
}

/// A generation that is no longer what the database says.
pub(crate) struct Change {
    pub(crate) generation: Generation,
    /// What the database calls it; none if it does not have it yet.
    pub(crate) number: Option<i64>,
    /// The first event that we have of it, if it is new.
    pub(crate) first: u64,
    /// The last event that went into it.
    pub(crate) sequence: u64,
    /// What it asks for.
    pub(crate) identity: Option<String>,
    pub(crate) document: Vec<u8>,
    pub(crate) ledger: Vec<u8>,
    /// The seeds that the database does not know of: the one asked for, and those of pictures.
    pub(crate) seeds: Vec<i64>,
    /// The money that the database does not know of.
    pub(crate) entries: Vec<Entry>,
    /// The calls that the database counts, and that were not billed after all.
    pub(crate) released: Vec<u32>,
}

pub(crate) struct Held {
    stored: Option<Stored>,
    known: Option<Known>,
    first: u64,
    sequence: u64,
    known_seeds: BTreeSet<i64>,
    known_entries: Vec<Entry>,
}

struct Known {
    generation: Generation,
    ledger: Ledger,
    identity: Option<String>,
}

impl Held {
    pub(crate) const fn unknown() -> Self {
        Self {
            stored: None,
            known: None,
            first: 0,
            sequence: 0,
            known_seeds: BTreeSet::new(),
            known_entries: Vec::new(),
        }
    }

    pub(crate) fn read(mut stored: Stored) -> Result<Self, Error> {
        let generation = Generation::try_from(v1::Generation::decode(&*stored.document)?)?;
        let ledger = Ledger::decode(&*stored.ledger)?;
        Ok(Self {
            sequence: stored.sequence,
            first: 0,
            known_seeds: seeds(&generation),
            known_entries: ledger.entries(&generation),
            known: Some(Known {
                generation,
                ledger,
                identity: stored.identity.take(),
            }),
            stored: Some(stored),
        })
    }

    /// What is known of it so far.
    pub(crate) fn generation(&self) -> Option<&Generation> {
        self.known.as_ref().map(|known| &known.generation)
    }

    /// What it asks for.
    pub(crate) fn identity(&self) -> Option<&str> {
        self.known.as_ref()?.identity.as_deref()
    }

    /// The database's name for it.
    pub(crate) fn number(&self) -> Option<i64> {
        self.stored.as_ref().map(|stored| stored.number)
    }

    /// It repeats `earlier`, unless it says itself what it repeats.
    pub(crate) fn repeats(&mut self, earlier: GenerationId) {
        let known = self.known.as_mut();
        if let Some(job) = known.and_then(|known| known.generation.job.as_mut()) {
            job.duplicate_of.get_or_insert(earlier);
        }
    }

    /// Takes note of an event, and says whether it is the first that we have of the generation.
    /// `wish` is what it asks for, if that is known already.
    pub(crate) fn take(&mut self, sequence: u64, event: &Event, wish: Option<&Wish>) -> bool {
        if sequence <= self.sequence {
            return false;
        }
        let is_first = self.known.is_none();
        match &mut self.known {
            Some(known) => {
                known.generation.apply(event);
                known.ledger.apply(event);
            }
            // What says too little of an unknown generation is left out, and not counted as seen.
            None => match Known::begin(event, wish) {
                Some(known) => {
                    self.known = Some(known);
                    self.first = sequence;
                }
                None => return false,
            },
        }
        self.sequence = sequence;
        is_first
    }

    pub(crate) fn change(self) -> Option<Change> {
        let Known {
            generation,
            ledger,
            identity,
        } = self.known?;
        let stored = self.stored.as_ref();
        if stored.is_some_and(|stored| stored.sequence == self.sequence) {
            return None;
        }
        let document = v1::Generation::from(&generation).encode_to_vec();
        let money = ledger.encode_to_vec();
        if stored.is_some_and(|stored| stored.document == document && stored.ledger == money) {
            return None;
        }
        let mut entries = ledger.entries(&generation);
        let is_counted = |call| entries.iter().any(|entry| entry.call == call);
        let released = self
            .known_entries
            .iter()
            .map(|entry| entry.call)
            .filter(|call| !is_counted(*call))
            .collect();
        entries.retain(|entry| !self.known_entries.contains(entry));
        let seeds = seeds(&generation)
            .difference(&self.known_seeds)
            .copied()
            .collect();
        Some(Change {
            number: stored.map(|stored| stored.number),
            first: self.first,
            sequence: self.sequence,
            identity,
            document,
            ledger: money,
            seeds,
            entries,
            released,
            generation,
        })
    }
}

impl Known {
    fn begin(event: &Event, wish: Option<&Wish>) -> Option<Self> {
        let generation = Generation::begin(event)?;
        let mut ledger = Ledger::default();
        ledger.apply(event);
        let identity = match wish {
            Some(wish) => Some(wish.identity.clone()),
            None => identity(&generation),
        };
        Some(Self {
            generation,
            ledger,
            identity,
        })
    }
}

/// What `generation` asks for, if it got as far as being read.
pub(crate) fn identity(generation: &Generation) -> Option<String> {
    let job = generation.job.as_ref()?;
    Some(job.request.identity().to_string())
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
