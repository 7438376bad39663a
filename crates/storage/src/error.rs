use std::{io, path::PathBuf};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong between a service and the object store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A variable of the environment makes no sense.
    #[error(transparent)]
    Environment(#[from] runtime::EnvError),
    /// The storage URL names a kind of store that this build does not know.
    #[error(
        "storage URL scheme `{0}` is not supported: use file:///path, file://./path or s3://bucket/prefix"
    )]
    Scheme(String),
    /// The storage URL has a known scheme but cannot be used. It is not repeated, because people put
    /// passwords into URLs.
    #[error("invalid storage URL: {0}")]
    Url(&'static str),
    /// One of the `AWS_*` variables does not fit the others.
    #[error("cannot set up the S3 client, check the AWS_* variables")]
    Configuration(#[source] Source),
    /// The data folder can be neither found nor created.
    #[error("cannot open the data folder `{path}`")]
    Folder {
        /// The folder as configured.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store cannot be written to, so no paid image could be kept.
    #[error(
        "cannot write to `{location}`: make it writable for this process or choose another storage URL"
    )]
    NotWritable {
        /// Where the store is, without credentials.
        location: String,
        /// What the store said.
        source: Source,
    },
    /// The store overwrites although it was told not to, so objects would not be immutable.
    #[error("`{location}` ignores `If-None-Match: *`: use a store with conditional writes")]
    Unconditional {
        /// Where the store is, without credentials.
        location: String,
    },
    /// The key is taken by other bytes. Nothing was overwritten. This should be impossible; somebody
    /// must look.
    #[error("`{key}` already holds other bytes")]
    Different {
        /// The key in question.
        key: String,
    },
    /// The object is longer than [`Store::MAX_BYTES`](crate::Store::MAX_BYTES).
    #[error("`{key}` has {bytes} bytes, more than are held in memory")]
    TooLarge {
        /// The key in question.
        key: String,
        /// How long it is.
        bytes: u64,
    },
    /// The range is empty or begins behind the end of the object (HTTP 416).
    #[error("the range is outside of `{key}`, which has {size} bytes")]
    OutOfRange {
        /// The key in question.
        key: String,
        /// How long the object is.
        size: u64,
    },
    /// The key is neither free nor taken, because others write and delete it. Try again.
    #[error("`{key}` is being written by others")]
    Contended {
        /// The key in question.
        key: String,
    },
    /// The store did not answer in time; a write may or may not have happened. Try again.
    #[error("no answer in time: cannot {action} `{key}`")]
    Timeout {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The key in question.
        key: String,
    },
    /// The store refused or failed. Try again.
    #[error("cannot {action} `{key}`")]
    Failed {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The key in question.
        key: String,
        /// What the store said.
        source: Source,
    },
}

impl Error {
    /// Whether the same call can only fail again.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Contended { .. } | Self::Timeout { .. } | Self::Failed { .. } => false,
            Self::Scheme(_)
            | Self::Url(_)
            | Self::Configuration(_)
            | Self::Folder { .. }
            | Self::NotWritable { .. }
            | Self::Unconditional { .. }
            | Self::Different { .. }
            | Self::TooLarge { .. }
            | Self::OutOfRange { .. }
            | Self::Environment(_) => true,
        }
    }
}
