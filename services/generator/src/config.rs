use std::time::Duration;

use anyhow::{Context, bail};
use bus::{LeaseConfig, Policy};
use domain::Admission;
use ideogram::Api;
use runtime::Env;
use url::Url;

/// The host of the real provider.
const PROVIDER_HOST: &str = "api.ideogram.ai";
/// Attempts at a call that is refused without being billed, as the seed has them.
const ATTEMPTS: u32 = 3;

/// What the generator needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bus.
    pub bus: bus::Config,
    /// Where the provider is and who we are there.
    pub provider: ideogram::Config,
    /// Which of its APIs to use.
    pub api: Api,
    /// Whether it is the bundled simulator.
    pub simulated: bool,
    /// The account's name in the books.
    pub account: String,
    /// Images in progress at once, which the provider counts by account.
    pub limit: u32,
    /// Polls a second, over ten seconds; the provider allows 100.
    pub polls_per_second: u32,
    /// How long a link lives if it does not say so itself: v2, and the older APIs.
    pub link_ttl: (Duration, Duration),
    /// How the right to dispatch is held.
    pub lease: LeaseConfig,
    /// What requests are checked against.
    pub admission: Admission,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// The variable that is missing or makes no sense.
    pub fn from_env(env: &Env) -> anyhow::Result<Self> {
        let context = "invalid configuration";
        let default = Url::parse("https://api.ideogram.ai")?;
        let base_url: Url = env.or("IDEOGRAM_BASE_URL", default).context(context)?;
        let simulated = base_url.host_str() != Some(PROVIDER_HOST);
        let Some(key) = env.secret("IDEOGRAM_API_KEY").context(context)? else {
            bail!("{context}: IDEOGRAM_API_KEY is not set; get a key from your Ideogram account");
        };
        let ttl = |hours: u64| Duration::from_secs(hours * 3600);
        let limit = env.or("DARKROOM_PROVIDER_LIMIT", 10).context(context)?;
        let polls_per_second = env.or("DARKROOM_PROVIDER_POLLS_PER_SECOND", 80).context(context)?;
        if limit == 0 || polls_per_second == 0 {
            bail!("{context}: DARKROOM_PROVIDER_LIMIT and …_POLLS_PER_SECOND must be at least 1");
        }
        Ok(Self {
            bus: bus::Config::from_env(env, "generator").context(context)?,
            provider: ideogram::Config::new(base_url, key.expose().to_owned()),
            api: env.or("IDEOGRAM_API", Api::Auto).context(context)?,
            simulated: env.or("DARKROOM_SIMULATED", simulated).context(context)?,
            account: "ideogram".to_owned(),
            limit,
            polls_per_second,
            link_ttl: (
                env.duration("IDEOGRAM_LINK_TTL", ttl(24)).context(context)?,
                env.duration("IDEOGRAM_LINK_TTL", ttl(1)).context(context)?,
            ),
            lease: LeaseConfig::default(),
            admission: admission(env)?,
        })
    }

    pub(crate) const fn admit_policy(&self) -> Policy {
        Policy { concurrency: 32, ..Policy::NETWORK }
    }

    /// Handles as many at once as there are places. An attempt lasts until the provider's job ends,
    /// also when that takes a long time.
    pub(crate) const fn generate_policy(&self) -> Policy {
        Policy {
            concurrency: self.limit as usize,
            attempts: ATTEMPTS,
            limit: Duration::from_secs(30 * 60),
            ..Policy::NETWORK
        }
    }
}

fn admission(env: &Env) -> anyhow::Result<Admission> {
    let presets = match env.raw("DARKROOM_PRESETS") {
        None => imaging::Presets::builtin(),
        Some(path) => {
            let unread = || format!("cannot read DARKROOM_PRESETS ({path})");
            let text = std::fs::read_to_string(&path).with_context(unread)?;
            imaging::Presets::parse(&text).with_context(|| format!("invalid presets in {path}"))?
        }
    };
    Ok(Admission::of(presets.names()))
}
