/// What can be wrong with a secret, a message to sign, or a signature.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a secret; the value itself is never repeated.
    #[error("invalid webhook secret: {0}")]
    Secret(&'static str),
    /// The operating system gave no random bytes.
    #[error("cannot generate a webhook secret: no randomness")]
    Randomness,
    /// There is nothing to sign or verify with.
    #[error("no webhook secret is set")]
    NoSecret,
    /// The id would make the signed content ambiguous, or is no header value.
    #[error("invalid webhook-id: it must be 1 to 256 visible ASCII characters without `.`")]
    Id,
    /// The timestamp is not a plain number of seconds.
    #[error("invalid webhook-timestamp: it must be whole seconds since 1970")]
    Timestamp,
    /// The message was signed too long ago, so it may be a replay.
    #[error("webhook-timestamp is too old")]
    TooOld,
    /// The message claims to be from the future.
    #[error("webhook-timestamp is in the future")]
    TooNew,
    /// None of the signatures was made with one of the secrets over this message.
    #[error("webhook-signature does not match")]
    Signature,
}
