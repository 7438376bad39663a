use std::time::Duration;

use bytes::Bytes;
use object_store::{Attribute, Attributes, ObjectStore, PutMode, PutOptions};
use tokio::time::sleep;

use crate::{
    Error, Key, Meta, Store,
    store::{Place, in_folder},
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
    /// As [`put_new_with`](Self::put_new_with), with nothing kept beside the bytes.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn put_new(&self, key: &Key, bytes: Bytes) -> Result<Put, Error> {
        self.put_new_with(key, bytes, &Meta::new()).await
    }

    /// Puts `bytes` under `key`, and `meta` beside them, unless the key is taken. Once it returns, the
    /// object survives a power cut; until then nobody sees a part of it. Its content type is that of
    /// the key.
    ///
    /// Whoever comes first decides what is kept beside the bytes: if they are there already, `meta`
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Different`] if the key is taken by other bytes: nothing is overwritten, and somebody
    /// must look. [`Error::TooLarge`] above [`Store::MAX_BYTES`]. After the others the object may or
    /// may not be there, so put it again: [`Error::Full`] once there is room, [`Error::Refused`] once
    /// it is permitted.
    pub async fn put_new_with(&self, key: &Key, bytes: Bytes, meta: &Meta) -> Result<Put, Error> {
        if bytes.len() as u64 > Self::MAX_BYTES {
            return Err(Error::TooLarge {
                key: key.to_string(),
                bytes: bytes.len() as u64,
            });
        }

        for race in 0..MAX_RACES {
            if self.create(key, &bytes, meta).await? {
                return Ok(Put::Created);
            }
            // Taken (412) or lost in a race (409): only the object itself can tell.
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
    async fn create(&self, key: &Key, bytes: &Bytes, meta: &Meta) -> Result<bool, Error> {
        match &self.place {
            Place::Folder(folder) => {
                let beside = (!meta.is_empty()).then(|| meta.to_json(key.content_type()));
                let created = folder.create(key.as_str(), bytes.clone(), beside);
                in_folder(ACTION, key, created).await
            }
            Place::Memory | Place::Bucket(_) => {
                let mut options = PutOptions::from(PutMode::Create);
                options.attributes = attributes(key, meta);
                let path = self.path(key);
                let put = self.objects.put_opts(&path, bytes.clone().into(), options);
                match self.limited(ACTION, key, put).await? {
                    Ok(_) => Ok(true),
                    Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
                    Err(err) => Err(Error::of(ACTION, key, err)),
                }
            }
        }
    }

    /// Makes an object that was found in a folder survive a power cut; other stores have seen to it
    /// themselves.
    async fn settle(&self, key: &Key) -> Result<(), Error> {
        match &self.place {
            Place::Folder(folder) => in_folder(ACTION, key, folder.settle(key.as_str())).await,
            Place::Memory | Place::Bucket(_) => Ok(()),
        }
    }
}

fn attributes(key: &Key, meta: &Meta) -> Attributes {
    let mut attributes = Attributes::from_iter([
        (Attribute::ContentType, key.content_type()),
        (Attribute::CacheControl, FOREVER),
    ]);
    for (name, value) in meta.encoded() {
        attributes.insert(Attribute::Metadata(name.to_owned().into()), value.into());
    }
    attributes
}
