//! A typed client of api.ideogram.ai: requests, answers, errors, prices, and webhook verification.
//!
//! It has no opinion on trying again: every [`Error`] says what is known about the money, and the
//! caller decides. It does not fetch images either; their links lead to another host, and the key
//! must not go there.
#![warn(missing_docs)]

mod answer;
mod api;
mod client;
mod config;
mod error;
mod exchange;
mod key;
pub mod links;
mod plan;
mod price;
mod quote;
mod reject;
mod verdict;
pub mod webhook;

pub use answer::{Answer, Progress, ResultImage};
pub use api::Api;
pub use client::Client;
pub use config::Config;
pub use error::{Action, Error};
pub use plan::{Call, plan};
pub use price::price;
pub use quote::Quote;
pub use reject::RejectKind;
