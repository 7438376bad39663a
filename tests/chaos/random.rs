//! Whoever the dice say, every two seconds or so, while requests keep coming.

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::{Audit, Broker, Customer, GENERATORS, Options, Pipeline, SERVICES, STANDBY};
use fastrand::Rng;
use ideogram_sim::Latency;
use rustix::process::Signal;
use tokio::time::sleep;

use crate::report::Outcome;

/// As quick as Ideogram's quickest models, so that somebody is always in the middle of something.
const AT_WORK: Latency = Latency {
    min: Duration::from_millis(500),
    max: Duration::from_secs(3),
};
/// Longer than a lease lasts.
const SLEEP: Duration = Duration::from_secs(8);
/// Between two strikes, in milliseconds.
const PAUSE: std::ops::Range<u64> = 1_000..3_000;
/// One strike in so many stops a generator for a while and does not kill.
const SLEEPERS: u32 = 12;
/// An end to the strikes, however slowly the requests come through: so many for each.
const MOST: usize = 2;

/// Serves `jobs` requests under fire.
pub(crate) async fn run(jobs: usize, seed: u64) -> anyhow::Result<Outcome> {
    let mut options = Options::processes().with_standby();
    options.provider.latency = AT_WORK;
    let mut pipeline = Pipeline::start(options).await?;
    let mut customer = Customer::of(&pipeline);
    let broker = pipeline.broker.clone();
    let mut rng = Rng::with_seed(seed);

    let mut kills = 0;
    let asking = async {
        let asked = customer.ask(jobs).await;
        asked.map(|()| customer)
    };
    let striking = async {
        while kills < MOST * jobs && ended(&broker).await < jobs {
            sleep(Duration::from_millis(rng.u64(PAUSE))).await;
            strike(&mut pipeline, &mut rng).await?;
            kills += 1;
        }
        anyhow::Ok(())
    };
    let (customer, ()) = tokio::try_join!(asking, striking)?;
    let audit = Audit::of(&pipeline, &customer).await?;
    pipeline.stop().await?;
    Ok(Outcome { kills, audit })
}

async fn strike(pipeline: &mut Pipeline, rng: &mut Rng) -> anyhow::Result<()> {
    if rng.u32(..SLEEPERS) == 0 {
        let name = GENERATORS[rng.usize(..GENERATORS.len())];
        pipeline.processes()?.signal(name, Signal::STOP)?;
        sleep(SLEEP).await;
        return pipeline.processes()?.signal(name, Signal::CONT);
    }
    let targets = SERVICES.into_iter().chain([STANDBY]).map(Some);
    let targets: Vec<Option<&'static str>> = targets.chain([None]).collect();
    match targets[rng.usize(..targets.len())] {
        Some(name) => pipeline.processes()?.start_again(name).await,
        None => {
            pipeline.nats.kill().await?;
            pipeline.nats.restart().await
        }
    }
}

/// How many requests have an end, or are unknown. None while the server is away.
async fn ended(broker: &Broker) -> usize {
    let subjects = broker.subjects("EVENTS").await.unwrap_or_default();
    let ended = subjects.iter().filter_map(|subject| {
        let (name, id) = subject.strip_prefix("generation.")?.split_once('.')?;
        matches!(name, "completed" | "failed" | "unknown").then_some(id)
    });
    ended.collect::<BTreeSet<_>>().len()
}
