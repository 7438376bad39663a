//! Between `domain` and the schema: outwards cannot fail, inwards is validation.

mod account;
mod asset;
mod event;
mod generation;
mod image;
mod inputs;
mod job;
