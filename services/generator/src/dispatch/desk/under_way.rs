//! The attempts under way, and the places they take.

use std::collections::HashMap;
use std::sync::Arc;

use domain::GenerationId;

use crate::attempt::Contact;
use crate::books::Call;
use crate::line::{PerLane, Ticket};

/// One attempt under way.
#[derive(Debug)]
pub(in crate::dispatch) struct Active {
    pub(in crate::dispatch) ticket: Ticket,
    pub(in crate::dispatch) call: Call,
    pub(in crate::dispatch) token: Arc<str>,
    pub(in crate::dispatch) contact: Arc<Contact>,
    pub(in crate::dispatch) is_probe: bool,
    /// The provider's name for it, as the provider says by itself.
    pub(in crate::dispatch) named: Option<String>,
}

/// All of them. What they take together is kept up rather than counted: it is asked for all the
/// time.
#[derive(Debug, Default)]
pub(in crate::dispatch) struct UnderWay {
    attempts: HashMap<GenerationId, Active>,
    images: PerLane<u32>,
}

impl UnderWay {
    pub(in crate::dispatch) fn insert(&mut self, active: Active) {
        self.images[active.ticket.lane as usize] += active.ticket.images;
        if let Some(former) = self.attempts.insert(active.ticket.id, active) {
            self.images[former.ticket.lane as usize] -= former.ticket.images;
        }
    }

    pub(in crate::dispatch) fn remove(&mut self, id: &GenerationId) -> Option<Active> {
        let active = self.attempts.remove(id)?;
        self.images[active.ticket.lane as usize] -= active.ticket.images;
        Some(active)
    }

    pub(in crate::dispatch) fn get(&self, id: &GenerationId) -> Option<&Active> {
        self.attempts.get(id)
    }

    /// The provider has told us its name for an attempt. If that attempt is under way: whether the
    /// ledger has the name by now. One that still waits for the answer to its call may never get it,
    /// and then the name is all there is.
    pub(in crate::dispatch) fn named(
        &mut self,
        id: &GenerationId,
        token: &str,
        provider_id: &str,
    ) -> Option<bool> {
        let active = self.attempts.get_mut(id);
        let active = active.filter(|active| *active.token == *token)?;
        active.named = Some(provider_id.to_owned());
        active.contact.wake();
        Some(active.contact.is_named())
    }

    /// The images in progress, by lane.
    pub(in crate::dispatch) const fn images(&self) -> PerLane<u32> {
        self.images
    }
}
