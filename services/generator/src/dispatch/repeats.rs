//! Requests that ask for what was asked for before.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Entry};
use domain::{
    Billed, Code, Completed, Event, GenerationId, Image, ImageId, ImageState, Job, OnDuplicate, Usd,
};
use jiff::Timestamp;
use storage::{Key, Meta, Store};
use tokio::sync::Semaphore;
use tokio::time;
use tracing::{debug, warn};
use wire::{ask, v1};

use super::known::Wish;
use crate::attempt::{Beginning, failed, failure};

/// Finished ones that are remembered; of older ones history knows.
const REMEMBERED: usize = 16_384;
/// How often an earlier one is looked at that is still on its way.
const LOOK: Duration = Duration::from_millis(500);
/// Pictures that are copied, and in memory, at once.
static COPIES: Semaphore = Semaphore::const_new(4);
/// The pause before somebody is asked again who did not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Who asked first for what. Exact, because requests arrive here one after the other.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    holders: HashMap<Wish, GenerationId>,
    wishes: HashMap<GenerationId, Wish>,
    finished: VecDeque<GenerationId>,
}

impl Repeats {
    /// The earlier one that asked for the same; if there is none, `id` is it from now on.
    pub(super) fn claim(&mut self, wish: Wish, id: GenerationId) -> Option<GenerationId> {
        let holder = *self.holders.entry(wish).or_insert(id);
        if holder == id {
            self.wishes.insert(id, wish);
            return None;
        }
        Some(holder)
    }

    /// Its images are there, or on their way from the provider to us.
    pub(super) fn finished(&mut self, id: GenerationId) {
        if !self.wishes.contains_key(&id) {
            return;
        }
        self.finished.push_back(id);
        if self.finished.len() > REMEMBERED
            && let Some(oldest) = self.finished.pop_front()
        {
            self.failed(oldest);
        }
    }

    /// Nothing came of it: the next who asks is the first.
    pub(super) fn failed(&mut self, id: GenerationId) {
        if let Some(wish) = self.wishes.remove(&id) {
            self.holders.remove(&wish);
        }
    }
}

/// What became of a request that was not to be bought twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolved {
    /// It has ended, as its ledger says.
    Told,
    /// Nobody has asked for the same before: it is to be bought.
    Unheard,
    /// The earlier one came to nothing.
    Failed(GenerationId),
    /// Somebody else goes on.
    Left,
}

/// A request that is not to be bought if the same was asked for before.
#[derive(Debug, Clone)]
pub(super) struct Repeat {
    pub(super) bus: Bus,
    pub(super) store: Store,
    pub(super) beginning: Arc<Beginning>,
    /// The sequence of its `accepted`.
    pub(super) sequence: u64,
    /// The end of the ledger when we took over: of what came before, only history knows everything.
    pub(super) taken_over_at: u64,
}

impl Repeat {
    /// Looks for an earlier one in history, whose images still exist.
    pub(super) async fn look_up(self) -> Resolved {
        loop {
            let job = &self.beginning.accepted.job;
            let question = v1::HistoryFind {
                tenant: job.tenant.to_string(),
                identity: job.request.identity().to_string(),
            };
            let asked = self.bus.ask(ask::HISTORY_FIND, ask::write(&question)).await;
            let found = asked
                .map_err(anyhow::Error::from)
                .and_then(|answer| Ok(ask::read::<v1::HistoryFound>(&answer)?));
            match found {
                Ok(found) => match found.id.and_then(|id| id.parse().ok()) {
                    Some(earlier) if earlier != job.id => return self.follow(earlier).await,
                    _ if found.recorded_to >= self.taken_over_at => return Resolved::Unheard,
                    _ => debug!("history is behind"),
                },
                Err(err) => {
                    warn!(error = %err, "history does not say whether it was bought before")
                }
            }
            time::sleep(PAUSE).await;
        }
    }

    /// Waits for the end of an earlier one, and ends as it did.
    pub(super) async fn follow(self, earlier: GenerationId) -> Resolved {
        loop {
            match self.bus.ledger().read(earlier).await {
                Ok(entries) => {
                    if let Some(resolved) = self.settle(earlier, &entries).await {
                        return resolved;
                    }
                }
                Err(err) => warn!(error = &err as &dyn std::error::Error, "cannot read"),
            }
            time::sleep(LOOK).await;
        }
    }

    async fn settle(&self, earlier: GenerationId, entries: &[Entry]) -> Option<Resolved> {
        let ended = |event: &Event| matches!(event, Event::Completed(_) | Event::Failed(_));
        let end = entries.iter().find(|entry| ended(&entry.event));
        let event = match end.map(|entry| &entry.event) {
            Some(Event::Failed(_)) => return Some(Resolved::Failed(earlier)),
            _ if self.beginning.accepted.job.request.on_duplicate == OnDuplicate::Reject => {
                self.rejected(earlier)
            }
            Some(Event::Completed(completed)) => match self.reused(earlier, completed).await {
                Ok(Some(completed)) => completed.into(),
                Ok(None) => return Some(Resolved::Failed(earlier)),
                Err(err) => {
                    warn!(error = %err, "cannot copy");
                    return None;
                }
            },
            _ => return None,
        };
        match self.bus.ledger().append(event.clone(), self.sequence).await {
            Ok(_) => Some(Resolved::Told),
            // Who else would have written ended it as well.
            Err(bus::Error::Conflict { .. }) => {
                self.take_back(&event).await;
                Some(Resolved::Told)
            }
            Err(err) => {
                warn!(error = &err as &dyn std::error::Error, "cannot write");
                None
            }
        }
    }

