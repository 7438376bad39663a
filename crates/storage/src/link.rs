use std::time::Duration;

use object_store::signer::SignedUrlOptions;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use url::Url;

use crate::{Error, Key, Store, store::Place};

const ACTION: &str = "presign";
/// What S3 and Google allow for a presigned URL.
const MAX_PRESIGNED: Duration = Duration::from_secs(7 * 24 * 3600);
/// All but the `attr-char` of RFC 8187 that file names are made of.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

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
        self.presign(key, ttl, SignedUrlOptions::new()).await
    }

    /// As [`presign_get`](Self::presign_get), but a browser that follows the link saves the object as
    /// `file_name` instead of showing it. `None` for Azure too, whose links cannot say so here.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn presign_download(
        &self,
        key: &Key,
        ttl: Duration,
        file_name: &str,
    ) -> Result<Option<Url>, Error> {
        let disposition = attachment(file_name);
        let options =
            SignedUrlOptions::new().with_query([("response-content-disposition", disposition)]);
        self.presign(key, ttl, options).await
    }

    async fn presign(
        &self,
        key: &Key,
        ttl: Duration,
        options: SignedUrlOptions,
    ) -> Result<Option<Url>, Error> {
        let Place::Bucket(signer) = &self.place else {
            return Ok(None);
        };
        let path = self.path(key);
        let ttl = ttl.min(MAX_PRESIGNED);
        let signing = signer.signed_url_opts(Method::GET, &path, ttl, &options);
        match self.limited(ACTION, key, signing).await? {
            Ok(url) => Ok(Some(url)),
            Err(object_store::Error::NotSupported { .. }) => Ok(None),
            Err(err) => Err(Error::of(ACTION, key, err)),
        }
    }
}

/// The `Content-Disposition` that names a file, in any language (RFC 6266).
fn attachment(file_name: &str) -> String {
    let encoded = utf8_percent_encode(file_name, ENCODED);
    format!("attachment; filename*=UTF-8''{encoded}")
}
