//! Who asked for the same before. No I/O.

use std::collections::BTreeMap;

use domain::{GenerationId, Job, Status, Tenant};

use crate::held::Held;

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wish {
    pub(crate) tenant: Tenant,
    /// As [`domain::Identity`] is written.
    pub(crate) identity: String,
}

/// The last generation in the database that asked for the same and has not failed. It is none of
/// those that the events are about, so it is the same before and after them.
#[derive(Debug)]
pub(crate) struct Twin {
    pub(crate) wish: Wish,
    pub(crate) number: i64,
    pub(crate) id: GenerationId,
}

impl Wish {
    pub(crate) fn of(job: &Job) -> Self {
        Self {
            tenant: job.tenant.clone(),
            identity: job.request.identity().to_string(),
        }
    }
}

/// The generations of each wish that is new, in the order of the log.
pub(crate) struct Twins(BTreeMap<Wish, Vec<GenerationId>>);

impl Twins {
    pub(crate) fn new(
        wishes: &BTreeMap<GenerationId, Wish>,
        held: &BTreeMap<GenerationId, Held>,
        twins: Vec<Twin>,
    ) -> Self {
        let mut new = Self(BTreeMap::new());
        if wishes.is_empty() {
            return new;
        }
        new.0
            .extend(wishes.values().map(|wish| (wish.clone(), Vec::new())));
        let mut known: Vec<_> = twins
            .into_iter()
            .map(|twin| (twin.number, twin.id, twin.wish))
            .collect();
        for (id, held) in held {
            if let (Some(number), Some(wish)) = (held.number(), wish(held)) {
                known.push((number, *id, wish));
            }
        }
        // The database numbers them as they come.
        known.sort_by_key(|(number, ..)| *number);
        for (_, id, wish) in known {
            if let Some(earlier) = new.0.get_mut(&wish) {
                earlier.push(id);
            }
        }
        new
    }

    /// The generation `id` has just begun. If it is a new request, it repeats the last one of the
    /// same wish that has not failed by now.
    pub(crate) fn meet(
        &mut self,
        id: GenerationId,
        held: &mut BTreeMap<GenerationId, Held>,
        is_request: bool,
    ) {
        let wish = held.get(&id).and_then(wish);
        let Some(earlier) = wish.and_then(|wish| self.0.get_mut(&wish)) else {
            return;
        };
        if is_request {
            let has_failed = |id: &GenerationId| {
                held.get(id)
                    .and_then(Held::generation)
                    .is_some_and(|generation| generation.status == Status::Failed)
            };
            let twin = earlier.iter().rev().find(|id| !has_failed(id)).copied();
            if let (Some(twin), Some(held)) = (twin, held.get_mut(&id)) {
                held.repeats(twin);
            }
        }
        earlier.push(id);
    }
}

fn wish(held: &Held) -> Option<Wish> {
    Some(Wish {
        tenant: held.generation()?.tenant.clone(),
        identity: held.identity()?.to_owned(),
    })
}
