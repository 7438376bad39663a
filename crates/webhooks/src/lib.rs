//! Standard Webhooks 1.0: sign, verify, and decide when to try again.
//!
//! Pure: no clock, no network, no storage. It does not send anything, and it does not know what the
//! body means. <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

mod error;
mod retry_after;
mod schedule;
mod secret;
mod signature;
mod verdict;

pub use error::Error;
pub use retry_after::retry_after;
pub use schedule::RetrySchedule;
pub use secret::Secret;
pub use signature::{HEADER_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP, headers, sign, verify};
pub use verdict::Verdict;
