//! Buckets: what goes over the wire to each cloud, and what becomes of each answer.
//!
//! S3 is tried out on a real server too, here and in `conformance.rs`. Google Cloud Storage and Azure
//! are not: nothing real of them runs on a test machine, so for these only what we ask is checked,
//! against what their documentation says, and that the answers it names are understood.

mod answers;
mod real;
mod stand_in;
mod wire;

use storage::Key;

fn key() -> anyhow::Result<Key> {
    Ok(Key::parse("generated/gen_1/0-9f86d081884c.png")?)
}
