//! Consumers for the services of others, who bind to them and cannot change them.

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};

use crate::stage::EVENTS;
use crate::topology::RETIRED;
use crate::{Bus, Error, Stage};

impl Bus {
    /// Makes the durable pull consumer `name` on EVENTS, from now on, for `filters`.
    ///
    /// # Errors
    ///
    /// [`Error::Provision`]; also if the name is one of our own.
    pub async fn subscribe(&self, name: &str, filters: Vec<String>) -> Result<(), Error> {
        let failed = |source: crate::Source| Error::Provision {
            what: name.to_owned(),
            source,
        };
        let ours = Stage::ALL
            .iter()
            .flat_map(|stage| stage.feeds())
            .map(|feed| feed.consumer)
            .chain(RETIRED.map(|(_, consumer)| consumer))
            .any(|consumer| consumer == name);
        if ours {
            return Err(failed("the name is taken by Darkroom itself".into()));
        }
        let config = pull::Config {
            durable_name: Some(name.to_owned()),
            filter_subjects: filters,
            deliver_policy: DeliverPolicy::New,
            ack_policy: AckPolicy::Explicit,
            ..pull::Config::default()
        };
        let made = self
            .jetstream
            .create_consumer_on_stream(config, EVENTS)
            .await;
        made.map(drop).map_err(|err| failed(err.into()))
    }
}
