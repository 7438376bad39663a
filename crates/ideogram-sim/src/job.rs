//! An accepted generation. What it has come to is a function of the clock alone.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::catalogue::MAX_SEED;
use crate::clock::later;
use crate::config::Latency;
use crate::keys::random_bytes;
use crate::link::Links;
use crate::order::Order;

/// What has become of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// It is still being made.
    Pending,
    /// All its images are done; some may be withheld.
    Completed,
    /// It came to nothing, and costs nothing.
    Failed,
}

/// 16 bytes whose last four bits are zero: room for the number of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct JobId([u8; 16]);

impl JobId {
    pub(crate) fn random() -> Self {
        let mut bytes = random_bytes();
        bytes[15] &= 0xf0;
        Self(bytes)
    }

    /// Reads an id of the right form; `None` means malformed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(Self(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }

    /// The id of picture `index` (0–7).
    pub(crate) fn picture(self, index: u8) -> String {
        let mut bytes = self.0;
        bytes[15] |= index + 1;
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The job and the index behind a picture's id.
    pub(crate) fn of_picture(text: &str) -> Option<(Self, u8)> {
        let Self(mut bytes) = Self::parse(text)?;
        let index = (bytes[15] & 0x0f).checked_sub(1)?;
        bytes[15] &= 0xf0;
        Some((Self(bytes), index))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// An accepted generation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) order: Order,
    /// As asked, or drawn by lot.
    pub(crate) seed: u32,
    #[serde(with = "millis")]
    pub(crate) created: Timestamp,
    #[serde(with = "millis")]
    pub(crate) ends: Timestamp,
}

impl Job {
    pub(crate) fn new(order: Order, latency: Latency, created: Timestamp) -> Self {
        let id = JobId::random();
        let lot = u32::from_be_bytes([id.0[0], id.0[1], id.0[2], id.0[3]]);
        let spread = latency
            .max
            .saturating_sub(latency.min)
            .mul_f64(f64::from(lot) / f64::from(u32::MAX));
        let seed = order.seed.unwrap_or(lot & MAX_SEED);
        Self {
            id,
            seed,
            created,
            ends: later(created, latency.min + spread),
            order,
        }
    }

    pub(crate) fn status(&self, now: Timestamp) -> JobStatus {
        match (now >= self.ends, self.order.says("[fail]")) {
            (false, _) => JobStatus::Pending,
            (true, true) => JobStatus::Failed,
            (true, false) => JobStatus::Completed,
        }
    }

    /// What it costs in the end.
    pub(crate) fn usd_micros(&self) -> i64 {
        if self.order.says("[fail]") {
            0
        } else {
            self.order.usd_micros()
        }
    }

    /// When each image is done: the first halfway, the last at the end.
    pub(crate) fn place_ends(&self) -> impl Iterator<Item = Timestamp> {
        let total = Duration::try_from(self.ends.duration_since(self.created)).unwrap_or_default();
        let n = u32::from(self.order.images);
        (1..=n).map(move |i| later(self.created, total * (n + i) / (2 * n)))
    }

    pub(crate) fn image_seed(&self, index: u8) -> u32 {
        (self.seed + u32::from(index)) & MAX_SEED
    }

    /// The result, in the order of the images.
    pub(crate) fn items(&self, links: &Links, expires: Timestamp, size: (u32, u32)) -> Vec<Value> {
        (0..self.order.images)
            .map(|index| {
                let safe = !(index == 0 && self.order.says("[withheld]"));
                json!({
                    "url": safe.then(|| links.link(self.id, index, expires)),
                    "prompt": self.order.drawn_prompt,
                    "resolution": format!("{}x{}", size.0, size.1),
                    "is_image_safe": safe,
                    "seed": self.image_seed(index),
                })
            })
            .collect()
    }
}

mod millis {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        at: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.as_millisecond())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        Timestamp::from_millisecond(i64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_leads_back_to_its_job() {
        let id = JobId::random();

        assert_eq!(JobId::parse(&id.to_string()), Some(id));
        for index in 0..8 {
            assert_eq!(JobId::of_picture(&id.picture(index)), Some((id, index)));
        }
        assert_eq!(JobId::of_picture(&id.to_string()), None);
        assert_eq!(JobId::parse("short"), None);
    }
}
