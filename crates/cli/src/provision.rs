//! Making the streams: a Job in Kubernetes, a step of `up` elsewhere.

use bus::{Bus, Config};
use runtime::Env;

use crate::args::Provision;

pub(crate) async fn run(env: &Env, args: &Provision) -> anyhow::Result<()> {
    let bus = Bus::connect(&Config::from_env(env, "provision")?).await?;
    bus::provision(&bus, args.replicas).await?;
    bus.close().await;
    println!("streams, consumers and buckets are as declared");
    Ok(())
}
