use std::time::Duration;

use crate::resolver::Blocked;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a stranger was not asked, or gave no usable answer.
///
/// No variant repeats a URL: links may carry a signature, and the logs must not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client cannot be built, for example because the machine has no root certificates.
    #[error("cannot set up the HTTP client")]
    Setup(#[source] Source),
    /// A header of the request is no header.
    #[error("invalid request header `{0}`")]
    Header(String),
    /// The policy forbids the target. The reason tells what is wrong with the URL as it was written,
    /// and never what its name resolved to.
    #[error("target refused: {reason}")]
    Refused {
        /// What to change, in words for the person who gave the URL.
        reason: &'static str,
    },
    /// Nobody answers at the target, its name does not resolve, or TLS fails.
    #[error("cannot connect to the target")]
    Connect(#[source] Source),
    /// There was no complete answer in the time allowed.
    #[error("no complete answer within {0:?}")]
    Timeout(Duration),
    /// The body is longer than the caller takes, by its own word or when counted.
    #[error("the answer is longer than {max_bytes} bytes")]
    TooLarge {
        /// How many bytes the caller takes.
        max_bytes: u64,
    },
    /// The body ended before it was complete.
    #[error("the answer broke off")]
    Truncated(#[source] Source),
    /// The connection failed between being made and the head of the answer.
    #[error("the exchange with the target failed")]
    Transport(#[source] Source),
}

impl Error {
    /// Whether the same request can only fail again.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::Header(_) | Self::Refused { .. } | Self::TooLarge { .. }
        )
    }

    pub(crate) fn setup(err: reqwest::Error) -> Self {
        Self::Setup(err.into())
    }

    pub(crate) fn sending(err: reqwest::Error, limit: Duration) -> Self {
        // The resolver's own error lies some layers down.
        let causes =
            std::iter::successors(Some(&err as &dyn std::error::Error), |err| err.source());
        if causes.into_iter().any(|cause| cause.is::<Blocked>()) {
            return Self::Refused {
                reason: crate::target::NOT_PERMITTED,
            };
        }

        if err.is_timeout() {
            Self::Timeout(limit)
        } else if err.is_connect() {
            Self::Connect(err.without_url().into())
        } else {
            Self::Transport(err.without_url().into())
        }
    }

    pub(crate) fn reading(err: reqwest::Error) -> Self {
        Self::Truncated(err.without_url().into())
    }
}
