//! Which generations this process is at work on.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::GenerationId;

/// Which generations this process is at work on. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct AtWork(Arc<Mutex<HashSet<GenerationId>>>);

/// Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Work {
    id: GenerationId,
    of: AtWork,
}

impl AtWork {
    /// `None` if it is being worked on.
    pub(crate) fn begin(&self, id: GenerationId) -> Option<Work> {
        self.ids().insert(id).then(|| Work {
            id,
            of: self.clone(),
        })
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<GenerationId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.of.ids().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_generation_is_worked_on_once_at_a_time() {
        let (at_work, id) = (AtWork::default(), GenerationId::generate());
        let first = at_work.begin(id);
        assert!(first.is_some() && at_work.begin(id).is_none());
        assert!(at_work.begin(GenerationId::generate()).is_some());
        drop(first);
        assert!(at_work.begin(id).is_some());
    }
}
