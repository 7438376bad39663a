//! The read model: what all events add up to, kept in a database and searched.
//!
//! [`History`] folds events into one document for each generation, together with the position up to
//! which it has read, in one transaction: whatever is handed in twice changes nothing, and after a
//! crash reading goes on where the database stands. All SQL is in `sqlite`.
#![warn(missing_docs)]

mod error;
mod fold;
mod history;
mod search;
mod sqlite;

pub use error::Error;
pub use history::{History, Written};
pub use search::{Page, Search};
