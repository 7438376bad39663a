//! A gateway on a real nats-server, and mostly nothing else: what is asked is found at the door.

mod assets;
mod desk;
mod history;
mod keys;
mod news;
mod process;
mod refusals;
mod requests;
mod routes;
mod waiting;
