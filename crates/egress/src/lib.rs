//! HTTP to strangers: callbacks to addresses that users name, downloads from links that a provider
//! names. The one place where a request leaves for a host we do not run.
//!
//! A request goes to public addresses only, or to networks the operator allowed; addresses are
//! checked where the connection is made, so a name cannot change its mind in between. Time and bodies
//! are bounded. It does not retry, sign, or judge an answer.

mod address;
mod body;
mod client;
mod error;
mod headers;
mod policy;
mod resolver;
mod target;

pub use address::is_public;
pub use client::{Answer, Client, Download};
pub use error::Error;
pub use policy::{InvalidNetwork, Policy, parse_networks};
