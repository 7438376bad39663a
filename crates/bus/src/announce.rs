//! What the provider says by itself, on its way to whoever waits for it.

use domain::{Announced, Event};
use wire::{header, subject};

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
        let encoded = wire::encode(&Event::from(announced), self.encoding);
        let mut headers = self.event_headers(&encoded);
        headers.insert(header::ATTEMPT, "1");
        headers.insert(header::CAUSE, "0");
        let due = subject::due(Stage::Generate.name(), &encoded.key);
        self.store(&due, headers, encoded.body.into(), None)
            .await
            .map(drop)
    }
}
