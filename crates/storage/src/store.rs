use std::{fmt, io, sync::Arc, time::Duration};

use object_store::{ObjectStore, memory::InMemory, path::Path, signer::Signer};
use runtime::Env;
use tokio::time::timeout;
use url::Url;

use crate::{Error, Key, client, folder::Folder, location, location::Location};

/// For one call, the retries of a bucket's client included.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// An object store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) place: Place,
    pub(crate) prefix: Path,
    /// Without credentials.
    pub(crate) location: String,
    pub(crate) public: Option<Url>,
}

/// What only some stores can do.
#[derive(Clone)]
pub(crate) enum Place {
    Memory,
    Folder(Folder),
    Bucket(Arc<dyn Signer>),
}

impl Store {
    /// The longest object that is put or read at once, 64 MiB: several times the largest image a
    /// provider draws. [`Store::open_object`] has no such limit.
    pub const MAX_BYTES: u64 = 64 * 1024 * 1024;

    /// Opens what `DARKROOM_STORAGE_URL` names; if nothing, the folder `images` below
    /// `DARKROOM_DATA_DIR` (`./darkroom-data`). `DARKROOM_STORAGE_PUBLIC_URL` is where everybody can
    /// read the objects, if anywhere: the address, prefix included, to which a key is added.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`with_public_url`](Self::with_public_url), and
    /// [`Error::Environment`].
    pub fn from_env(env: &Env) -> Result<Self, Error> {
        let folder: String = env.or("DARKROOM_DATA_DIR", "./darkroom-data".to_owned())?;
        let url: String = env.or("DARKROOM_STORAGE_URL", format!("file://{folder}/images"))?;
        let store = Self::open(&url, |name| env.raw(name))?;
        match env.raw("DARKROOM_STORAGE_PUBLIC_URL") {
            Some(public) if !public.is_empty() => store.with_public_url(&public),
            _ => Ok(store),
        }
    }

    /// Opens `file:///path`, `file://./path` (created if missing), `s3://bucket/prefix`,
    /// `gs://bucket/prefix` or `az://container/prefix`.
    ///
    /// For a bucket, `env` is asked for the variables of its cloud: the usual `AWS_*`, where
    /// `AWS_ENDPOINT_URL` leads to R2 or any other server that speaks S3; `GOOGLE_*`
    /// (`GOOGLE_APPLICATION_CREDENTIALS`); `AZURE_*` (`AZURE_STORAGE_ACCOUNT_NAME` and
    /// `AZURE_STORAGE_ACCOUNT_KEY`, or an identity). No request is made: see
    /// [`check_writable`](Self::check_writable).
    ///
    /// # Errors
    ///
    /// [`Error::Scheme`], [`Error::Url`], [`Error::Configuration`] and [`Error::Folder`] say what to
    /// change.
    pub fn open(url: &str, env: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        match Location::parse(url)? {
            Location::Folder(path) => {
                let (files, folder) = Folder::open(path)?;
                Ok(Self {
                    objects: Arc::new(files),
                    location: format!("file://{}", folder.root().display()),
                    place: Place::Folder(folder),
                    prefix: Path::default(),
                    public: None,
                })
            }
            Location::Bucket {
                cloud,
                name,
                prefix,
            } => {
                let (objects, signer) = client::open(cloud, &name, env)?;
                Ok(Self {
                    objects,
                    place: Place::Bucket(signer),
                    location: format!("{}://{name}/{prefix}", cloud.scheme()),
                    prefix,
                    public: None,
                })
            }
        }
    }

    /// Says where everybody can read the objects, for example through a CDN: `https://host/path`, to
    /// which a key is added.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] says what it should look like.
    pub fn with_public_url(self, url: &str) -> Result<Self, Error> {
        Ok(Self {
            public: Some(location::public(url)?),
            ..self
        })
    }

    /// A store that forgets everything when it is dropped, for tests.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            objects: Arc::new(InMemory::new()),
            place: Place::Memory,
            prefix: Path::default(),
            location: "memory".to_owned(),
            public: None,
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
}

/// Gives up on the disk after a while, as [`Store::limited`] does on a store.
pub(crate) async fn in_folder<T>(
    action: &'static str,
    key: &Key,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, Error> {
    match timeout(TIMEOUT, work).await {
        Ok(done) => done.map_err(|err| Error::of(action, key, err)),
        Err(_) => Err(Error::Timeout {
            action,
            key: key.to_string(),
        }),
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
