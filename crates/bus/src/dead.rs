//! Messages that nobody could handle, put aside where people can look at them.

use async_nats::HeaderMap;
use wire::{header, subject};

use crate::incoming::Raw;
use crate::{Bus, Error, Stage, metrics};

impl Bus {
    /// Copies a message to the dead letters, with the reason. Comes before anything else that
    /// follows from giving up: what is not in DEAD was not given up.
    pub(crate) async fn bury(&self, stage: Stage, raw: &Raw, reason: &str) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        for (name, values) in raw.headers.iter() {
            if !name.to_string().starts_with("Nats-") {
                values
                    .iter()
                    .for_each(|value| headers.append(name.clone(), value.clone()));
            }
        }
        let reason: String = reason
            .chars()
            .filter(|c| !c.is_control())
            .take(500)
            .collect();
        headers.insert(header::REASON, reason.as_str());
        headers.insert(header::ORIGIN, raw.origin().subject);
        headers.insert(
            "Nats-Msg-Id",
            format!("{}-{}-{}", stage.name(), raw.stream, raw.sequence).as_str(),
        );
        let subject = subject::dead(stage.name(), raw.key());
        self.store(&subject, headers, raw.payload.clone(), None)
            .await?;
        metrics::DEAD.with_label_values(&[stage.name()]).inc();
        Ok(())
    }
}
