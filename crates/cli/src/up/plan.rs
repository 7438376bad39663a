//! What `up` will run where.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use runtime::Env;

const LOOPBACK: &str = "127.0.0.0/8,::1/128";

/// What `up` will run where.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Where everything is kept.
    pub(crate) data_dir: PathBuf,
    /// Where the gateway listens.
    pub(crate) listen: SocketAddr,
    /// Where our own nats-server listens; none if the user has one.
    pub(crate) nats_listen: Option<SocketAddr>,
    /// Whether the provider is the bundled simulator.
    pub(crate) simulated: bool,
    /// Where the simulator listens: API, images, admin.
    pub(crate) sim_listen: [SocketAddr; 3],
}

impl Plan {
    pub(crate) fn read(env: &Env) -> anyhow::Result<Self> {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let data_dir: PathBuf = env.or("DARKROOM_DATA_DIR", PathBuf::from("darkroom-data"))?;
        let nats_listen = match env.raw("DARKROOM_NATS_URL") {
            Some(_) => None,
            None => Some(env.or("DARKROOM_NATS_LISTEN", local(4222))?),
        };
        Ok(Self {
            data_dir: std::path::absolute(&data_dir).context("DARKROOM_DATA_DIR")?,
            listen: env.or("DARKROOM_LISTEN", local(8080))?,
            nats_listen,
            simulated: env.secret("IDEOGRAM_API_KEY")?.is_none(),
            sim_listen: [
                env.or("DARKROOM_SIM_LISTEN", local(8090))?,
                env.or("DARKROOM_SIM_IMAGES_LISTEN", local(8091))?,
                env.or("DARKROOM_SIM_ADMIN_LISTEN", local(8092))?,
            ],
        })
    }

    /// The name of the provider, as the data folder remembers it.
    pub(crate) const fn provider(&self) -> &'static str {
        if self.simulated {
            "simulator"
        } else {
            "ideogram"
        }
    }

    /// The environment of the services: what the user said, and for the rest what fits together.
    pub(crate) fn complete(&self, env: &Env) -> Env {
        let mut defaults = vec![
            ("DARKROOM_DATA_DIR", self.data_dir.display().to_string()),
            ("DARKROOM_LISTEN", self.listen.to_string()),
            ("DARKROOM_PUBLIC_URL", format!("http://{}", self.listen)),
        ];
        if let Some(listen) = self.nats_listen {
            defaults.push(("DARKROOM_NATS_URL", format!("nats://{listen}")));
        }
        if self.listen.ip().is_loopback() {
            // On a laptop the receiver of callbacks is on the laptop too, and so are the pictures
            // that are handed in, our own among them.
            defaults.extend([
                ("DARKROOM_CALLBACK_ALLOW", LOOPBACK.to_owned()),
                ("DARKROOM_SOURCE_ALLOW", LOOPBACK.to_owned()),
            ]);
        }
        if self.simulated {
            let [api, images, _] = self.sim_listen;
            defaults.extend([
                ("IDEOGRAM_API_KEY", "simulated".to_owned()),
                ("IDEOGRAM_BASE_URL", format!("http://{api}")),
                ("DARKROOM_SIMULATED", "true".to_owned()),
                ("DARKROOM_IMAGE_HOSTS", images.ip().to_string()),
                ("DARKROOM_IMAGE_ALLOW", LOOPBACK.to_owned()),
            ]);
        }
        env.with(
            defaults
                .into_iter()
                .filter(|(name, _)| env.raw(name).is_none()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_key_the_provider_is_simulated() -> anyhow::Result<()> {
        let none: [(&str, &str); 0] = [];
        let env = Env::from_pairs(none);
        let plan = Plan::read(&env)?;
        assert!(plan.simulated);
        let complete = plan.complete(&env);
        assert_eq!(
            complete.raw("IDEOGRAM_BASE_URL").as_deref(),
            Some("http://127.0.0.1:8090")
        );

        let env = Env::from_pairs([("IDEOGRAM_API_KEY", "real")]);
        let plan = Plan::read(&env)?;
        assert!(!plan.simulated);
        assert_eq!(plan.complete(&env).raw("IDEOGRAM_BASE_URL"), None);
        Ok(())
    }

    #[test]
    fn only_what_serves_this_machine_alone_reaches_into_it() -> anyhow::Result<()> {
        for (listen, allowed) in [("127.0.0.1:8080", Some(LOOPBACK)), ("0.0.0.0:8080", None)] {
            let env = Env::from_pairs([("DARKROOM_LISTEN", listen)]);
            let complete = Plan::read(&env)?.complete(&env);
            for name in ["DARKROOM_CALLBACK_ALLOW", "DARKROOM_SOURCE_ALLOW"] {
                assert_eq!(complete.raw(name).as_deref(), allowed, "{name} at {listen}");
            }
        }
        Ok(())
    }

    #[test]
    fn what_the_user_says_wins() -> anyhow::Result<()> {
        let env = Env::from_pairs([
            ("DARKROOM_NATS_URL", "nats://elsewhere:4222"),
            ("DARKROOM_CALLBACK_ALLOW", "10.0.0.0/8"),
        ]);
        let plan = Plan::read(&env)?;
        assert_eq!(plan.nats_listen, None);
        let complete = plan.complete(&env);
        assert_eq!(
            complete.raw("DARKROOM_CALLBACK_ALLOW").as_deref(),
            Some("10.0.0.0/8")
        );
        assert_eq!(
            complete.raw("DARKROOM_NATS_URL").as_deref(),
            Some("nats://elsewhere:4222")
        );
        Ok(())
    }
}
