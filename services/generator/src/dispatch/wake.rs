//! What arrives about attempts: their time has come, or the provider says that it knows of one.

use bus::{Delivery, Fault, Handler, Step, Wait};
use domain::{Announced, Event, GenerationId};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot};

use super::Inbox;

/// When to come again if there is nobody to tell.
const LATER: SignedDuration = SignedDuration::from_secs(2);

/// Something that the desk is to know.
pub(super) struct News {
    pub(super) what: What,
    /// Told once the desk has heard.
    pub(super) heard: oneshot::Sender<()>,
}

pub(super) enum What {
    /// A pause is over.
    Due(GenerationId),
    /// The provider knows of an attempt.
    Announced(Announced),
}

/// Hands news to the desk.
pub(super) struct Wake(pub(super) mpsc::Sender<Inbox>);

impl Handler<Event> for Wake {
    /// Acknowledged once the desk has heard: what follows from it is in the ledger, and what does
    /// not follow any more is no loss.
    async fn handle(&self, event: Event, _: &Delivery) -> Result<Step, Fault> {
        let what = match event {
            Event::Announced(announced) => What::Announced(announced),
            event => match event.generation() {
                Some(id) => What::Due(id),
                None => return Ok(Step::done()),
            },
        };
        let (heard, hears) = oneshot::channel();
        let told = self.0.send(Inbox::News(News { what, heard })).await;
        if told.is_ok() && hears.await.is_ok() {
            return Ok(Step::done());
        }
        Ok(Step::Wait(Wait {
            until: Timestamp::now()
                .saturating_add(LATER)
                .unwrap_or(Timestamp::MAX),
            counts: false,
            emit: Vec::new(),
        }))
    }
}
