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
        "storage URL scheme `{0}` is not supported: use file:///path, file://./path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
    )]
    Scheme(String),
    /// The storage URL, or the public one, cannot be used. It is not repeated, because people put
    /// passwords into URLs.
    #[error("invalid storage URL: {0}")]
    Url(&'static str),
    /// One of the variables of the cloud does not fit the others, or is missing.
    #[error("cannot set up the client of the bucket, check the {variables} variables")]
    Configuration {
        /// How these variables begin.
        variables: &'static str,
        /// What is wrong with them.
        source: Source,
    },
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
    /// There is no room: the disk or the quota is full, or less is free than must stay free. Make room,
    /// then try again.
    #[error("no room is left: cannot {action} `{key}`")]
    Full {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The key in question, or where the store is.
        key: String,
        /// What the store said.
        source: Source,
    },
    /// The store is there but lets us not: permissions, credentials, a read-only disk. An operator
    /// must look; then try again.
    #[error("not permitted: cannot {action} `{key}`")]
    Refused {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The key in question, or where the store is.
        key: String,
        /// What the store said.
        source: Source,
    },
    /// The store did not answer in time; a write may or may not have happened. Try again.
    #[error("no answer in time: cannot {action} `{key}`")]
    Timeout {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The key in question.
        key: String,
    },
    /// The store failed or cannot be reached. Try again.
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
            Self::Contended { .. }
            | Self::Full { .. }
            | Self::Refused { .. }
            | Self::Timeout { .. }
            | Self::Failed { .. } => false,
            Self::Scheme(_)
            | Self::Url(_)
            | Self::Configuration { .. }
            | Self::Folder { .. }
            | Self::NotWritable { .. }
            | Self::Unconditional { .. }
            | Self::Different { .. }
            | Self::TooLarge { .. }
            | Self::OutOfRange { .. }
            | Self::Environment(_) => true,
        }
    }

    /// Tells from what a store has said whether it is full, refuses, or has failed.
    pub(crate) fn of(action: &'static str, key: impl ToString, source: impl Into<Source>) -> Self {
        let (key, source) = (key.to_string(), source.into());
        match complaint(source.as_ref()) {
            Some(Complaint::Full) => Self::Full {
                action,
                key,
                source,
            },
            Some(Complaint::Refused) => Self::Refused {
                action,
                key,
                source,
            },
            None => Self::Failed {
                action,
                key,
                source,
            },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Complaint {
    Full,
    Refused,
}

/// What servers say when a quota or a disk is full, in lower case: HTTP's own status (507), and the
/// codes that come with a 403 or a 500 (Ceph and Google, `MinIO`, the operating systems of others).
const FULL: [&str; 5] = [
    "status code: 507",
    "quotaexceeded",
    "storagefull",
    "no space left on device",
    "disk quota exceeded",
];

/// Looks for the reason in all that an error says; a full store comes before a refusal, because some
/// servers answer 403 to those whose quota is used up.
fn complaint(err: &(dyn std::error::Error + 'static)) -> Option<Complaint> {
    let causes = || std::iter::successors(Some(err), |err| err.source());
    let is_full = causes().any(|cause| match cause.downcast_ref::<io::Error>() {
        Some(err) => matches!(
            err.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ),
        None => {
            let said = cause.to_string().to_ascii_lowercase();
            FULL.iter().any(|code| said.contains(code))
        }
    });
    if is_full {
        return Some(Complaint::Full);
    }
    let is_refused = causes().any(|cause| match cause.downcast_ref::<io::Error>() {
        Some(err) => matches!(
            err.kind(),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
        ),
        None => matches!(
            cause.downcast_ref(),
            Some(
                object_store::Error::PermissionDenied { .. }
                    | object_store::Error::Unauthenticated { .. }
            )
        ),
    });
    is_refused.then_some(Complaint::Refused)
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_full_disk_and_a_read_only_one_are_told_apart() {
        for (errno, expected) in [
            (Errno::NOSPC, Some(Complaint::Full)),
            (Errno::DQUOT, Some(Complaint::Full)),
            (Errno::ROFS, Some(Complaint::Refused)),
            (Errno::ACCESS, Some(Complaint::Refused)),
            (Errno::PERM, Some(Complaint::Refused)),
            (Errno::IO, None),
        ] {
            let err = object_store::Error::Generic {
                store: "LocalFileSystem",
                source: io::Error::from(errno).into(),
            };

            assert_eq!(complaint(&err), expected, "{errno:?}");
        }
    }
}
