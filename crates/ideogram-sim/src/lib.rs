//! A faithful stand-in for the Ideogram HTTP API on a port of one's own: the same routes, limits,
//! refusals, prices, links that expire and signed webhooks, and pictures that look like pictures.
//!
//! It never talks to Ideogram and never pretends to be it: every API answer carries the header
//! `x-darkroom-simulator: 1`, every PNG the text chunk `Software: darkroom simulator` and the
//! word SIMULATED across the picture.
//!
//! # Words in a prompt that steer the outcome
//!
//! | word | outcome |
//! | --- | --- |
//! | `[unsafe]` | refused with 422; nothing runs, nothing is billed |
//! | `[withheld]` | completed and billed; the first image has `is_image_safe: false`, `url: null` |
//! | `[fail]` | accepted, then the generation is `failed`; not billed (legacy and v1: 500) |
//!
//! # Three listeners
//!
//! The API, the picture host (as the real one, another host than the API) and an admin port that
//! the real provider does not have: `GET /sim/bill`, `GET /sim/state`,
//! `GET`/`POST`/`DELETE /sim/faults`, `POST /sim/clock/advance`, `POST /sim/keys/rotate`.
//!
//! Only text-to-image generation is simulated. Files and references to stored images are refused
//! by name, never ignored, since ignoring them would change what is drawn and what it costs.

mod account;
mod admin;
mod answer;
mod api;
mod catalogue;
mod clock;
mod config;
mod connection;
mod desk;
mod download;
mod fault;
mod fields;
mod generate;
mod job;
mod journal;
mod keys;
mod legacy;
mod link;
mod multipart;
mod order;
mod picture;
mod poll;
mod price;
mod server;
mod v1;
mod v2;
mod webhook;
mod world;

pub use config::{Check, Config, Latency, Picture, Webhooks};
pub use desk::{Charge, Snapshot};
pub use fault::{Fault, FaultKind};
pub use job::JobStatus;
pub use server::Simulator;
