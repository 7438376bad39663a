use std::fmt;
use std::time::Duration;

use domain::Billed;

use crate::RejectKind;

/// What was attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// To have images made: the only action that costs money.
    Submit,
    /// To ask how a generation is doing.
    Poll,
    /// To ask for the price.
    Quote,
    /// To fetch the keys that webhooks are signed with.
    Keys,
    /// To read the bill.
    Usage,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Submit => "submit the generation",
            Self::Poll => "poll the generation",
            Self::Quote => "ask for the price",
            Self::Keys => "fetch the webhook keys",
            Self::Usage => "read the bill",
        })
    }
}

/// What went wrong at the provider, and what that means for the money.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration cannot be used.
    #[error("invalid {field}: {reason}")]
    Config {
        /// The field of [`Config`](crate::Config).
        field: &'static str,
        /// What is expected.
        reason: &'static str,
    },
    /// The HTTP client cannot be built, as without the system's root certificates.
    #[error("cannot build the HTTP client")]
    Build(#[source] reqwest::Error),
    /// Only routes of API v2 can be asked for a price.
    #[error("`{0}` has no price quotes")]
    NoQuote(&'static str),
    /// The files are not those that the call needs. Nothing was sent.
    #[error("invalid file for `{field}`: {reason}")]
    File {
        /// The field of the call; `files` if it is none in particular.
        field: &'static str,
        /// What is wrong and what is expected.
        reason: String,
    },
    /// What is not a generation's id at the provider.
    #[error("`{0}` cannot be the id of a generation")]
    InvalidId(String),
    /// No connection came about, so not a byte of the request left: nothing was billed, and it is
    /// safe to repeat.
    #[error("cannot connect to the provider")]
    NotSent(#[source] reqwest::Error),
    /// The provider refused. What was asked for did not run and was not billed.
    #[error("the provider refused to {action} ({status}): {message}")]
    Rejected {
        /// What was refused.
        action: Action,
        /// The HTTP status.
        status: u16,
        /// Why.
        kind: RejectKind,
        /// The provider's words, at most 2 KiB; not stable, so nothing to decide by.
        message: String,
    },
    /// The request was sent and no trustworthy answer came: it may have run and may have been
    /// billed. Repeating it may pay twice.
    #[error("the call was sent, but {reason}")]
    Ambiguous {
        /// What came instead of an answer.
        reason: &'static str,
        /// The HTTP status, if one came.
        status: Option<u16>,
        /// The beginning of what came, at most 2 KiB.
        excerpt: String,
        /// How the connection failed, if it did.
        #[source]
        source: Option<reqwest::Error>,
    },
    /// A question was not answered. Asking costs nothing, so it is safe to repeat.
    #[error("cannot {action} at the moment: {reason}")]
    Unavailable {
        /// What was asked.
        action: Action,
        /// What came instead of an answer.
        reason: &'static str,
        /// The HTTP status, if one came.
        status: Option<u16>,
        /// How long the provider asks to wait.
        retry_after: Option<Duration>,
        /// How the connection failed, if it did.
        #[source]
        source: Option<reqwest::Error>,
    },
}

impl Error {
    /// Whether the same call may be sent again, unchanged, without paying twice and with hope: at
    /// once or when the account is well again.
    #[must_use]
    pub const fn is_repeatable(&self) -> bool {
        match self {
            Self::NotSent(_) | Self::Unavailable { .. } => true,
            Self::Rejected { kind, .. } => kind.is_of_account(),
            Self::Config { .. }
            | Self::Build(_)
            | Self::NoQuote(_)
            | Self::File { .. }
            | Self::InvalidId(_)
            | Self::Ambiguous { .. } => false,
        }
    }

    /// Whether the generation was billed, as far as this error tells. A poll that failed says
    /// nothing about the generation it was to ask about.
    #[must_use]
    pub const fn billed(&self) -> Billed {
        match self {
            Self::Config { .. }
            | Self::Build(_)
            | Self::NoQuote(_)
            | Self::File { .. }
            | Self::NotSent(_) => Billed::No,
            Self::Rejected { action, .. } | Self::Unavailable { action, .. } => match action {
                Action::Submit | Action::Quote | Action::Keys | Action::Usage => Billed::No,
                Action::Poll => Billed::Unknown,
            },
            Self::InvalidId(_) | Self::Ambiguous { .. } => Billed::Unknown,
        }
    }
}
