//! Three requests, one death, and what must be true afterwards.

use anyhow::ensure;
use e2e::{Audit, Customer, Loss, Options, Pipeline, Point, Situation};

const JOBS: usize = 3;

/// Lets a service die at `label` and checks every promise.
pub(crate) async fn survives(label: &str) -> anyhow::Result<()> {
    let point = Point::named(label)?;
    let options = match point.situation {
        Situation::Takeover => Options::processes().with_standby(),
        _ => Options::processes(),
    };
    let audit = struck(point, options).await?;
    let lost = usize::from(point.loss == Loss::NotBought);
    let doubted = usize::from(point.loss != Loss::None);
    ensure!(
        (audit.not_bought, audit.bought, audit.doubted) == (lost, 0, doubted),
        "{audit}"
    );
    Ok(())
}

/// The same if the provider cannot reach us: what was bought stays unknown.
pub(crate) async fn survives_unannounced(label: &str) -> anyhow::Result<()> {
    let audit = struck(Point::named(label)?, Options::processes().unannounced()).await?;
    ensure!(
        (audit.not_bought, audit.bought, audit.doubted) == (0, 1, 1),
        "{audit}"
    );
    Ok(())
}

async fn struck(point: Point, options: Options) -> anyhow::Result<Audit> {
    let mut pipeline = Pipeline::start(options).await?;
    let mut customer = Customer::of(&pipeline);
    // Whoever is in the call when the generator dies may be unknown: there it shall be one request
    // alone. Elsewhere several are on their way.
    let at_once = if point.service == "generator" {
        1
    } else {
        JOBS
    };
    point.strike(&mut pipeline, &mut customer, at_once).await?;
    customer.ask(JOBS).await?;

    let audit = Audit::of(&pipeline, &customer).await?;
    audit.passed()?;
    pipeline.stop().await?;
    Ok(audit)
}
