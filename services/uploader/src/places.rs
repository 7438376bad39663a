//! Places for pictures in memory. One that comes free goes to a retry, if one waits, else to what was
//! drawn first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::oneshot;

/// Whose turn it is: the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    /// Retries are not new, and come first.
    pub(crate) is_new: bool,
    /// When it was drawn.
    pub(crate) drawn: Timestamp,
}

/// A number of places. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Places(Arc<Mutex<Queue>>);

#[derive(Debug)]
struct Queue {
    free: usize,
    waiting: BTreeMap<(Turn, u64), oneshot::Sender<Place>>,
    next: u64,
}

/// One place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Option<Places>);

impl Places {
    pub(crate) fn new(free: usize) -> Self {
        Self(Arc::new(Mutex::new(Queue {
            free,
            waiting: BTreeMap::new(),
            next: 0,
        })))
    }

    /// Waits for a place.
    pub(crate) async fn take(&self, turn: Turn) -> Place {
        let waiting = {
            let mut queue = self.lock();
            if queue.free > 0 {
                queue.free -= 1;
                return Place(Some(self.clone()));
            }
            let (sender, receiver) = oneshot::channel();
            let number = queue.next;
            queue.next += 1;
            queue.waiting.insert((turn, number), sender);
            receiver
        };
        // Its sender is in the queue, which we share, until it sends.
        waiting.await.unwrap_or(Place(None))
    }

    /// Gives a place to whoever is next; one who does not wait any more is passed over.
    fn give_back(self) {
        loop {
            let next = {
                let mut queue = self.lock();
                let Some((_, next)) = queue.waiting.pop_first() else {
                    queue.free += 1;
                    return;
                };
                next
            };
            match next.send(Place(Some(self.clone()))) {
                Ok(()) => return,
                // Not to be given back by being dropped.
                Err(mut place) => place.0 = None,
            }
        }
    }

    /// The queue stays whole even if a holder of the lock panicked: each change is one step.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = self.0.take() {
            places.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::*;

    fn turn(is_new: bool, second: i64) -> Turn {
        let drawn = Timestamp::from_second(second).unwrap_or_default();
        Turn { is_new, drawn }
    }

    /// Somebody who waits.
    fn waits(places: &Places, turn: Turn) -> BoxFuture<'_, Place> {
        let mut waiting = places.take(turn).boxed();
        assert!((&mut waiting).now_or_never().is_none(), "no place is free");
        waiting
    }

    #[test]
    fn retries_come_first_then_what_was_drawn_first() {
        let places = Places::new(1);
        let mut held = places.take(turn(true, 0)).now_or_never();
        assert!(held.is_some());
        let asked = [(true, 3), (true, 2), (false, 4), (false, 1), (true, 2)];
        let mut waiting: Vec<_> = asked
            .iter()
            .map(|&(is_new, second)| (is_new, second, waits(&places, turn(is_new, second))))
            .collect();

        let mut served = Vec::new();
        while !waiting.is_empty() {
            drop(held.take());
            let next = waiting
                .iter_mut()
                .position(|(.., waiting)| match waiting.now_or_never() {
                    Some(place) => held.replace(place).is_none(),
                    None => false,
                });
            let Some(next) = next else {
                break;
            };
            let (is_new, second, _) = waiting.remove(next);
            served.push((is_new, second));
        }
        assert_eq!(
            served,
            [(false, 1), (false, 4), (true, 2), (true, 2), (true, 3)]
        );
    }

    #[test]
    fn whoever_does_not_wait_any_more_takes_no_place_along() {
        let places = Places::new(1);
        let held = places.take(turn(true, 0)).now_or_never();
        let gone = waits(&places, turn(false, 0));
        let unaware = waits(&places, turn(false, 1));
        drop(gone);
        drop(held);
        // It was given the place, and is dropped without having looked.
        drop(unaware);

        assert!(places.take(turn(true, 5)).now_or_never().is_some());
    }
}
