//! Those who hold on until a generation has come to its end (`Prefer: wait`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bus::Bus;
use domain::{Event, GenerationId};
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use crate::api::App;
use crate::find::Found;

const NAMES: [&str; 3] = [
    "generation.completed",
    "generation.ready",
    "generation.failed",
];
/// News come at most once, so the ledger is looked at as well.
const LOOK: Duration = Duration::from_secs(2);
/// A generation has at most two events that are waited for; more are of no use.
const ROOM: usize = 4;
/// How many may wait at once.
const MOST: usize = 4_096;

/// Who waits for what. One subscription serves all.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    waiters: Waiters,
}

type News = Arc<Event>;

/// By the generation's id as text, which is how the news name it.
#[derive(Debug, Clone, Default)]
struct Waiters(Arc<Mutex<HashMap<String, Vec<mpsc::Sender<News>>>>>);

/// A place among those who wait; given up when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    key: String,
    news: mpsc::Receiver<News>,
    waiters: Waiters,
}

impl Waiting {
    /// Listens to the news until `shutdown`.
    pub(crate) async fn listen(bus: &Bus, shutdown: CancellationToken) -> Result<Self, bus::Error> {
        let waiters = Waiters::default();
        let wanted = waiters.clone();
        let news = bus
            .news(&NAMES, move |key| wanted.lock().contains_key(key))
            .await?;
        let told = waiters.clone();
        tokio::spawn(async move {
            news.take_until(shutdown.cancelled_owned())
                .for_each(|event| {
                    told.tell(event);
                    std::future::ready(())
                })
                .await;
        });
        Ok(Self { waiters })
    }

    /// A place in the line for `id`, to be taken before the request is sent; none if too many wait.
    pub(crate) fn place(&self, id: GenerationId) -> Option<Place> {
        let key = id.to_string();
        let (sender, news) = mpsc::channel(ROOM);
        let mut waiters = self.waiters.lock();
        if waiters.len() >= MOST {
            return None;
        }
        let line = waiters.entry(key.clone()).or_default();
        if line.len() >= MOST {
            return None;
        }
        line.push(sender);
        drop(waiters);
        Some(Place {
            key,
            news,
            waiters: self.waiters.clone(),
        })
    }
}

impl Waiters {
    /// The map stays whole even if a holder of the lock panicked: each change is one call.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<mpsc::Sender<News>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: Event) {
        let event = Arc::new(event);
        if let Some(line) = self.lock().get(&event.key()) {
            for waiter in line {
                // Full or gone: it looks for itself, or no longer cares.
                waiter.try_send(Arc::clone(&event)).ok();
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.news.close();
        let mut waiters = self.waiters.lock();
        if let Some(line) = waiters.get_mut(&self.key) {
            line.retain(|waiter| !waiter.is_closed());
            if line.is_empty() {
                waiters.remove(&self.key);
            }
        }
    }
}

impl Place {
    /// Holds until `found` has come to its end, for `limit` at the most, and returns how it stands
    /// then. Ends early when the process does.
    pub(crate) async fn hold(mut self, app: &App, mut found: Found, limit: Duration) -> Found {
        let deadline = Instant::now() + limit;
        while !found.is_final() {
            let look = deadline.min(Instant::now() + LOOK);
            let event = tokio::select! {
                event = self.news.recv() => event,
                () = time::sleep_until(look) => None,
                () = app.shutdown.cancelled() => None,
            };
            let understood = event.is_some_and(|event| found.learn(&event));
            if !understood {
                found.refresh(app).await;
            }
            if Instant::now() >= deadline || app.shutdown.is_cancelled() {
                break;
            }
        }
        found
    }
}
