use std::{fmt, ops::Range};

use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use tokio::time::timeout;

use crate::{
    Error, Key, Store,
    store::{TIMEOUT, failed},
};

const ACTION: &str = "read";

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its length in bytes.
    pub size: u64,
    /// The entity tag in quotes, as in an HTTP header, if the store has one.
    pub etag: Option<String>,
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
    /// Asks for the length of an object, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] and [`Error::Failed`] are worth another try.
    pub async fn head(&self, key: &Key) -> Result<Option<Head>, Error> {
        let path = self.path(key);
        match self.limited(ACTION, key, self.objects.head(&path)).await? {
            Ok(meta) => Ok(Some(Head {
                size: meta.size,
                etag: meta.e_tag,
            })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(err) => Err(failed(ACTION, key, err)),
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
            Err(err) => return Err(failed(ACTION, key, err)),
        };
        if found.meta.size > Self::MAX_BYTES {
            return Err(Error::TooLarge {
                key: key.to_string(),
                bytes: found.meta.size,
            });
        }
        let bytes = self.limited(ACTION, key, found.bytes()).await?;

        bytes.map(Some).map_err(|err| failed(ACTION, key, err))
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
        let Some(head) = self.head(key).await? else {
            return Ok(None);
        };
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
                etag: head.etag,
                stream: limited_stream(key.clone(), found.into_stream()),
            })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(err) => Err(failed(ACTION, key, err)),
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
                Ok(Some(Err(err))) => Err(failed(ACTION, &key, err)),
                Err(_) => Err(Error::Timeout {
                    action: ACTION,
                    key: key.to_string(),
                }),
            }
        }
    });
    pieces.boxed()
}
