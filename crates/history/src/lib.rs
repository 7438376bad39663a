//! The read model: what all events add up to, kept in a database and searched.
//!
//! [`History`] folds events into one document for each generation, together with the position up to
//! which it has read, in one transaction: whatever is handed in twice changes nothing, and after a
//! crash reading goes on where the database stands. Beside each document it keeps what the calls of
//! the generation cost, so that money can be added up. All SQL is in `sqlite`.
#![warn(missing_docs)]

mod account;
mod error;
mod fold;
mod held;
mod history;
mod ledger;
mod search;
mod spend;
mod sqlite;
mod twins;

pub use error::Error;
pub use history::{Found, History, Position, Written};
pub use search::{Page, Search};
pub use spend::{Grouping, Spend, SpendQuery, SpendReport, SpendRow};
