//! An order on its way to those who cut: one work item for each picture.

use domain::{DerivationId, ImageRecut};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use tracing::warn;

use super::survey::{Lacking, Survey};
use super::wanted::Wanted;
use crate::api::App;
use crate::problem::Problem;

/// Work items on their way to the server at once; more begin as these are confirmed.
const AT_ONCE: usize = 64;

/// An order of new cuts.
pub(super) struct Order<'a> {
    pub(super) app: &'a App,
    pub(super) id: DerivationId,
    pub(super) wanted: &'a Wanted,
    /// How many it is about.
    pub(super) pictures: u64,
}

impl Order<'_> {
    /// Orders what is missing. When it returns, all of it is on disk.
    ///
    /// # Errors
    ///
    /// Says how many pictures were ordered. What was ordered is cut once, however often it is.
    pub(super) async fn place(&self, survey: &Survey<'_>) -> Result<(), Problem> {
        let mut pages = survey.pages();
        let mut ordered = 0;
        while let Some(generations) = pages.next().await? {
            let lacking = survey.lacking(&generations);
            let items: Vec<_> = lacking.iter().map(|picture| self.item(picture)).collect();
            let mut stored = stream::iter(items)
                .map(|item| self.app.bus.recut(item))
                .buffer_unordered(AT_ONCE);
            let mut failed = None;
            while let Some(stored) = stored.next().await {
                match stored {
                    Ok(()) => ordered += 1,
                    Err(err) => failed = Some(err),
                }
            }
            if let Some(err) = failed {
                return Err(self.interrupted(ordered, &err));
            }
        }
        Ok(())
    }

    fn item(&self, picture: &Lacking<'_>) -> ImageRecut {
        let choices = picture.missing.iter();
        let choices = choices.filter_map(|index| self.wanted.choices.get(*index));
        ImageRecut {
            job: picture.job.clone(),
            image: picture.image.clone(),
            derivation: self.id,
            presets: choices.cloned().collect(),
            at: Timestamp::now(),
        }
    }

    fn interrupted(&self, ordered: u64, err: &bus::Error) -> Problem {
        warn!(
            error = err as &dyn std::error::Error,
            order = %self.id, ordered, "an order of cuts is interrupted"
        );
        Problem::busy(format!(
            "{ordered} of {} pictures are ordered, and then the queue took no more; sending the \
             same request again is safe and orders the rest",
            self.pictures
        ))
    }
}
