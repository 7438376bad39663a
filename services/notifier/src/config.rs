use std::num::NonZeroUsize;
use std::time::Duration;

use bus::Policy;
use runtime::{Env, EnvError};
use url::Url;
use webhooks::RetrySchedule;

/// A receiver may take all of its time, so many are told at once.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// What the service needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bus.
    pub bus: bus::Config,
    /// Whom callbacks may reach, and how long one may take.
    pub receivers: egress::Policy,
    /// Who is told of what concerns the whole; nobody if none. May hold a secret.
    pub operator: Option<Url>,
    /// How much is done at once. When a receiver is tried again is none of its business.
    pub policy: Policy,
}

impl Config {
    /// Reads `DARKROOM_CALLBACK_ALLOW` (networks that callbacks may reach though they are not public,
    /// by http too), `…_OPERATOR_WEBHOOK`, `…_NOTIFIER_CONCURRENCY` and what [`bus::Config`] reads.
    ///
    /// # Errors
    ///
    /// A value that makes no sense, by the name of its variable.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        const ALLOW: &str = "DARKROOM_CALLBACK_ALLOW";
        let networks: String = env.or(ALLOW, String::new())?;
        let allow = egress::parse_networks(&networks)
            .map_err(|err| EnvError::refused(ALLOW, &networks, &err.to_string()))?;
        let concurrency = env.or("DARKROOM_NOTIFIER_CONCURRENCY", CONCURRENCY)?.get();
        Ok(Self {
            bus: bus::Config::from_env(env, "notifier")?,
            receivers: egress::Policy {
                allow,
                ..egress::Policy::default()
            },
            operator: operator(env)?,
            policy: Self::policy(concurrency),
        })
    }

    /// As many attempts as the schedule of webhooks has.
    #[must_use]
    pub fn policy(concurrency: usize) -> Policy {
        Policy {
            concurrency,
            attempts: RetrySchedule::STANDARD
                .attempts()
                .try_into()
                .unwrap_or(u32::MAX),
            limit: Duration::from_secs(60),
            ..Policy::NETWORK
        }
    }
}

/// Kept out of errors: its path may be all that keeps others from writing there.
fn operator(env: &Env) -> Result<Option<Url>, EnvError> {
    const WEBHOOK: &str = "DARKROOM_OPERATOR_WEBHOOK";
    let Some(url) = env.secret(WEBHOOK)? else {
        return Ok(None);
    };
    let parsed = url.expose().parse();
    parsed.map(Some).map_err(|err: url::ParseError| {
        let why = format!("{err}: expected a URL such as https://ops.example/darkroom");
        EnvError::refused(WEBHOOK, "…", &why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_only_public_https_receivers_are_told() -> anyhow::Result<()> {
        let config = Config::from_env(&Env::default())?;

        assert!(config.receivers.allow.is_empty() && config.receivers.https_only);
        assert_eq!((config.receivers.max_redirects, config.operator), (0, None));
        assert_eq!(config.policy.attempts, 10);
        Ok(())
    }

    #[test]
    fn a_bad_network_is_refused_by_the_name_of_its_variable() {
        let env = Env::from_pairs([("DARKROOM_CALLBACK_ALLOW", "127.0.0.1, intranet")]);

        let said = Config::from_env(&env).map_or_else(|err| err.to_string(), |_| String::new());
        assert!(said.starts_with("DARKROOM_CALLBACK_ALLOW"), "{said}");
        assert!(said.contains("`intranet` is not a network"), "{said}");
    }

    #[test]
    fn the_operators_url_is_not_shown_in_errors() {
        let env = Env::from_pairs([("DARKROOM_OPERATOR_WEBHOOK", "ops.example/s3cret")]);

        let said = Config::from_env(&env).map_or_else(|err| err.to_string(), |_| String::new());
        assert!(said.starts_with("DARKROOM_OPERATOR_WEBHOOK"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}
