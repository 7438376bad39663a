use std::time::Duration;

use reqwest::Method;
use url::Url;

use crate::{Error, Key, Store, store::Place};

const ACTION: &str = "presign";
/// What S3 and Google allow for a presigned URL.
const MAX_PRESIGNED: Duration = Duration::from_secs(7 * 24 * 3600);

impl Store {
    /// Where everybody can read the object without asking us, or `None` if no public URL was
    /// configured. Whether the object exists is not asked.
    #[must_use]
    pub fn public_url(&self, key: &Key) -> Option<Url> {
        self.public.as_ref()?.join(key.as_str()).ok()
    }

    /// A link under which anybody can read the object for `ttl` (at most 7 days), or `None` if the
    /// store gives no links: then the gateway serves the bytes itself. Whether the object exists is
    /// not asked.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`], [`Error::Failed`] and [`Error::Timeout`] if the credentials to sign with
    /// cannot be got.
    pub async fn presign_get(&self, key: &Key, ttl: Duration) -> Result<Option<Url>, Error> {
        let Place::Bucket(signer) = &self.place else {
            return Ok(None);
        };
        let path = self.path(key);
        let ttl = ttl.min(MAX_PRESIGNED);
        let signing = signer.signed_url(Method::GET, &path, ttl);
        match self.limited(ACTION, key, signing).await? {
            Ok(url) => Ok(Some(url)),
            Err(object_store::Error::NotSupported { .. }) => Ok(None),
            Err(err) => Err(Error::of(ACTION, key, err)),
        }
    }
}
