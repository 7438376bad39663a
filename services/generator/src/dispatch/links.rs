//! Other links to what was drawn before, for whoever could not fetch it while the first ones lived.
//! The provider is asked how the generation is doing: that costs nothing, takes no place and is no
//! attempt.

use std::time::Duration;

use bus::{Answer, Refusal};
use domain::GenerationId;
use ideogram::{Client, Error, Progress, ResultImage};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time;
use wire::{ask as questions, v1};

use crate::attempt::{Buyer, Pace, is_gone};

/// Questions that are put to the provider at once. Whoever comes beyond them comes again, so that
/// they hold up nobody who has a command to give.
const AT_ONCE: usize = 8;
/// Shorter than those who ask wait.
const LIMIT: Duration = Duration::from_secs(4);
/// Answers that there is no such generation, until they are believed, and the pause between them.
const DOUBTS: u32 = 4;
const DOUBT: Duration = Duration::from_millis(300);

/// Asks the provider for links.
pub(super) struct Links {
    client: Client,
    pace: Pace,
    /// How long a link lives that does not say so itself.
    ttl: Duration,
    places: Semaphore,
}

impl Links {
    pub(super) fn new(buyer: &Buyer) -> Self {
        Self {
            client: buyer.client.clone(),
            pace: buyer.pace.clone(),
            ttl: buyer.config.link_ttl.0,
            places: Semaphore::new(AT_ONCE),
        }
    }

    /// Answers a [`v1::LinksQuery`]. What is no name of a generation, ours or the provider's, is
    /// refused with 400, and what the provider does not have with 404; 503 is worth another try.
    pub(super) async fn answer(&self, body: &[u8]) -> Answer {
        let query: v1::LinksQuery =
            questions::read(body).map_err(|err| Refusal::bad(err.to_string()))?;
        let id = query.id.parse::<GenerationId>();
        let id = id.map_err(|err| Refusal::bad(format!("id: {err}")))?;
        let Ok(_place) = self.places.try_acquire() else {
            return Err(later("too many ask for links; ask again in a moment"));
        };
        let found = match time::timeout(LIMIT, self.find(&query.provider_id)).await {
            Ok(found) => found,
            Err(_) => Err(later("the provider does not answer in time")),
        };
        match &found {
            Ok(_) => tracing::info!(generation = %id, "other links given"),
            Err(refusal) => {
                tracing::warn!(generation = %id, reason = refusal.reason, "no other links");
            }
        }
        found
    }

    async fn find(&self, provider_id: &str) -> Answer {
        let mut doubts = 0;
        loop {
            self.pace.turn().await;
            match self.client.poll(provider_id).await {
                Ok(Progress::Completed { images, .. }) if !images.is_empty() => {
                    return Ok(questions::write(&self.links(images)));
                }
                Ok(Progress::Completed { .. } | Progress::Pending { .. }) => {
                    return Err(later("the provider shows no images at the moment"));
                }
                Ok(Progress::Failed { reason, .. }) => {
                    return Err(none(format!("the provider says that it failed: {reason}")));
                }
                Err(err @ Error::InvalidId(_)) => {
                    return Err(Refusal::bad(format!("providerId: {err}")));
                }
                Err(err) if !is_gone(&err) => return Err(later(&err.to_string())),
                Err(_) if doubts < DOUBTS => {
                    doubts += 1;
                    time::sleep(DOUBT).await;
                }
                Err(_) => {
                    return Err(none("the provider does not know it any more".to_owned()));
                }
            }
        }
    }

    fn links(&self, images: Vec<ResultImage>) -> v1::Links {
        let now = Timestamp::now();
        let links = images.iter().filter_map(|image| image.url.as_ref());
        let deaths = links.map(|link| ideogram::links::expires_at(link, now, self.ttl));
        let default = now.checked_add(self.ttl).unwrap_or(Timestamp::MAX);
        let expires_at = deaths.min().unwrap_or(default).to_string();
        let image = |(index, image): (u32, ResultImage)| v1::RenderedImage {
            index,
            link: image.url.filter(|_| image.safe).map(String::from),
            seed: image.seed,
            prompt: image.prompt,
        };
        v1::Links {
            images: (0..).zip(images).map(image).collect(),
            expires_at,
        }
    }
}

fn later(reason: &str) -> Refusal {
    Refusal {
        status: 503,
        reason: reason.to_owned(),
    }
}

const fn none(reason: String) -> Refusal {
    Refusal {
        status: 404,
        reason,
    }
}
