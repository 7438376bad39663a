//! What Darkroom promises to the people outside, one test a promise.

mod bad_input;
mod callbacks;
mod customer;
mod door;
mod duplicates;
mod endings;
mod failures;
mod feasibility;
mod http;
mod money;
mod nats;
mod operations;
mod outage;
mod recut;
mod removal;
mod restarts;
mod trace;
