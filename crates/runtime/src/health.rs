use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Whether the process can do its work: the sum of its components, each of which speaks for itself.
///
/// Clones share one state. Before the first component a process is starting.
#[derive(Debug, Clone)]
pub struct Health {
    waiting: Arc<Mutex<BTreeMap<String, String>>>,
    scope: String,
}

/// One part a process needs to do its work, as seen by [`Health`]. Clones speak for the same part.
#[derive(Debug, Clone)]
pub struct Component {
    health: Health,
    name: String,
}

const STARTING: &str = "starting";
/// What stands for the process until its first component does.
const PROCESS: &str = "process";

impl Default for Health {
    fn default() -> Self {
        let waiting = BTreeMap::from([(PROCESS.to_owned(), STARTING.to_owned())]);
        Self {
            waiting: Arc::new(Mutex::new(waiting)),
            scope: String::new(),
        }
    }
}

impl Health {
    /// Registers the part called `name`, not ready (`starting`) until it says otherwise.
    pub fn component(&self, name: &str) -> Component {
        let component = Component {
            health: self.clone(),
            name: format!("{}{name}", self.scope),
        };
        component.not_ready(STARTING);
        self.lock().remove(PROCESS);
        component
    }

    /// The same health, in which the names of new components begin with `scope`: several services
    /// in one process stay apart.
    #[must_use]
    pub fn scoped(&self, scope: &str) -> Self {
        Self {
            waiting: Arc::clone(&self.waiting),
            scope: format!("{}{scope}/", self.scope),
        }
    }

    /// Name and reason of every component that is not ready, by name. Empty: ready.
    pub fn reasons(&self) -> Vec<(String, String)> {
        let waiting = self.lock();
        waiting
            .iter()
            .map(|(name, why)| (name.clone(), why.clone()))
            .collect()
    }

    /// Whether all components are ready.
    pub fn is_ready(&self) -> bool {
        self.lock().is_empty()
    }

    /// The map stays whole even if a holder of the lock panicked: each change is one insertion.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Component {
    /// The part can do its work.
    pub fn ready(&self) {
        if self.health.lock().remove(&self.name).is_some() {
            tracing::debug!(component = %self.name, "ready");
        }
    }

    /// The part cannot do its work, because of `reason` (one short line; it is shown to operators).
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.health.lock().insert(self.name.clone(), reason.into());
    }
}

#[cfg(test)]
mod tests {
    use super::Health;

    #[test]
    fn ready_means_every_component_is() {
        let health = Health::default();
        assert!(!health.is_ready());

        let (nats, store) = (health.component("nats"), health.component("store"));
        nats.ready();
        assert_eq!(health.reasons(), [("store".into(), "starting".into())]);

        store.ready();
        assert!(health.is_ready());

        nats.not_ready("reconnecting");
        assert_eq!(health.reasons(), [("nats".into(), "reconnecting".into())]);
    }

    #[test]
    fn scopes_keep_equal_names_apart() {
        let health = Health::default();
        let ours = health.scoped("gateway").component("nats");
        let theirs = health.scoped("notifier").component("nats");
        ours.ready();
        assert_eq!(
            health.reasons(),
            [("notifier/nats".into(), "starting".into())]
        );
        theirs.ready();
        assert!(health.is_ready());
    }
}
