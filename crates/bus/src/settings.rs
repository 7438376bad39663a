//! Small things that several processes must agree on: values in buckets, changed on condition.

use async_nats::HeaderMap;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::time;
use wire::header;

use crate::connection::{ANSWER, fresh_token};
use crate::incoming::Raw;
use crate::publish::{Doubt, EXPECTED_SEQUENCE, MESSAGE_ID};
use crate::tail::{Start, Tail, Tailed};
use crate::{Bus, Error};

const OPERATION: &str = "KV-Operation";
/// What the server leaves in place of a value that has lived its time.
const MARKER: &str = "Nats-Marker-Reason";

/// A value in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its key.
    pub key: String,
    /// What it says.
    pub value: Bytes,
    /// Rises with every change in the bucket; the expectation of the next change of this key.
    pub revision: u64,
}

/// What is seen of a bucket by whoever watches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// A value is there, or has changed.
    Setting(Setting),
    /// A value is gone.
    Gone {
        /// Its key.
        key: String,
        /// The revision of its removal.
        revision: u64,
    },
    /// That was all that there is; what follows are changes. Comes once.
    ThatIsAll,
}

impl Bus {
    /// The value of `key` in `bucket`, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn setting(&self, bucket: &str, key: &str) -> Result<Option<Bytes>, Error> {
        let found = self.setting_at(bucket, key).await?;
        Ok(found.map(|(value, _)| value))
    }

    /// The value of `key` in `bucket` and its revision, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn setting_at(&self, bucket: &str, key: &str) -> Result<Option<(Bytes, u64)>, Error> {
        let found = self
            .last_stored(&stream_of(bucket), &subject_of(bucket, key)?)
            .await?;
        Ok(found
            .filter(|raw| !is_marker(&raw.headers))
            .map(|raw| (raw.payload, raw.sequence)))
    }

    /// The value of `key` in `bucket`; `value`, if it had none. All who ask agree.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Publish`].
    pub async fn setting_or(&self, bucket: &str, key: &str, value: &str) -> Result<Bytes, Error> {
        loop {
            if let Some(known) = self.setting(bucket, key).await? {
                return Ok(known);
            }
            let value = Bytes::copy_from_slice(value.as_bytes());
            match self.set_setting(bucket, key, value.clone(), Some(0)).await {
                Ok(_) => return Ok(value),
                Err(err) if err.is_conflict() => {}
                Err(err) => return Err(err),
            }
        }
    }

    /// Sets `key` in `bucket` if its revision is `expected` (`Some(0)`: it has no value; `None`:
    /// whatever it is), and returns the new revision.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`]: the expectation does not hold, and this is not because of ourselves.
    /// [`Error::Publish`]: the value may or may not be set.
    pub async fn set_setting(
        &self,
        bucket: &str,
        key: &str,
        value: impl Into<Bytes>,
        expected: Option<u64>,
    ) -> Result<u64, Error> {
        let headers = HeaderMap::new();
        self.change(bucket, key, headers, value.into(), expected)
            .await
    }

    /// Removes `key` from `bucket` on the same conditions as [`Bus::set_setting`]. Removing what is
    /// not there succeeds.
    ///
    /// # Errors
    ///
    /// As [`Bus::set_setting`].
    pub async fn delete_setting(
        &self,
        bucket: &str,
        key: &str,
        expected: Option<u64>,
    ) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        headers.insert(OPERATION, "DEL");
        self.change(bucket, key, headers, Bytes::new(), expected)
            .await
            .map(drop)
    }

    /// What is in `bucket` under keys that match `keys`: `>` for all, `budget.*`, one key.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn settings(&self, bucket: &str, keys: &str) -> Result<Vec<Setting>, Error> {
        let mut watch = self.watch_settings(bucket, keys)?;
        let mut settings = std::collections::BTreeMap::new();
        let all = async {
            while let Some(watched) = watch.next().await {
                match watched {
                    Watched::Setting(setting) => {
                        drop(settings.insert(setting.key.clone(), setting))
                    }
                    Watched::Gone { key, .. } => drop(settings.remove(&key)),
                    Watched::ThatIsAll => break,
                }
            }
        };
        let in_time = time::timeout(ANSWER, all).await;
        in_time.map_err(|err| Error::Read {
            what: format!("{bucket}/{keys}"),
            source: err.into(),
        })?;
        Ok(settings.into_values().collect())
    }

    /// First what is in `bucket` under keys that match `keys` (as [`Bus::settings`]), then that this
    /// was all, then every change, for ever; of several quick changes of one key perhaps the last
    /// only. What goes wrong on the way is logged and put right; a server that cannot be reached is
    /// silence.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if `keys` is no pattern of keys.
    pub fn watch_settings(
        &self,
        bucket: &str,
        keys: &str,
    ) -> Result<BoxStream<'static, Watched>, Error> {
        let prefix = format!("$KV.{bucket}.");
        let filter = pattern_of(bucket, keys)?;
        let tail = Tail::new(
            self.clone(),
            stream_of(bucket),
            vec![filter],
            Start::LastOfEach,
        );
        let watch = stream::unfold((tail, prefix), async |(mut tail, prefix)| {
            let watched = match tail.next().await {
                Tailed::CaughtUp(_) => Watched::ThatIsAll,
                Tailed::Message(message, place) => {
                    let key = message
                        .subject
                        .strip_prefix(prefix.as_str())
                        .unwrap_or_default();
                    watched(&message, key.to_owned(), place.sequence)
                }
            };
            Some((watched, (tail, prefix)))
        });
        Ok(watch.boxed())
    }

    async fn change(
        &self,
        bucket: &str,
        key: &str,
        mut headers: HeaderMap,
        value: Bytes,
        expected: Option<u64>,
    ) -> Result<u64, Error> {
        let subject = subject_of(bucket, key)?;
        let token = fresh_token();
        headers.insert(header::WRITER, token.as_ref());
        headers.insert(MESSAGE_ID, token.as_ref());
        let mut expected = expected;
        loop {
            let doubt = expected.map(|revision| {
                headers.insert(EXPECTED_SEQUENCE, revision.to_string().as_str());
                Doubt {
                    stream: stream_of(bucket),
                    filter: subject.clone(),
                    token: token.clone(),
                }
            });
            let stored = self
                .store(&subject, headers.clone(), value.clone(), doubt.as_ref())
                .await;
            match stored {
                // What was removed has left a marker, and the server counts that too.
                Err(Error::Conflict { subject }) if expected == Some(0) => {
                    let last = self.last_stored(&stream_of(bucket), &subject).await?;
                    expected = match last.filter(|raw| is_marker(&raw.headers)) {
                        Some(Raw { sequence, .. }) => Some(sequence),
                        None => return Err(Error::Conflict { subject }),
                    };
                }
                other => return other,
            }
        }
    }
}

