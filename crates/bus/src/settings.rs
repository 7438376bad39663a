//! Small things that several processes must agree on: values in buckets.

use async_nats::jetstream::kv::{CreateErrorKind, Store};
use bytes::Bytes;

use crate::{Bus, Error, Source};

impl Bus {
    /// The value of `key` in `bucket`, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn setting(&self, bucket: &str, key: &str) -> Result<Option<Bytes>, Error> {
        let failed = |source: Source| Error::Read {
            what: format!("{bucket}/{key}"),
            source,
        };
        let store = self.bucket(bucket).await?;
        store.get(key).await.map_err(|err| failed(err.into()))
    }

    /// The value of `key` in `bucket`; `value`, if it had none. All who ask agree.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Publish`].
    pub async fn setting_or(&self, bucket: &str, key: &str, value: &str) -> Result<Bytes, Error> {
        let failed = |source: Source| Error::Publish {
            subject: format!("{bucket}/{key}"),
            source,
        };
        if let Some(known) = self.setting(bucket, key).await? {
            return Ok(known);
        }
        let store = self.bucket(bucket).await?;
        let value = Bytes::copy_from_slice(value.as_bytes());
        match store.create(key, value.clone()).await {
            Ok(_) => Ok(value),
            Err(err) if err.kind() == CreateErrorKind::AlreadyExists => self
                .setting(bucket, key)
                .await?
                .ok_or_else(|| failed(err.into())),
            Err(err) => Err(failed(err.into())),
        }
    }

    async fn bucket(&self, bucket: &str) -> Result<Store, Error> {
        self.jetstream
            .get_key_value(bucket)
            .await
            .map_err(|err| Error::Provision {
                what: bucket.to_owned(),
                source: err.into(),
            })
    }
}
