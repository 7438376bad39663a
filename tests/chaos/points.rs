//! One labelled point, again and again.

use e2e::{Audit, Customer, GENERATORS, Options, Pipeline, Point};

use crate::report::Outcome;

/// More places than deaths: a call in doubt keeps its places for ten minutes, since the provider may
/// be at work on it.
const PLACES: u32 = 10_000;

/// Lets the service die at `point` so many times, and lets everything come to rest in between.
pub(crate) async fn strike(point: Point, kills: usize) -> anyhow::Result<Outcome> {
    let mut options = Options::processes().env("DARKROOM_PROVIDER_LIMIT", PLACES.to_string());
    options.provider.max_in_flight = PLACES;
    options.standby = GENERATORS.contains(&point.service);
    let mut pipeline = Pipeline::start(options).await?;
    let mut customer = Customer::of(&pipeline);
    for _ in 0..kills {
        point.strike(&mut pipeline, &mut customer, 1).await?;
        customer.all_end().await?;
    }
    let audit = Audit::of(&pipeline, &customer).await?;
    pipeline.stop().await?;
    Ok(Outcome { kills, audit })
}
