use std::time::Duration;

use bytes::Bytes;
use object_store::{Attribute, Attributes, ObjectStore, PutMode, PutOptions};
use tokio::time::{sleep, timeout};

use crate::{
    Error, Key, Store, folder,
    store::{Place, TIMEOUT, failed},
};

const ACTION: &str = "put";
/// S3 answers 409 to one of two puts at the same moment, whether or not the other one succeeds.
const MAX_RACES: u32 = 6;
const RACE_PAUSE: Duration = Duration::from_millis(20);
const FOREVER: &str = "public, max-age=31536000, immutable";

/// What a put found. Either way the object is there and safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Put {
    /// The key was free.
    Created,
    /// The key held the same bytes already; an earlier attempt got further than it knew.
    AlreadyThere,
}

impl Store {
    /// Puts `bytes` under `key` unless the key is taken. Once it returns, the object survives a power
    /// cut; until then nobody sees a part of it. Its content type is that of the key.
    ///
    /// # Errors
    ///
    /// [`Error::Different`] if the key is taken by other bytes: nothing is overwritten, and somebody
    /// must look. [`Error::TooLarge`] above [`Store::MAX_BYTES`]. After the others the object may or
    /// may not be there, so put it again.
    pub async fn put_new(&self, key: &Key, bytes: Bytes) -> Result<Put, Error> {
        if bytes.len() as u64 > Self::MAX_BYTES {
            return Err(Error::TooLarge {
                key: key.to_string(),
                bytes: bytes.len() as u64,
            });
        }

        for race in 0..MAX_RACES {
            if self.create(key, &bytes).await? {
                self.settle(key).await?;
                return Ok(Put::Created);
            }
            match self.get(key).await? {
                Some(existing) if existing == bytes => {
                    self.settle(key).await?;
                    return Ok(Put::AlreadyThere);
                }
                Some(_) => {
                    return Err(Error::Different {
                        key: key.to_string(),
                    });
                }
                None => {}
            }
            sleep(RACE_PAUSE * 2_u32.pow(race)).await;
        }
        Err(Error::Contended {
            key: key.to_string(),
        })
    }

    /// Whether the key was free.
    async fn create(&self, key: &Key, bytes: &Bytes) -> Result<bool, Error> {
        let mut options = PutOptions::from(PutMode::Create);
        // A file system has no place for them and refuses to pretend.
        if !matches!(self.place, Place::Folder(_)) {
            options.attributes = Attributes::from_iter([
                (Attribute::ContentType, key.content_type()),
                (Attribute::CacheControl, FOREVER),
            ]);
        }
        let path = self.path(key);
        let put = self.objects.put_opts(&path, bytes.clone().into(), options);
        match self.limited(ACTION, key, put).await? {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(err) => Err(failed(ACTION, key, err)),
        }
    }

    /// Makes a local object survive a power cut; other stores have seen to it themselves.
    async fn settle(&self, key: &Key) -> Result<(), Error> {
        let Place::Folder(root) = &self.place else {
            return Ok(());
        };
        let settled = timeout(TIMEOUT, folder::settle(root, key.as_str())).await;
        match settled {
            Ok(Ok(())) => Ok(()),
            Ok(Err(err)) => Err(Error::Failed {
                action: ACTION,
                key: key.to_string(),
                source: err.into(),
            }),
            Err(_) => Err(Error::Timeout {
                action: ACTION,
                key: key.to_string(),
            }),
        }
    }
}
