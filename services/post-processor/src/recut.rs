//! What becomes of an order of more cuts.

use std::sync::Arc;

use bus::{Entry, Expect, Fault, Ledger, Step};
use domain::{Code, Derivative, Event, Failure, Image, ImageReady, ImageRecut, ImageState};
use imaging::Preset;
use jiff::Timestamp;
use storage::Key;
use tracing::info;

use crate::cutter::{Cutter, Made};
use crate::metrics;
use crate::trouble::{Trouble, failure};

/// `recut` → `image.ready` with what the picture has now.
///
/// Several orders may be about one picture at once. Each begins with the last word on the picture and
/// has its own stored only if that is still the last one, so none undoes another, and nothing is told
/// of a picture that was deleted meanwhile.
#[derive(Debug)]
pub(crate) struct Recut {
    ledger: Ledger,
    cutter: Arc<Cutter>,
}

impl Recut {
    pub(crate) const fn new(ledger: Ledger, cutter: Arc<Cutter>) -> Self {
        Self { ledger, cutter }
    }

    pub(crate) async fn handle(&self, recut: ImageRecut) -> Result<Step, Fault> {
        let told = self.ledger.picture(recut.image.id).await;
        let told = told.map_err(|err| {
            let message = "what is known of the picture cannot be read".to_owned();
            Fault::transient(err, kept(failure(Code::Internal, message)))
        })?;
        self.cut(recut, &told).await.map_err(|trouble| {
            match trouble {
                // It was ready before, so it is not the picture that failed but the order.
                Trouble::Hopeless(failure) => Fault::Permanent(kept(failure)),
                Trouble::Again(source, failure) => Fault::transient(source, kept(failure)),
            }
        })
    }

    pub(crate) fn given_up() {
        outcome("failed");
    }

    async fn cut(&self, recut: ImageRecut, told: &[Entry]) -> Result<Step, Trouble> {
        let presets = self.cutter.chosen(&recut.presets)?;
        if told.iter().any(|entry| is_removal(&entry.event)) {
            // What an earlier attempt put, and had refused, is in nobody's list.
            let unmade = self.cutter.unmake(&recut.job, &recut.image, &presets);
            unmade.await?;
            info!(image = %recut.image.id, "not cut again: it was deleted");
            outcome("deleted");
            return Ok(Step::done());
        }
        let image = latest(told).unwrap_or(&recut.image);
        let keys = presets
            .iter()
            .map(|preset| Cutter::key(&recut.job, image, preset))
            .collect::<Result<Vec<_>, _>>()?;
        let missing = presets
            .iter()
            .zip(&keys)
            .filter(|(_, key)| !has(image, key));
        let missing: Vec<Preset> = missing.map(|(preset, _)| preset.clone()).collect();
        if missing.is_empty() {
            outcome("nothing");
            return Ok(Step::done());
        }
        let made = self.cutter.make(&recut.job, image, missing).await?;
        outcome("cut");
        let last = told.last().map_or(0, |entry| entry.sequence);
        let ready = ImageReady {
            image: with(image, &keys, made),
            job: recut.job,
            derivation: Some(recut.derivation),
            at: Timestamp::now(),
        };
        Ok(Step::emit(ready, Expect::PictureAt(last)))
    }
}

/// The picture with what was `made` of it. What was made takes the place of cuts of the same preset
/// by another recipe, unless that was ordered as well: its key is among `ordered`.
fn with(image: &Image, ordered: &[Key], made: Made) -> Image {
    let is_kept = |known: &&Derivative| {
        let is_new = |new: &Derivative| new.preset == known.preset;
        !made.derivatives.iter().any(is_new) || ordered.iter().any(|key| key.as_str() == known.key)
    };
    let kept: Vec<Derivative> = image.derivatives.iter().filter(is_kept).cloned().collect();
    Image {
        state: ImageState::Ready,
        error: None,
        traits: image.traits.clone().or(made.traits),
        derivatives: [kept, made.derivatives].concat(),
        ..image.clone()
    }
}

fn has(image: &Image, key: &Key) -> bool {
    image.derivatives.iter().any(|cut| cut.key == key.as_str())
}

fn latest(told: &[Entry]) -> Option<&Image> {
    told.iter().rev().find_map(|entry| match &entry.event {
        Event::ImageReady(ready) => Some(&ready.image),
        _ => None,
    })
}

const fn is_removal(event: &Event) -> bool {
    matches!(event, Event::AssetExpired(_) | Event::AssetDeleted(_))
}

/// The order is put aside where people look, with the reason.
fn kept(failure: Failure) -> Failure {
    Failure {
        code: Code::Poison,
        message: format!(
            "the picture stays as it was, without the new cuts: {}",
            failure.message
        ),
        ..failure
    }
}

fn outcome(what: &str) {
    metrics::RECUTS.with_label_values(&[what]).inc();
}