fn watched(message: &async_nats::Message, key: String, revision: u64) -> Watched {
    match message.headers.as_ref().is_some_and(is_marker) {
        true => Watched::Gone { key, revision },
        false => Watched::Setting(Setting {
            key,
            value: message.payload.clone(),
            revision,
        }),
    }
}

fn is_marker(headers: &HeaderMap) -> bool {
    headers.get(OPERATION).is_some() || headers.get(MARKER).is_some()
}

fn stream_of(bucket: &str) -> String {
    format!("KV_{bucket}")
}

/// Keys are parts of subjects: what is none is refused here, and not by a silence.
fn subject_of(bucket: &str, key: &str) -> Result<String, Error> {
    if key.contains(['*', '>']) {
        return Err(no_key(bucket, key));
    }
    pattern_of(bucket, key)
}

fn pattern_of(bucket: &str, keys: &str) -> Result<String, Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-/_=.*>".contains(&byte);
    if !keys.bytes().all(allowed) || keys.split('.').any(str::is_empty) {
        return Err(no_key(bucket, keys));
    }
    Ok(format!("$KV.{bucket}.{keys}"))
}

fn no_key(bucket: &str, key: &str) -> Error {
    Error::Read {
        what: format!("{bucket}/{key}"),
        source: "a key has letters, digits, - / _ = and single dots only".into(),
    }
}
