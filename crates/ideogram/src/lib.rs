//! A typed client of api.ideogram.ai: requests, answers, errors, prices, usage, and webhook
//! verification.
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
mod quote;
mod reject;
mod upload;
mod usage;
mod verdict;
pub mod webhook;

pub use answer::{Answer, Progress, ResultImage};
pub use api::Api;
pub use client::Client;
pub use config::Config;
pub use error::{Action, Error};
pub use plan::{Call, FilePart, Polarity, Role, Shape, fit, plan, shapes};
pub use quote::Quote;
pub use reject::RejectKind;
pub use usage::{Bucket, BucketWidth, LineItem, Usage};
