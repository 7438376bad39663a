//! Work that comes from outside the way of an image, handed to whoever waits for it.

use domain::{Announced, Event, ImageRecut};
use jiff::Timestamp;
use wire::{header, subject};

use crate::publish::MESSAGE_ID;
use crate::{Bus, Error, Stage};

impl Bus {
    /// Wakes whoever calls the provider for this generation. When it returns, the news is on disk.
    /// Telling it of one attempt by one name twice within two minutes tells it once.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] or [`Error::Publish`]: it may or may not be stored; telling it again does no
    /// harm.
    pub async fn announce_attempt(&self, announced: Announced) -> Result<(), Error> {
        self.hand(Stage::Generate, &announced.into()).await
    }

    /// Has more cuts made of one picture. When it returns, the order is on disk. The same picture
    /// ordered twice for one derivation within two minutes is ordered once, and later it finds that
    /// there is nothing left to do.
    ///
    /// # Errors
    ///
    /// As [`Bus::announce_attempt`].
    pub async fn recut(&self, recut: ImageRecut) -> Result<(), Error> {
        self.hand(Stage::Process, &recut.into()).await
    }

    /// Stores a first attempt at work that no event of the log has caused.
    async fn hand(&self, stage: Stage, event: &Event) -> Result<(), Error> {
        let encoded = wire::encode(event, self.encoding);
        let mut headers = self.event_headers(&encoded, Timestamp::now());
        headers.insert(MESSAGE_ID, encoded.id.as_str());
        headers.insert(header::ATTEMPT, "1");
        headers.insert(header::CAUSE, "0");
        let due = subject::due(stage.name(), &encoded.key);
        self.store(&due, headers, encoded.body.into(), None)
            .await
            .map(drop)
    }
}
