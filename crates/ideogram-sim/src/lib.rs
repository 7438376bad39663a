//! A faithful stand-in for the Ideogram HTTP API on a port of one's own: the same routes, limits,
//! refusals, prices, links that expire and signed webhooks, and pictures that look like pictures.
//!
//! It never talks to Ideogram and never pretends to be it: every API answer carries the header
//! `x-darkroom-simulator: 1`, every PNG the text chunk `Software: darkroom simulator` and,
//! across what is new in the picture, the word SIMULATED.
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
//! `GET`/`PATCH /sim/settings`, `GET`/`POST`/`DELETE /sim/faults`, `POST /sim/clock/advance`,
//! `POST /sim/keys/rotate`.
//!
//! # What is simulated
//!
//! The image routes of v2, the 3.0 routes of v1 and the legacy routes, with files and masks; every
//! one is a row of the catalogue. What is made from a picture shows that picture, and where a mask
//! says what changes, nothing else does. Without a journal the last 256 MB of such sources are
//! remembered; a picture whose source is forgotten is gone.
//!
//! Videos, vector graphics, tools, layers, datasets, training and collections are not simulated:
//! their paths and names are unknown here.

mod account;
mod admin;
mod answer;
mod api;
mod body;
mod catalogue;
mod clock;
mod config;
mod connection;
mod describe;
mod desk;
mod download;
mod fault;
mod inputs;
mod job;
mod journal;
mod keys;
mod link;
mod order;
mod picture;
mod places;
mod poll;
mod schema;
mod server;
mod settings;
mod shape;
mod sources;
mod submit;
mod webhook;
mod world;

pub use config::{Check, Config, Latency, Picture, Webhooks};
pub use desk::{Charge, Snapshot};
pub use fault::{Fault, FaultKind};
pub use job::JobStatus;
pub use server::Simulator;
pub use settings::Settings;
