//! The historian beside a real nats-server and on a real database file.

mod answering;
mod recording;
mod world;
