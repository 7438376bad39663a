use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use bus::{LeaseConfig, Policy};
use domain::{Admission, InvalidValue};
use ideogram::{Api, Call};
use runtime::{Env, EnvError};
use storage::Store;
use url::Url;

use crate::attempt::Grant;

/// The host of the real provider.
const PROVIDER_HOST: &str = "api.ideogram.ai";
/// Attempts at a call that is refused without being billed, as the seed has them.
const ATTEMPTS: u32 = 3;

/// How long the generator may take to stop.
///
/// For a call that is answered with images and was sent just before, with 50 MB of files, and 15 s to
/// write down what came of it. It takes so long only if there is such a call.
pub const GRACE: Duration = Duration::from_secs(345);

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
    /// Images in progress at once, which the provider counts by account, until it says otherwise.
    pub limit: u32,
    /// The most that the limit may be learnt to be; what the provider says, if none.
    pub most: Option<u32>,
    /// Polls a second, over ten seconds; the provider allows 100.
    pub polls_per_second: u32,
    /// How long a link lives if it does not say so itself: v2, and the older APIs.
    pub link_ttl: (Duration, Duration),
    /// How the right to dispatch is held.
    pub lease: LeaseConfig,
    /// How often a call is tried that cannot be sent; at least 1.
    pub attempts: u32,
    /// Where the provider reaches our gateway, if it can.
    pub webhooks: Option<Url>,
    /// Where pictures that are handed in are kept.
    pub store: Store,
    /// Where they may be fetched from.
    pub sources: egress::Policy,
    /// How long things are left alone.
    pub pauses: Pauses,
    /// How long the provider may be at work on a call in doubt, and how long after an hour its bill is
    /// believed to be whole: it lags by minutes.
    pub bill_safety: Duration,
    /// What requests are checked against.
    pub admission: Admission,
    /// The cuts there are.
    pub presets: imaging::Presets,
}

/// How long things are left alone.
#[derive(Debug, Clone, Copy)]
pub struct Pauses {
    /// A call that could not be sent; doubles with every failure.
    pub retry: Duration,
    /// An account that cannot serve: out of funds, a bad key. Doubles with every probe.
    pub account: Duration,
    /// An account whose places are taken, by others than us.
    pub places: Duration,
    /// The places of a call without an answer: the provider may be at work on it.
    pub quarantine: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            retry: Duration::from_secs(2),
            account: Duration::from_secs(30),
            places: Duration::from_secs(2),
            quarantine: Duration::from_secs(600),
        }
    }
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
        let organization_key = env.secret("IDEOGRAM_ORGANIZATION_KEY").context(context)?;
        let provider = ideogram::Config {
            organization_key: organization_key.map(|key| key.expose().to_owned()),
            ..ideogram::Config::new(base_url, key.expose().to_owned())
        };
        let ttl = |hours: u64| Duration::from_secs(hours * 3600);
        let limit = env.or("DARKROOM_PROVIDER_LIMIT", 10u32).context(context)?;
        let polls_per_second = env
            .or("DARKROOM_PROVIDER_POLLS_PER_SECOND", 80)
            .context(context)?;
        if limit == 0 || polls_per_second == 0 {
            bail!("{context}: DARKROOM_PROVIDER_LIMIT and …_POLLS_PER_SECOND must be at least 1");
        }
        let presets = env
            .or("DARKROOM_PRESETS", imaging::Presets::builtin())
            .context(context)?;
        Ok(Self {
            bus: bus::Config::from_env(env, "generator").context(context)?,
            provider,
            api: env.or("IDEOGRAM_API", Api::Auto).context(context)?,
            simulated: env.or("DARKROOM_SIMULATED", simulated).context(context)?,
            account: "ideogram".to_owned(),
            limit,
            polls_per_second,
            link_ttl: (
                env.duration("IDEOGRAM_LINK_TTL", ttl(24))
                    .context(context)?,
                env.duration("IDEOGRAM_LINK_TTL", ttl(1)).context(context)?,
            ),
            lease: LeaseConfig::default(),
            attempts: ATTEMPTS,
            most: env
                .optional("DARKROOM_PROVIDER_LIMIT_MOST")
                .context(context)?,
            webhooks: webhooks(env).context(context)?,
            store: Store::from_env(env).context("DARKROOM_STORAGE_URL")?,
            sources: sources(env).context(context)?,
            pauses: Pauses::default(),
            bill_safety: bill_safety(env).context(context)?,
            admission: Admission::of(presets.names()),
            presets,
        })
    }

    pub(crate) const fn admit_policy(&self) -> Policy {
        Policy {
            concurrency: 32,
            // Pictures that are handed in are fetched meanwhile.
            limit: Duration::from_secs(180),
            ..Policy::NETWORK
        }
    }

    pub(crate) const fn wake_policy(&self) -> Policy {
        Policy {
            concurrency: 32,
            ..Policy::NETWORK
        }
    }

    /// The call, with the address at which its attempt alone is told of its end.
    pub(crate) fn with_webhook(&self, call: Call, grant: &Grant) -> Call {
        let Some(base) = &self.webhooks else {
            return call;
        };
        let path = format!("webhooks/ideogram/{}-{}", grant.id, grant.token);
        match base.join(&path) {
            Ok(url) => call.with_webhook(&url),
            Err(_) => call,
        }
    }
}

