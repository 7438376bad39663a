//! `make chaos`: power is cut over and over, and then the bill is counted.
//!
//! First every labelled point of every service, each so many times, the generator's with a stand-by
//! that takes over. Then whoever the dice say, nats-server included, while requests keep coming. One
//! line for each, and a summary; what the services said goes to standard output.

mod points;
mod random;
mod report;

use std::process::ExitCode;

use e2e::POINTS;
use futures::{StreamExt as _, stream};
use runtime::Env;

use report::Report;

/// What may be told by the environment.
#[derive(Debug, Clone, Copy)]
struct Settings {
    /// Deaths at each point: `CHAOS_KILLS`.
    kills: usize,
    /// Requests while the dice roll: `CHAOS_JOBS`.
    jobs: usize,
    /// Where the dice start: `CHAOS_SEED`.
    seed: u64,
    /// Points that are worked on at once, each in a world of its own: `CHAOS_AT_ONCE`.
    at_once: usize,
}

impl Settings {
    fn read() -> anyhow::Result<Self> {
        let env = Env::of_process()?;
        Ok(Self {
            kills: env.or("CHAOS_KILLS", 25)?,
            jobs: env.or("CHAOS_JOBS", 300)?,
            seed: env.or("CHAOS_SEED", fastrand::u64(..))?,
            at_once: env.or("CHAOS_AT_ONCE", 4)?,
        })
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<ExitCode> {
    // Only what is named on the command line, if anything is: a part of a label, or `random`.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part));
    let settings = Settings::read()?;
    let mut report = Report::begin(settings);

    let points = POINTS.into_iter().filter(|point| is_wanted(point.label));
    let mut struck = stream::iter(points)
        .map(async |point| (point.label, points::strike(point, settings.kills).await))
        .buffer_unordered(settings.at_once.max(1));
    while let Some((label, outcome)) = struck.next().await {
        report.line(label, outcome);
    }
    if is_wanted("random") && settings.jobs > 0 {
        report.line("random", random::run(settings.jobs, settings.seed).await);
    }
    Ok(report.end())
}
