//! Between `domain` and the schema: outwards cannot fail, inwards is validation.

mod event;
mod generation;
mod image;
mod job;
