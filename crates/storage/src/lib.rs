//! The object store behind typed keys: written once, read often, in a local folder, S3 and what
//! speaks like it (R2, Ceph, `MinIO`, `SeaweedFS`), Google Cloud Storage or Azure Blob Storage.
//!
//! An object never changes: a key contains the digest of what it names, and a second put of the same
//! key either finds the same bytes or raises an alarm. The crate does not decide what is kept or for
//! how long, and it does not know what the bytes mean.
//!
//! A folder and S3 are tested on the real thing. For Google and Azure only what goes over the wire
//! is tested, since nothing real of them runs on a test machine.

mod client;
mod delete;
mod error;
mod folder;
mod group;
mod health;
mod key;
mod link;
mod location;
mod meta;
mod put;
mod read;
mod shelf;
mod store;

pub use error::Error;
pub use key::{InvalidKey, Key};
pub use meta::{InvalidName, Meta};
pub use put::Put;
pub use read::{Head, Object};
pub use store::Store;
