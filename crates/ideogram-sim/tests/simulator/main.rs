//! The simulator as its clients meet it: over HTTP, on loopback.

mod faults;
mod generate;
mod harness;
mod inputs;
mod limits;
mod pictures;
mod restart;
mod webhooks;
