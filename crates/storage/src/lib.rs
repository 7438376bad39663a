//! The object store behind typed keys: written once, read often, on a local disk or in S3.
//!
//! An object never changes: a key contains the digest of what it names, and a second put of the same
//! key either finds the same bytes or raises an alarm. The crate does not decide what is kept or for
//! how long, and it does not know what the bytes mean.

mod error;
mod folder;
mod key;
mod location;
mod put;
mod read;
mod store;

pub use error::Error;
pub use key::{InvalidKey, Key};
pub use put::Put;
pub use read::{Head, Object};
pub use store::Store;
