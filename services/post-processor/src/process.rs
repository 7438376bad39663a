//! What the stage is given to do: first cuts, and more cuts.

use std::sync::Arc;

use bus::{Bus, Delivery, Emit, Fault, Handler, Inbound, Lost, Raw, Source, Step};
use domain::{Completed, Event, ImageRecut};

use crate::Config;
use crate::cutter::Cutter;
use crate::derive::Derive;
use crate::recut::Recut;

/// A piece of work.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    /// The pictures of a generation are stored, and none is cut.
    Completed(Box<Completed>),
    /// Somebody orders more cuts of one picture.
    Recut(Box<ImageRecut>),
}

impl Inbound for Work {
    fn read(raw: &Raw) -> Result<Self, Source> {
        match Event::read(raw)? {
            Event::Completed(completed) => Ok(Self::Completed(completed)),
            Event::ImageRecut(recut) => Ok(Self::Recut(recut)),
            other => Err(format!("unexpected `{}`", other.name()).into()),
        }
    }
}

/// Does either, with the same few pictures in memory at once.
#[derive(Debug)]
pub(crate) struct Process {
    derive: Derive,
    recut: Recut,
}

impl Process {
    pub(crate) fn new(config: &Config, bus: &Bus) -> Self {
        let cutter = Arc::new(Cutter::new(config));
        Self {
            derive: Derive::new(bus.ledger(), Arc::clone(&cutter), config.pictures),
            recut: Recut::new(bus.clone(), cutter),
        }
    }
}

impl Handler<Work> for Process {
    async fn handle(&self, work: Work, delivery: &Delivery) -> Result<Step, Fault> {
        match work {
            Work::Completed(completed) => self.derive.handle(*completed, delivery).await,
            Work::Recut(recut) => Box::pin(self.recut.handle(*recut)).await,
        }
    }

    async fn give_up(&self, lost: Lost<Work>) -> Result<Vec<Emit>, Source> {
        match lost.input {
            Some(Work::Completed(completed)) => Ok(Derive::give_up(*completed, lost.failure)),
            // The message is among the dead letters, and the picture is as ready as it was.
            Some(Work::Recut(_)) => {
                Recut::given_up();
                Ok(Vec::new())
            }
            // Without the event there is nobody to tell.
            None => Ok(Vec::new()),
        }
    }
}
