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
        // Each attempt has a place of its own, so that putting one off replaces no other. The token
        // comes from outside.
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let token = announced.token.replace(|c| !plain(c), "_");
        let key = format!("{}.{token}", announced.id);
        self.hand(Stage::Generate, &key, &announced.into()).await
    }

    /// Has more cuts made of one picture. When it returns, the order is on disk. The same picture
    /// ordered twice for one derivation within two minutes is ordered once, and later it finds that
    /// there is nothing left to do.
    ///
    /// # Errors
    ///
    /// As [`Bus::announce_attempt`].
    pub async fn recut(&self, recut: ImageRecut) -> Result<(), Error> {
        let event = recut.into();
        self.hand(Stage::Process, &Event::key(&event), &event).await
    }

    /// Stores a first attempt at work that no event of the log has caused.
    async fn hand(&self, stage: Stage, key: &str, event: &Event) -> Result<(), Error> {
        let encoded = wire::encode(event, self.encoding);
        let mut headers = self.event_headers(&encoded, Timestamp::now());
        headers.insert(MESSAGE_ID, encoded.id.as_str());
        headers.insert(header::ATTEMPT, "1");
        headers.insert(header::CAUSE, "0");
        let due = subject::due(stage.name(), key);
        self.store(&due, headers, encoded.body.into(), None)
            .await
            .map(drop)
    }
}
