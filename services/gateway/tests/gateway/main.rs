//! A gateway on a real nats-server, and mostly nothing else: what is asked is found at the door.

mod account;
mod announcements;
mod assets;
mod budgets;
mod decisions;
mod derivations;
mod desk;
mod downloads;
mod history;
mod keys;
mod news;
mod plans;
mod process;
mod refusals;
mod requests;
mod retries;
mod routes;
mod spend;
mod waiting;
