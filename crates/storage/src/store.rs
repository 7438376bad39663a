use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use object_store::{
    ObjectStore, ObjectStoreExt, PutMode, memory::InMemory, path::Path, signer::Signer,
};
use reqwest::Method;
use runtime::Env;
use tokio::time::timeout;
use url::Url;

use crate::{Error, Key, folder, location, location::Location};

/// For one call, the retries of the S3 client included.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
/// What S3 allows for a presigned URL.
const MAX_PRESIGNED: Duration = Duration::from_secs(7 * 24 * 3600);
/// Not a [`Key`], so nothing can be put over it.
const PROBE: &str = ".darkroom";

/// An object store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) place: Place,
    prefix: Path,
    location: String,
}

/// What only some stores can do.
#[derive(Clone)]
pub(crate) enum Place {
    Memory,
    Folder(PathBuf),
    Bucket(Arc<dyn Signer>),
}

impl Store {
    /// The longest object that is put or read at once, 64 MiB: several times the largest image a
    /// provider draws. [`Store::open_object`] has no such limit.
    pub const MAX_BYTES: u64 = 64 * 1024 * 1024;

    /// Opens what `DARKROOM_STORAGE_URL` names; if nothing, the folder `images` below
    /// `DARKROOM_DATA_DIR` (`./darkroom-data`).
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`Error::Environment`].
    pub fn from_env(env: &Env) -> Result<Self, Error> {
        let folder: String = env.or("DARKROOM_DATA_DIR", "./darkroom-data".to_owned())?;
        let url: String = env.or("DARKROOM_STORAGE_URL", format!("file://{folder}/images"))?;
        Self::open(&url, |name| env.raw(name))
    }

    /// Opens `file:///path`, `file://./path` (created if missing) or `s3://bucket/prefix`.
    ///
    /// For S3, `env` is asked for the usual `AWS_*` variables; `AWS_ENDPOINT_URL` leads to any other
    /// server that speaks S3. No request is made: see [`check_writable`](Self::check_writable).
    ///
    /// # Errors
    ///
    /// [`Error::Scheme`], [`Error::Url`], [`Error::Configuration`] and [`Error::Folder`] say what to
    /// change.
    pub fn open(url: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        match Location::parse(url)? {
            Location::Folder(path) => {
                let (files, root) = folder::open(path)?;
                Ok(Self {
                    objects: Arc::new(files),
                    location: format!("file://{}", root.display()),
                    place: Place::Folder(root),
                    prefix: Path::default(),
                })
            }
            Location::Bucket { name, prefix } => {
                let s3 = location::s3(&name, env)?;
                Ok(Self {
                    objects: s3.clone(),
                    place: Place::Bucket(s3),
                    location: format!("s3://{name}/{prefix}"),
                    prefix,
                })
            }
        }
    }

    /// A store that forgets everything when it is dropped, for tests.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            objects: Arc::new(InMemory::new()),
            place: Place::Memory,
            prefix: Path::default(),
            location: "memory".to_owned(),
        }
    }

    /// Makes sure that the store can be written to and never overwrites. To be asked at start, before
    /// anything is paid for. Leaves one small object named `.darkroom` behind.
    ///
    /// # Errors
    ///
    /// [`Error::NotWritable`], for example for a read-only folder; [`Error::Unconditional`] for an
    /// S3 server without conditional writes.
    pub async fn check_writable(&self) -> Result<(), Error> {
        // The second attempt must find the first, or what an earlier start left.
        for _ in 0..2 {
            match self.put_probe().await {
                Ok(()) => {}
                Err(object_store::Error::AlreadyExists { .. }) => return Ok(()),
                Err(err) => {
                    return Err(Error::NotWritable {
                        location: self.location.clone(),
                        source: err.into(),
                    });
                }
            }
        }
        Err(Error::Unconditional {
            location: self.location.clone(),
        })
    }

    /// Deletes the object. It is no error if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] and [`Error::Failed`]: it may still be there, so delete it again.
    pub async fn delete(&self, key: &Key) -> Result<(), Error> {
        let path = self.path(key);
        let deleted = self
            .limited("delete", key, self.objects.delete(&path))
            .await?;
        match deleted {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(err) => Err(failed("delete", key, err)),
        }
    }

    /// A link under which anybody can read the object for `ttl` (at most 7 days), or `None` if the
    /// store gives no links: then the gateway serves the bytes itself. Whether the object exists is
    /// not asked.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] and [`Error::Timeout`] if the credentials to sign with cannot be got.
    pub async fn presign_get(&self, key: &Key, ttl: Duration) -> Result<Option<Url>, Error> {
        let Place::Bucket(signer) = &self.place else {
            return Ok(None);
        };
        let path = self.path(key);
        let signing = signer.signed_url(Method::GET, &path, ttl.min(MAX_PRESIGNED));
        let url = self.limited("presign", key, signing).await?;

        url.map(Some).map_err(|err| failed("presign", key, err))
    }

    /// How many bytes still fit, or `None` if the store does not say (anything but a folder).
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] if the disk cannot be asked, [`Error::Timeout`] if it hangs.
    pub async fn free_bytes(&self) -> Result<Option<u64>, Error> {
        const ACTION: &str = "measure the free space of";

        let Place::Folder(root) = &self.place else {
            return Ok(None);
        };
        let asked = timeout(TIMEOUT, folder::free_bytes(root.clone())).await;
        match asked {
            Ok(Ok(free)) => Ok(Some(free)),
            Ok(Err(err)) => Err(Error::Failed {
                action: ACTION,
                key: self.location.clone(),
                source: err.into(),
            }),
            Err(_) => Err(Error::Timeout {
                action: ACTION,
                key: self.location.clone(),
            }),
        }
    }

    /// The name of the object in the store.
    pub(crate) fn path(&self, key: &Key) -> Path {
        self.prefix
            .parts()
            .chain(Path::from(key.as_str()).parts())
            .collect()
    }

    /// Gives up on the store after a while; what the store itself says is the caller's to judge.
    pub(crate) async fn limited<T>(
        &self,
        action: &'static str,
        key: &Key,
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Result<object_store::Result<T>, Error> {
        timeout(TIMEOUT, call).await.map_err(|_| Error::Timeout {
            action,
            key: key.to_string(),
        })
    }

    async fn put_probe(&self) -> object_store::Result<()> {
        let path = self.prefix.clone().join(PROBE);
        let put = self
            .objects
            .put_opts(&path, "darkroom".into(), PutMode::Create.into());
        match timeout(TIMEOUT, put).await {
            Ok(put) => put.map(|_| ()),
            Err(elapsed) => Err(object_store::Error::Generic {
                store: "darkroom",
                source: elapsed.into(),
            }),
        }
    }
}

impl fmt::Debug for Store {
    /// Says where it is, and nothing about credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

pub(crate) fn failed(action: &'static str, key: &Key, err: object_store::Error) -> Error {
    Error::Failed {
        action,
        key: key.to_string(),
        source: err.into(),
    }
}
