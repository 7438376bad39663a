//! Between `domain` and the schema: outwards cannot fail, inwards is validation.

mod account;
mod event;
mod generation;
mod image;
mod inputs;
mod job;
