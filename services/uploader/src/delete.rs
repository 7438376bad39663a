//! What becomes of a picture that is to go: `asset.expired` → `asset.deleted`.
//!
//! What is removed is what the log says was made of the picture, key by key, and below the names of
//! its own generation only. Nobody else can need that: whoever hands out a picture again has bytes of
//! its own.

use std::collections::BTreeMap;
use std::time::Duration;

use bus::{Bus, Delivery, Entry, Expect, Fault, Handler, Source, Step, Wait};
use domain::{
    AssetDeleted, AssetExpired, Billed, Code, Event, Failure, Generation, GenerationId, Image,
    ImageId, Phase,
};
use jiff::{SignedDuration, Timestamp};
use runtime::crash;
use storage::{Key, Store};
use tracing::{info, warn};
use wire::{ask, v1};

use crate::metrics;

/// How much longer than after a failure we wait for the end of a generation.
const PATIENCE: u32 = 30;
/// As HTTP has it.
const NOT_FOUND: u16 = 404;

/// `asset.expired` → `asset.deleted`, by removing the original and everything that was cut from it.
#[derive(Debug)]
pub(crate) struct Delete {
    bus: Bus,
    store: Store,
    /// Between two looks whether the generation has ended.
    pause: Duration,
}

/// What was made of one picture: keys, and how long each object is.
#[derive(Debug, Default)]
struct Made(BTreeMap<String, u64>);

impl Delete {
    pub(crate) const fn new(bus: Bus, store: Store, pause: Duration) -> Self {
        Self {
            bus,
            store,
            pause: pause.saturating_mul(PATIENCE),
        }
    }
}

impl Handler<AssetExpired> for Delete {
    async fn handle(&self, expired: AssetExpired, _: &Delivery) -> Result<Step, Fault> {
        // What becomes of the picture is known once its generation has ended: from then on, nothing
        // is told of it that the server does not compare with what we were asked for.
        let Some(made) = self.made(&expired).await.map_err(again)? else {
            return Ok(self.later());
        };
        let keys = made.below(expired.id);
        let gone = self.store.delete_all(&keys).await.map_err(again)?;
        crash::point("uploader.after_delete");
        metrics::DELETED.inc_by(gone.len() as u64);
        let deleted = AssetDeleted {
            id: expired.id,
            tenant: expired.tenant,
            image: expired.image,
            reason: expired.reason,
            bytes: keys.iter().map(|key| made.bytes(key)).sum(),
            // All that there was: what is gone already was removed by who died before saying so.
            keys: keys.iter().map(Key::to_string).collect(),
            at: Timestamp::now(),
        };
        info!(image = %deleted.image, reason = deleted.reason, objects = keys.len(), "deleted");
        Ok(Step::emit(deleted, Expect::First))
    }
}

impl Delete {
    /// What was made of the picture; none if that is not decided yet.
    async fn made(&self, expired: &AssetExpired) -> Result<Option<Made>, Source> {
        let ledger = self.bus.ledger();
        let entries = ledger.story(expired.id).await?;
        let begins = |entry: &Entry| matches!(entry.event, Event::Accepted(_));
        let has_ended = entries.iter().any(|entry| entry.event.is_terminal());
        if !has_ended && entries.iter().any(begins) {
            return Ok(None);
        }
        let mut made = Made::default();
        let told = ledger.story_of_picture(expired.image).await?;
        for entry in entries.iter().chain(&told) {
            made.learn(&entry.event, expired.image);
        }
        // The log forgets after a while, and history does not.
        if !has_ended && let Some(generation) = self.remembered(expired).await? {
            generation.images.iter().for_each(|image| {
                made.add(image, expired.image);
            });
        }
        Ok(Some(made))
    }

    /// The generation as history has it.
    async fn remembered(&self, expired: &AssetExpired) -> Result<Option<Generation>, Source> {
        let question = v1::HistoryGet {
            tenant: expired.tenant.to_string(),
            id: expired.id.to_string(),
        };
        match self.bus.ask(ask::HISTORY_GET, ask::write(&question)).await {
            Ok(answer) => Ok(Some(ask::read::<v1::Generation>(&answer)?.try_into()?)),
            Err(bus::Error::Refused {
                status: NOT_FOUND, ..
            }) => Ok(None),
            Err(err) => Err(err.into()),
        }
    }

