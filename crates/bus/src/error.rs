/// The cause of an error, as the client library tells it.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong between a service and the broker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server cannot be reached, or refuses us.
    #[error("cannot connect to NATS at {url}")]
    Connect {
        /// Where it was looked for.
        url: String,
        /// Why not.
        source: Source,
    },
    /// The server lacks what we build on.
    #[error("nats-server {found} is too old: Darkroom needs {needed} or newer")]
    TooOld {
        /// The server's version.
        found: String,
        /// The oldest that serves.
        needed: &'static str,
    },
    /// A stream, consumer or bucket is missing or cannot be made.
    #[error("cannot set up `{what}`; run `darkroom provision` with an identity that may")]
    Provision {
        /// Its name.
        what: String,
        /// Why not.
        source: Source,
    },
    /// The server has not confirmed a message; it may or may not be stored. Send it again.
    #[error("cannot publish on `{subject}`")]
    Publish {
        /// Where to.
        subject: String,
        /// Why not.
        source: Source,
    },
    /// The stream is full; nothing was stored.
    #[error("the stream behind `{subject}` is full")]
    Full {
        /// Where to.
        subject: String,
    },
    /// Somebody else wrote first; nothing was stored. Read, and decide again.
    #[error("`{subject}` is not where it was expected to be")]
    Conflict {
        /// Where to.
        subject: String,
    },
    /// Stored messages cannot be read.
    #[error("cannot read `{what}`")]
    Read {
        /// Which.
        what: String,
        /// Why not.
        source: Source,
    },
    /// What was asked for is not there.
    #[error("there is no {what}")]
    Absent {
        /// What was asked for.
        what: String,
    },
    /// A dead letter cannot be put back where it came from.
    #[error("dead letter {sequence} cannot be replayed: {reason}")]
    Unreplayable {
        /// Its sequence in DEAD.
        sequence: u64,
        /// Why not.
        reason: String,
    },
    /// A stored message is no event of ours.
    #[error("`{subject}` holds something that is no event")]
    Decode {
        /// Where it is.
        subject: String,
        /// What is wrong with it.
        source: wire::DecodeError,
    },
    /// A work item is settled, but the server has not confirmed that. It comes again.
    #[error("cannot acknowledge a message of `{consumer}`")]
    Acknowledge {
        /// Whose message.
        consumer: &'static str,
        /// Why not.
        source: Source,
    },
    /// The handler cannot say what becomes of work that is given up. It comes again.
    #[error("cannot say what becomes of work that is given up")]
    LastWords {
        /// Why not.
        source: Source,
    },
    /// The handler cannot undo what it did for an event that is not told. It comes again.
    #[error("cannot undo what was done for an event that is not told")]
    NotUndone {
        /// Why not.
        source: Source,
    },
    /// The consumer was deleted, so no more messages will come.
    #[error("consumer `{0}` is gone")]
    Gone(&'static str),
    /// Nobody answers a question.
    #[error("nobody answers `{subject}`")]
    Unanswered {
        /// What was asked.
        subject: String,
        /// Why not.
        source: Source,
    },
    /// The answer to a question is a refusal.
    #[error("`{subject}` was refused: {reason}")]
    Refused {
        /// What was asked.
        subject: String,
        /// The answer's status, as HTTP has them; 500 if it has none.
        status: u16,
        /// The answer.
        reason: String,
    },
}

impl Error {
    /// Whether somebody else wrote first.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }
}
