//! Requests that were let in by an entry that cannot be read: nobody can buy by it, so they end, and
//! people are told.

use std::time::Duration;

use bus::{Bus, Expect, Stage, Unreadable};
use domain::{Billed, Code, Event, Failed, GenerationId, Usd};
use jiff::Timestamp;
use tokio::time;
use tracing::error;

use super::desk::{Desk, Done};
use crate::attempt::failure;

/// The pause before it is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// What precedes the id in the subject of a beginning.
const BEGINNING: &str = "generation.accepted.";

/// Whether nothing can be bought because this cannot be read.
pub(super) fn is_beginning(unreadable: &Unreadable) -> bool {
    unreadable.subject.starts_with(BEGINNING)
}

impl Desk {
    /// Puts it aside, however long that takes. Until then the notes do not pass it over.
    pub(super) fn puts_aside(&mut self, unreadable: Unreadable) {
        let Unreadable {
            sequence, subject, ..
        } = &unreadable;
        let sequence = *sequence;
        error!(
            sequence,
            subject, "an entry that cannot be read: not bought"
        );
        self.unreadable.insert(sequence);
        let (bus, lost) = (self.bus.clone(), self.buyer.lease.lost.clone());
        self.tasks.spawn(async move {
            let putting = async {
                while let Err(err) = put_aside(&bus, &unreadable).await {
                    error!(
                        error = &err as &dyn std::error::Error,
                        sequence, "not put aside, trying again"
                    );
                    time::sleep(PAUSE).await;
                }
            };
            match lost.run_until_cancelled(putting).await {
                Some(()) => Done::PutAside(sequence),
                None => Done::Nothing,
            }
        });
    }
}

/// Among the dead letters first, then the end. Nothing was called, or the entry would not be the
/// last; and what went on all the same is left to those who could read it.
async fn put_aside(bus: &Bus, unreadable: &Unreadable) -> Result<(), bus::Error> {
    let id = unreadable.subject.strip_prefix(BEGINNING);
    let id: Option<GenerationId> = id.and_then(|id| id.parse().ok());
    if let Some(id) = id {
        let page = bus.ledger().page(id).await?;
        let is_over = |event: &Event| event.is_terminal() || matches!(event, Event::Rendered(_));
        if page.entries.iter().any(|entry| is_over(&entry.event)) {
            return Ok(());
        }
    }
    let tenant = bus.bury_entry(Stage::Generate, unreadable).await?;
    let Some(id) = id else { return Ok(()) };
    let message = "the entry that let it in cannot be read and was put aside; nothing was bought";
    let failed = Failed {
        id,
        tenant: tenant.unwrap_or_default(),
        custom_id: None,
        job: None,
        failure: failure(Code::Poison, message, Billed::No),
        cost: Usd::ZERO,
        at: Timestamp::now(),
    };
    let expect = Expect::LedgerAt(unreadable.sequence);
    match bus.publish(&failed.into(), &expect).await {
        Ok(_) | Err(bus::Error::Conflict { .. }) => Ok(()),
        Err(err) => Err(err),
    }
}
