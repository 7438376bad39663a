//! The simulator as its clients meet it: over HTTP, on loopback.

mod account;
mod describe;
mod edits;
mod faults;
mod generate;
mod harness;
mod inputs;
mod limits;
mod pictures;
mod restart;
mod routes;
mod uploads;
mod webhooks;
