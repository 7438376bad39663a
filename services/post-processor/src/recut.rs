//! What becomes of an order of more cuts.

use std::sync::Arc;

use bus::{Bus, Entry, Expect, Fault, Step};
use domain::{Code, Derivative, Event, Failure, Image, ImageReady, ImageRecut, ImageState};
use imaging::Preset;
use jiff::Timestamp;
use storage::Key;
use tracing::info;

use crate::cutter::{Cutter, Made};
use crate::metrics;
use crate::trouble::{Trouble, failure};

/// How often others may get ahead of an order in telling of the same picture. Each time one of them
/// is done.
const RACES: usize = 32;

/// `recut` → `image.ready` with what the picture has now.
///
/// Several orders may be about one picture at once. Each begins with the last word on the picture and
/// has its own stored only if that is still the last one, so none undoes another, and nothing is told
/// of a picture that was deleted meanwhile.
#[derive(Debug)]
pub(crate) struct Recut {
    bus: Bus,
    cutter: Arc<Cutter>,
}

impl Recut {
    pub(crate) const fn new(bus: Bus, cutter: Arc<Cutter>) -> Self {
        Self { bus, cutter }
    }

    pub(crate) async fn handle(&self, recut: ImageRecut) -> Result<Step, Fault> {
        let done = match self.cutter.chosen(&recut.presets) {
            Ok(presets) => self.cut(&recut, &presets).await,
            Err(trouble) => Err(trouble),
        };
        match done {
            Ok(what) => {
                outcome(what);
                Ok(Step::done())
            }
            // It was ready before, so it is not the picture that failed but the order.
            Err(Trouble::Hopeless(failure)) => Err(Fault::Permanent(kept(failure))),
            Err(Trouble::Again(source, failure)) => Err(Fault::transient(source, kept(failure))),
        }
    }

    pub(crate) fn given_up() {
        outcome("failed");
    }

    /// Cuts what is missing and tells it; cutting is not repeated when somebody else was faster in
    /// telling.
    async fn cut(&self, recut: &ImageRecut, presets: &[Preset]) -> Result<&'static str, Trouble> {
        let wanted = presets.iter().map(|preset| {
            let key = Cutter::key(&recut.job, &recut.image, preset)?;
            Ok((preset, key))
        });
        let wanted = wanted.collect::<Result<Vec<_>, Trouble>>()?;
        let mut made = Made::default();
        for _ in 0..RACES {
            let ledger = self.bus.ledger();
            let told = ledger.picture(recut.image.id).await.map_err(unanswered)?;
            if told.iter().any(|entry| is_removal(&entry.event)) {
                return self.withdraw(recut, presets).await;
            }
            let image = latest(&told).unwrap_or(&recut.image);
            let missing = wanted
                .iter()
                .filter(|(_, key)| !has(&image.derivatives, key));
            let missing: Vec<_> = missing.collect();
            if missing.is_empty() {
                return Ok("nothing");
            }
            self.make(recut, image, &missing, &mut made).await?;
            let ready = ready(recut, with(image, &wanted, &made));
            let last = told.last().map_or(0, |entry| entry.sequence);
            match self.bus.publish(&ready, &Expect::PictureAt(last)).await {
                Ok(_) => return Ok("cut"),
                Err(bus::Error::Conflict { .. }) => {}
                Err(err) => return Err(unanswered(err)),
            }
        }
        let message = "others were always faster in telling of the picture".to_owned();
        Err(Trouble::Again(
            message.as_str().into(),
            failure(Code::Internal, message),
        ))
    }

    /// Cuts of what is missing what was not `made` in an earlier round.
    async fn make(
        &self,
        recut: &ImageRecut,
        image: &Image,
        missing: &[&(&Preset, Key)],
        made: &mut Made,
    ) -> Result<(), Trouble> {
        let presets = missing
            .iter()
            .filter(|(_, key)| !has(&made.derivatives, key));
        let presets: Vec<Preset> = presets.map(|(preset, _)| (*preset).clone()).collect();
        if presets.is_empty() {
            return Ok(());
        }
        let more = self.cutter.make(&recut.job, image, presets).await?;
        made.derivatives.extend(more.derivatives);
        if more.traits.is_some() {
            made.traits = more.traits;
        }
        Ok(())
    }

    /// The picture was deleted. What an earlier attempt put, and did not come to tell, is in nobody's
    /// list.
    async fn withdraw(
        &self,
        recut: &ImageRecut,
        presets: &[Preset],
    ) -> Result<&'static str, Trouble> {
        let unmade = self.cutter.unmake(&recut.job, &recut.image, presets);
        unmade.await?;
        info!(image = %recut.image.id, "not cut again: it was deleted");
        Ok("deleted")
    }
}

fn ready(recut: &ImageRecut, image: Image) -> Event {
    Event::from(ImageReady {
        job: recut.job.clone(),
        image,
        derivation: Some(recut.derivation),
        at: Timestamp::now(),
    })
}

/// The picture with what was `made` of it. What was made takes the place of cuts of the same preset
/// by another recipe, unless that was `wanted` as well.
fn with(image: &Image, wanted: &[(&Preset, Key)], made: &Made) -> Image {
    let is_kept = |known: &&Derivative| {
        let again = made.derivatives.iter().any(|cut| cut.key == known.key);
        let other = made
            .derivatives
            .iter()
            .all(|cut| cut.preset != known.preset);
        !again && (other || wanted.iter().any(|(_, key)| key.as_str() == known.key))
    };
    let kept: Vec<Derivative> = image.derivatives.iter().filter(is_kept).cloned().collect();
    Image {
        state: ImageState::Ready,
        error: None,
        traits: image.traits.clone().or_else(|| made.traits.clone()),
        derivatives: [kept, made.derivatives.clone()].concat(),
        ..image.clone()
    }
}

fn has(cuts: &[Derivative], key: &Key) -> bool {
    cuts.iter().any(|cut| cut.key == key.as_str())
}

fn unanswered(err: bus::Error) -> Trouble {
    let message = format!("the log of events does not answer: {err}");
    Trouble::Again(err.into(), failure(Code::Internal, message))
}

fn latest(told: &[Entry]) -> Option<&Image> {
    told.iter().rev().find_map(|entry| match &entry.event {
        Event::ImageReady(ready) => Some(&ready.image),
        _ => None,
    })
}

pub(crate) const fn is_removal(event: &Event) -> bool {
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
