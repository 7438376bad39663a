//! The simulated provider, alone or under control.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use ideogram_sim::{Config, Latency, Picture, Simulator};
use runtime::{Env, Telemetry, on_signal};
use serde_json::Value;

use crate::args::{Sim, SimVerb};
use crate::door::Door;

const API: SocketAddr = local(8090);
const IMAGES: SocketAddr = local(8091);
const ADMIN: SocketAddr = local(8092);

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// Reads `DARKROOM_SIM_…`, which `k8s/README.md` lists. With a folder, what was accepted survives a
/// restart.
pub(crate) fn config(env: &Env, folder: Option<&Path>) -> anyhow::Result<Config> {
    let picture = match env.or("DARKROOM_SIM_PICTURE", "full".to_owned())?.as_str() {
        "full" => Picture::Full,
        "tiny" => Picture::Tiny,
        other => bail!("DARKROOM_SIM_PICTURE: expected full or tiny, not `{other}`"),
    };
    Ok(Config {
        api_listen: env.or("DARKROOM_SIM_LISTEN", API)?,
        images_listen: env.or("DARKROOM_SIM_IMAGES_LISTEN", IMAGES)?,
        admin_listen: env.or("DARKROOM_SIM_ADMIN_LISTEN", ADMIN)?,
        images_public_url: env.optional("DARKROOM_SIM_IMAGES_URL")?,
        billing_key: env
            .secret("DARKROOM_SIM_BILLING_KEY")?
            .map(|key| key.expose().to_owned()),
        max_in_flight: env.or("DARKROOM_SIM_LIMIT", 10)?,
        enforce_limit: env.or("DARKROOM_SIM_ENFORCE_LIMIT", true)?,
        poll_limit: env.or("DARKROOM_SIM_POLL_LIMIT", 1_000)?,
        latency: Latency {
            min: env.duration("DARKROOM_SIM_LATENCY_MIN", Duration::from_secs(1))?,
            max: env.duration("DARKROOM_SIM_LATENCY_MAX", Duration::from_secs(3))?,
        },
        link_lifetime: env
            .duration("DARKROOM_SIM_LINK_LIFETIME", Duration::from_secs(24 * 3600))?,
        picture,
        picture_pool: env.optional("DARKROOM_SIM_PICTURE_POOL")?,
        usage_lag: env.duration("DARKROOM_SIM_USAGE_LAG", Duration::ZERO)?,
        allow_loopback_webhooks: env.or("DARKROOM_SIM_ALLOW_LOOPBACK_WEBHOOKS", false)?,
        journal: folder.map(|folder| folder.join("simulator.journal")),
        ..Config::default()
    })
}

/// Runs the simulator until a signal.
pub(crate) async fn serve(env: &Env) -> anyhow::Result<()> {
    let telemetry = Telemetry::init("simulator", env)?;
    let shutdown = on_signal()?;
    let simulator = Simulator::start(config(env, None)?)
        .await
        .context("cannot start")?;
    tracing::info!(
        api = simulator.api_url(),
        images = simulator.images_url(),
        "simulator is up"
    );
    shutdown.cancelled().await;
    simulator.stop().await;
    telemetry.shutdown().await;
    Ok(())
}

/// Talks to the admin port of a simulator that runs.
pub(crate) async fn control(env: &Env, args: Sim) -> anyhow::Result<()> {
    let door = Door::simulator(env)?;
    let answer = match args.verb {
        None => return Ok(()),
        Some(SimVerb::Bill) => door.get("/sim/bill", &[]).await?,
        Some(SimVerb::State) => door.get("/sim/state", &[]).await?,
        Some(SimVerb::Fault { clear: true, .. }) => door.delete("/sim/faults").await?,
        Some(SimVerb::Fault { fault: None, .. }) => door.get("/sim/faults", &[]).await?,
        Some(SimVerb::Fault {
            fault: Some(fault), ..
        }) => {
            let fault: Value = serde_json::from_str(&fault).context("the fault is not JSON")?;
            door.post("/sim/faults", &fault, None).await?
        }
    };
    println!("{}", serde_json::to_string_pretty(&answer)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_as_it_is_told_to_be() -> anyhow::Result<()> {
        let usual = config(&Env::default(), None)?;
        assert!(usual.enforce_limit && !usual.allow_loopback_webhooks);
        assert_eq!((usual.billing_key, usual.usage_lag), (None, Duration::ZERO));

        let told = config(
            &Env::from_pairs([
                ("DARKROOM_SIM_ENFORCE_LIMIT", "false"),
                ("DARKROOM_SIM_BILLING_KEY", "treasurer"),
                ("DARKROOM_SIM_USAGE_LAG", "3m"),
                ("DARKROOM_SIM_ALLOW_LOOPBACK_WEBHOOKS", "true"),
            ]),
            None,
        )?;
        assert!(!told.enforce_limit && told.allow_loopback_webhooks);
        assert_eq!(told.billing_key.as_deref(), Some("treasurer"));
        assert_eq!(told.usage_lag, Duration::from_secs(180));
        Ok(())
    }

    #[test]
    fn a_setting_that_makes_no_sense_is_refused_by_name() {
        for (name, value) in [
            ("DARKROOM_SIM_ENFORCE_LIMIT", "sometimes"),
            ("DARKROOM_SIM_USAGE_LAG", "late"),
            ("DARKROOM_SIM_PICTURE", "huge"),
        ] {
            let said = config(&Env::from_pairs([(name, value)]), None)
                .map_or_else(|err| format!("{err:#}"), |_| "accepted".to_owned());
            assert!(said.contains(name), "{name}={value}: {said}");
        }
    }
}
