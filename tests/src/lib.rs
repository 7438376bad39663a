//! The whole of Darkroom for one test: a nats-server, the provider simulator, a customer, and all
//! six services, in the test's own process or as processes of their own.
//!
//! Everything is real and on loopback, on ports the kernel picks, and ends with the test.
#![warn(missing_docs)]

mod audit;
mod broker;
mod customer;
mod desk;
mod options;
mod pipeline;
mod points;
mod processes;
mod tasks;

pub use audit::Audit;
pub use broker::{Broker, News, Stored};
pub use customer::Customer;
pub use desk::Desk;
pub use options::{Options, Services};
pub use pipeline::Pipeline;
pub use points::{Loss, POINTS, Point, Situation};
pub use processes::Processes;

use std::time::Duration;

/// How long a test waits for anything. Nothing here takes a tenth of it on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The services, in reverse of the way of an image: whoever is to react is there first.
pub const SERVICES: [&str; 6] = [
    "historian",
    "notifier",
    "post-processor",
    "uploader",
    "generator",
    "gateway",
];

/// The name of the second generator, where there is one.
pub const STANDBY: &str = "stand-by";

/// The replicas of the service of which one at a time spends money.
pub const GENERATORS: [&str; 2] = ["generator", STANDBY];
