//! What the bus promises, against real nats-server processes that are killed, restarted and
//! changed behind its back.

mod ask;
mod backlog;
mod chronicle;
mod dead;
mod events;
mod expectations;
mod follow;
mod lease;
mod outages;
mod outcomes;
mod plain;
mod postponed;
mod settings;
mod story;
mod topology;
mod world;
