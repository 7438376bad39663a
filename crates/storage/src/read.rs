use std::{fmt, ops::Range};

use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use object_store::{
    Attribute, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt, path::Path,
};
use tokio::time::timeout;

use crate::{
    Error, Key, Meta, Store, folder,
    store::{Place, TIMEOUT},
};

const ACTION: &str = "read";

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its length in bytes.
    pub size: u64,
    /// The entity tag in quotes, as in an HTTP header, if the store has one.
    pub etag: Option<String>,
    /// What was kept beside its bytes when they were put.
    pub meta: Meta,
}

/// An object that is being read.
pub struct Object {
    /// The length of the whole object in bytes.
    pub size: u64,
    /// Which of its bytes `stream` gives.
    pub range: Range<u64>,
    /// The entity tag in quotes, as in an HTTP header, if the store has one.
    pub etag: Option<String>,
    /// The bytes as they come. Between two pieces it waits for 60 s at most, and ends after an error.
    pub stream: BoxStream<'static, Result<Bytes, Error>>,
}

impl Store {
    /// Asks for what is known of an object, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// All are worth another try.
    pub async fn head(&self, key: &Key) -> Result<Option<Head>, Error> {
        let Some(found) = self.stat(key).await? else {
            return Ok(None);
        };
        let meta = match &self.place {
            Place::Folder(_) => self.read_beside(key).await?,
            Place::Memory | Place::Bucket(_) => meta_of(&found),
        };
        let ObjectMeta { size, e_tag, .. } = found.meta;
        Ok(Some(Head {
            size,
            etag: e_tag,
            meta,
        }))
    }

    /// What the store itself says of an object without its bytes.
    pub(crate) async fn stat(&self, key: &Key) -> Result<Option<GetResult>, Error> {
        let options = GetOptions::new().with_head(true);
        let path = self.path(key);
        let found = self.objects.get_opts(&path, options);
        match self.limited(ACTION, key, found).await? {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(err) => Err(Error::of(ACTION, key, err)),
        }
    }

    /// The metadata of an object in a folder; none, if they were never written.
    async fn read_beside(&self, key: &Key) -> Result<Meta, Error> {
        let path = Path::from(folder::sidecar(key.as_str()));
        let read = async { self.objects.get(&path).await?.bytes().await };
        match self.limited(ACTION, key, read).await? {
            Ok(json) => Ok(Meta::from_json(&json)),
            Err(object_store::Error::NotFound { .. }) => Ok(Meta::new()),
            Err(err) => Err(Error::of(ACTION, key, err)),
        }
    }

    /// Reads a whole object into memory, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] above [`Store::MAX_BYTES`], before any of it is read; the others are worth
    /// another try.
    pub async fn get(&self, key: &Key) -> Result<Option<Bytes>, Error> {
        let path = self.path(key);
        let found = match self.limited(ACTION, key, self.objects.get(&path)).await? {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(err) => return Err(Error::of(ACTION, key, err)),
        };
        if found.meta.size > Self::MAX_BYTES {
            return Err(Error::TooLarge {
                key: key.to_string(),
                bytes: found.meta.size,
            });
        }
        let bytes = self.limited(ACTION, key, found.bytes()).await?;

        bytes.map(Some).map_err(|err| Error::of(ACTION, key, err))
    }

    /// Opens an object for reading, all of it or `range`, or `None` if there is none. The end of the
    /// range is moved to that of the object if it lies behind.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] if nothing of the range is in the object; the others are worth another
    /// try.
    pub async fn open_object(
        &self,
        key: &Key,
        range: Option<Range<u64>>,
    ) -> Result<Option<Object>, Error> {
        let Some(found) = self.stat(key).await? else {
            return Ok(None);
        };
        let head = found.meta;
        let range = match range {
            None => 0..head.size,
            Some(range) => within(&range, head.size).ok_or_else(|| Error::OutOfRange {
                key: key.to_string(),
                size: head.size,
            })?,
        };
        let options = GetOptions {
            // A store refuses the empty range of an empty object.
            range: (!range.is_empty()).then(|| GetRange::Bounded(range.clone())),
            ..GetOptions::default()
        };
        let path = self.path(key);
        match self
            .limited(ACTION, key, self.objects.get_opts(&path, options))
            .await?
        {
            Ok(found) => Ok(Some(Object {
                size: head.size,
                range,
                etag: head.e_tag,
                stream: limited_stream(key.clone(), found.into_stream()),
            })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(err) => Err(Error::of(ACTION, key, err)),
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("size", &self.size)
            .field("range", &self.range)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}

/// The metadata that a store keeps with the object itself.
fn meta_of(found: &GetResult) -> Meta {
    let fields = found.attributes.iter();
    Meta::decoded(fields.filter_map(|(attribute, value)| match attribute {
        Attribute::Metadata(name) => Some((name.as_ref(), value.as_ref())),
        _ => None,
    }))
}

fn within(range: &Range<u64>, size: u64) -> Option<Range<u64>> {
    let end = range.end.min(size);
    (range.start < end).then_some(range.start..end)
}

fn limited_stream(
    key: Key,
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
) -> BoxStream<'static, Result<Bytes, Error>> {
    let pieces = stream::try_unfold(pieces, move |mut pieces| {
        let key = key.clone();
        async move {
            match timeout(TIMEOUT, pieces.next()).await {
                Ok(None) => Ok(None),
                Ok(Some(Ok(piece))) => Ok(Some((piece, pieces))),
                Ok(Some(Err(err))) => Err(Error::of(ACTION, &key, err)),
                Err(_) => Err(Error::Timeout {
                    action: ACTION,
                    key: key.to_string(),
                }),
            }
        }
    });
    pieces.boxed()
}