    fn later(&self) -> Step {
        let pause = SignedDuration::try_from(self.pause).unwrap_or(SignedDuration::MAX);
        let until = Timestamp::now().saturating_add(pause);
        Step::Wait(Wait {
            until: until.unwrap_or(Timestamp::MAX),
            counts: false,
            emit: Vec::new(),
        })
    }
}

impl Made {
    fn learn(&mut self, event: &Event, id: ImageId) {
        match event {
            Event::Completed(event) => event.images.iter().for_each(|image| self.add(image, id)),
            Event::Ready(event) => event.images.iter().for_each(|image| self.add(image, id)),
            Event::ImageReady(event) => self.add(&event.image, id),
            Event::ImageFailed(event) => self.add(&event.image, id),
            Event::ImageRecovered(event) => self.add(&event.image, id),
            _ => {}
        }
    }

    fn add(&mut self, image: &Image, id: ImageId) {
        if image.id != id {
            return;
        }
        if let Some(key) = &image.key {
            self.0.insert(key.clone(), image.bytes);
        }
        for cut in &image.derivatives {
            self.0.insert(cut.key.clone(), cut.bytes);
        }
    }

    /// The keys that belong to `id` and to nobody else.
    fn below(&self, id: GenerationId) -> Vec<Key> {
        let own = [format!("generated/{id}/"), format!("derived/{id}/")];
        let (own, others): (Vec<_>, Vec<_>) = self
            .0
            .keys()
            .partition(|key| own.iter().any(|folder| key.starts_with(folder)));
        for key in others {
            warn!(key, "not deleted: it is not of this generation");
        }
        own.into_iter()
            .filter_map(|key| Key::parse(key).ok())
            .collect()
    }

    fn bytes(&self, key: &Key) -> u64 {
        self.0.get(key.as_str()).copied().unwrap_or(0)
    }
}

/// Removes what was put of pictures that are to go, or are gone: by who came late with them. Returns
/// those that are still to be told of.
///
/// It is called after putting, and asks the leader of the log. So either the removal is seen here, or
/// it comes after what was put, and what was put is removed with the rest.
pub(crate) async fn without_removed(
    bus: &Bus,
    store: &Store,
    images: Vec<Image>,
) -> Result<Vec<Image>, Source> {
    let ledger = bus.ledger();
    let mut left = Vec::with_capacity(images.len());
    for image in images {
        let Some(key) = &image.key else {
            left.push(image);
            continue;
        };
        let told = ledger.story_of_picture(image.id).await?;
        if told.iter().any(removes) {
            store.delete(&Key::parse(key)?).await?;
            info!(image = %image.id, "came after its removal");
        } else if told.is_empty() {
            left.push(image);
        }
    }
    Ok(left)
}

const fn removes(entry: &Entry) -> bool {
    matches!(entry.event, Event::AssetExpired(_) | Event::AssetDeleted(_))
}

fn again(source: impl Into<Source>) -> Fault {
    let source = source.into();
    let failure = Failure {
        code: Code::StoreFailed,
        message: format!("the picture could not be deleted: {source}"),
        phase: Phase::Derivation,
        billed: Billed::Yes,
    };
    Fault::transient(source, failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_other_generations_are_left_alone() {
        let [own, other] = [(); 2].map(|()| GenerationId::generate());
        let keys = [
            format!("generated/{own}/0-00112233aabb.png"),
            format!("derived/{own}/0-00112233aabb/og-image-1.jpg"),
            format!("generated/{other}/0-00112233aabb.png"),
            format!("generated/{own}/../{other}/0-00112233aabb.png"),
            "sources/0011.png".to_owned(),
            "generated/".to_owned(),
        ];
        let made = Made(keys.iter().map(|key| (key.clone(), 7)).collect());

        let found: Vec<String> = made.below(own).iter().map(Key::to_string).collect();

        assert_eq!(found, [keys[1].clone(), keys[0].clone()]);
        assert_eq!(made.bytes(&made.below(own)[0]), 7);
    }
}