/// Whether the provider tells us of the end of a generation, besides being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Webhooks {
    /// If the gateway has a public https address, which is what the provider wants.
    Auto,
    On,
    Off,
}

impl FromStr for Webhooks {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "auto" => Ok(Self::Auto),
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err(InvalidValue::new("one of auto on off")),
        }
    }
}

/// Where the provider reaches the gateway, if it does.
fn webhooks(env: &Env) -> anyhow::Result<Option<Url>> {
    let wish = env.or("DARKROOM_PROVIDER_WEBHOOKS", Webhooks::Auto)?;
    let Some(mut url) = env.optional::<Url>("DARKROOM_PUBLIC_URL")? else {
        return Ok(None);
    };
    let is_wanted = match wish {
        Webhooks::Auto => url.scheme() == "https",
        Webhooks::On => true,
        Webhooks::Off => false,
    };
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(is_wanted.then_some(url))
}

/// How long the bill is waited for.
fn bill_safety(env: &Env) -> anyhow::Result<Duration> {
    const NAME: &str = "DARKROOM_PROVIDER_BILL_SAFETY";
    const HOUR: Duration = Duration::from_secs(3_600);
    let safety = env.duration(NAME, 2 * HOUR)?;
    if safety < HOUR {
        bail!("{NAME} must be at least 1h: what the bill has not yet would be bought again");
    }
    Ok(safety)
}

fn sources(env: &Env) -> anyhow::Result<egress::Policy> {
    const ALLOW: &str = "DARKROOM_SOURCE_ALLOW";
    let networks: String = env.or(ALLOW, String::new())?;
    let allow = egress::parse_networks(&networks)
        .map_err(|err| EnvError::refused(ALLOW, &networks, &err.to_string()))?;
    Ok(egress::Policy {
        allow,
        https_only: false,
        max_redirects: 3,
        total_timeout: Duration::from_secs(60),
        ..egress::Policy::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_stops_has_time_for_the_longest_call() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let store = format!("file://{}", folder.path().display());
        let env = Env::from_pairs([
            ("DARKROOM_STORAGE_URL", store.as_str()),
            ("DARKROOM_NATS_URL", "nats://nats:4222"),
            ("IDEOGRAM_API_KEY", "test-key"),
        ]);
        let provider = Config::from_env(&env)?.provider;
        let longest = provider.sync_timeout.max(provider.submit_timeout);
        // A second for each megabyte of a picture and its mask, and some to write down the answer.
        let needed = longest + Duration::from_secs(50) + Duration::from_secs(15);
        assert!(GRACE >= needed, "{GRACE:?} for {needed:?}");
        Ok(())
    }
}
