//! Result links: whoever holds one may download until it expires.

use jiff::Timestamp;
use ring::hmac;

use crate::job::JobId;
use crate::keys::{Master, digest};

/// Signs and checks links.
pub(crate) struct Links {
    key: hmac::Key,
    base: String,
}

impl Links {
    /// Links below `base`, a URL without a final slash.
    pub(crate) fn new(master: &Master, base: String) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &digest(&[b"links", master]));
        Self { key, base }
    }

    /// The base URL.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The link of picture `index`, which works until `expires`.
    pub(crate) fn link(&self, job: JobId, index: u8, expires: Timestamp) -> String {
        let (id, exp) = (job.picture(index), expires.as_second());
        let sig = hex::encode(hmac::sign(&self.key, message(&id, exp).as_bytes()));
        format!(
            "{}/api/images/ephemeral/{id}.png?exp={exp}&sig={sig}",
            self.base
        )
    }

    /// Whether `sig` belongs to this picture and time, and the time has not come.
    pub(crate) fn opens(&self, id: &str, exp: i64, sig: &str, now: Timestamp) -> bool {
        let genuine = hex::decode(sig)
            .is_ok_and(|tag| hmac::verify(&self.key, message(id, exp).as_bytes(), &tag).is_ok());
        genuine && now.as_second() < exp
    }
}

fn message(id: &str, exp: i64) -> String {
    format!("{id}\n{exp}")
}
