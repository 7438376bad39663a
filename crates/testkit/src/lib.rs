//! Real peers for tests: a NATS server, an S3 server, a receiver of webhooks, our own programs, sample images.
//!
//! Everything listens on loopback, on ports the kernel picks, and ends with the test that started
//! it, whether the test passes, fails or is killed.

mod image;
mod nats;
mod process;
mod receiver;
mod s3;
mod wait;

pub use image::png;
pub use nats::NatsServer;
pub use process::{Process, binary, free_port};
pub use receiver::{Received, Receiver};
pub use s3::S3Server;
pub use wait::{wait_for, wait_until};