    /// Removes the copies of a request that was cancelled meanwhile: nobody knows of them. If it was
    /// completed, that was with the same ones.
    async fn take_back(&self, event: &Event) {
        let Event::Completed(completed) = event else {
            return;
        };
        let end = self.bus.ledger().end_of(completed.job.id).await;
        if matches!(end, Ok(Some(Event::Failed(_)))) {
            let keys = completed
                .images
                .iter()
                .filter_map(|image| image.key.as_deref());
            let keys: Vec<_> = keys.filter_map(|key| Key::parse(key).ok()).collect();
            self.remove(&keys).await;
        }
    }

    async fn remove(&self, keys: &[Key]) {
        if let Err(err) = self.store.delete_all(keys).await {
            warn!(
                error = &err as &dyn std::error::Error,
                "copies are left over"
            );
        }
    }

    fn job(&self, earlier: GenerationId) -> Job {
        Job {
            duplicate_of: Some(earlier),
            ..self.beginning.accepted.job.clone()
        }
    }

    fn rejected(&self, earlier: GenerationId) -> Event {
        let saved = self.beginning.accepted.reserved;
        let message = format!(
            "{earlier} asked for the same; not buying it again saves up to {saved}. Use \
             onDuplicate: generate to buy it all the same, or reuse to get those images"
        );
        let failure = failure(Code::Duplicate, message, Billed::No);
        failed(&self.job(earlier), failure, Usd::ZERO, Timestamp::now()).into()
    }

    /// The same pictures, as copies of one's own, so that each may be deleted by itself and nobody
    /// need ask who else has it. None if one of them is not to be had any more.
    async fn reused(
        &self,
        earlier: GenerationId,
        completed: &Completed,
    ) -> Result<Option<Completed>, bus::Source> {
        let job = self.job(earlier);
        let (mut images, mut copies) = (Vec::with_capacity(completed.images.len()), Vec::new());
        for image in &completed.images {
            let mut own = Image {
                id: ImageId::of(job.id, image.index),
                derivatives: Vec::new(),
                ..image.clone()
            };
            if let Some(key) = &image.key {
                let Some(copy) = self.copied(&job, image, key).await? else {
                    self.remove(&copies).await;
                    return Ok(None);
                };
                own.state = ImageState::Stored;
                own.url = image
                    .url
                    .as_ref()
                    .map(|url| url.replace(key, copy.as_str()));
                own.key = Some(copy.to_string());
                copies.push(copy);
            }
            images.push(own);
        }
        Ok(Some(Completed {
            images,
            texts: completed.texts.clone(),
            cost: Usd::ZERO,
            at: Timestamp::now(),
            job,
        }))
    }

    /// The bytes below the name of this generation; none if they are gone.
    async fn copied(
        &self,
        job: &Job,
        image: &Image,
        key: &str,
    ) -> Result<Option<Key>, bus::Source> {
        let _place = COPIES.acquire().await?;
        let original = Key::parse(key)?;
        let Some(bytes) = self.store.get(&original).await? else {
            return Ok(None);
        };
        let (_, extension) = key.rsplit_once('.').unwrap_or_default();
        let copy = Key::generated(&job.id, image.index, &image.sha256, extension)?;
        let labels = job.labels(ImageId::of(job.id, image.index), image.seed);
        let meta = Meta::of(labels)?;
        self.store.put_new_with(&copy, bytes, &meta).await?;
        Ok(Some(copy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_who_asks_holds_it_until_nothing_comes_of_it() {
        let mut repeats = Repeats::default();
        let [a, b, c] = [(); 3].map(|()| GenerationId::generate());
        assert_eq!(repeats.claim(1, a), None);
        assert_eq!(repeats.claim(1, b), Some(a));
        assert_eq!(repeats.claim(2, c), None);
        repeats.failed(b);
        assert_eq!(repeats.claim(1, b), Some(a));
        repeats.failed(a);
        assert_eq!(repeats.claim(1, b), None);
        assert_eq!(repeats.claim(1, a), Some(b));
    }

    #[test]
    fn memory_is_bounded() {
        let mut repeats = Repeats::default();
        let first = GenerationId::generate();
        repeats.claim(0, first);
        repeats.finished(first);
        for wish in 1..=REMEMBERED as Wish {
            let id = GenerationId::generate();
            repeats.claim(wish, id);
            repeats.finished(id);
        }
        assert_eq!(repeats.holders.len(), REMEMBERED);
        assert_eq!(repeats.claim(0, first), None);
    }
}
