//! `JetStream`, and everything that is done with it: the streams in one declaration, publishing, the
//! ledger, the worker runtime, timers, dead letters, leases, questions and answers. The only crate
//! that knows NATS; it knows nothing of what the work is.
#![warn(missing_docs)]

mod announce;
mod ask;
mod backlog;
mod chronicle;
mod chronicler;
mod clock;
mod committer;
mod connection;
mod dead;
mod error;
mod follow;
mod handler;
mod incoming;
mod lease;
mod ledger;
mod metrics;
mod news;
mod open;
mod policy;
mod publish;
mod pull;
mod settings;
mod stage;
mod story;
mod subscription;
mod tail;
mod topology;
/// Trace context in and out of NATS headers.
pub mod trace;
mod trial;
mod worker;

pub use ask::{Answer, Refusal};
pub use backlog::{Backlog, Waits};
pub use chronicle::{Chronicle, Position};
pub use chronicler::Chronicler;
pub use connection::{Bus, Config};
pub use dead::{DeadFilter, DeadLetter};
pub use error::{Error, Source};
pub use follow::{Followed, Unreadable};
pub use handler::{Delivery, Emit, Expect, Fault, Glance, Handler, Lost, Step, Wait};
pub use incoming::{Inbound, Raw, Requested};
pub use lease::{Lease, LeaseConfig};
pub use ledger::{Entry, Ledger, Page};
pub use policy::Policy;
pub use publish::NewRequest;
pub use settings::{Setting, Watched};
pub use stage::Stage;
pub use topology::{Topology, drift, provision};
pub use worker::Worker;
