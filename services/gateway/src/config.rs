//! What the gateway can be told; the only place that knows the names of variables.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use domain::Admission;
use ideogram::Api;
use imaging::Presets;
use runtime::{Env, EnvError};
use storage::Store;
use url::Url;

use crate::keys::Keys;

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// The host of the real provider.
const PROVIDER_HOST: &str = "api.ideogram.ai";
/// What one processor of a laptop does, decoding included.
const CUTS_PER_SECOND: f64 = 20.0;
/// The gateway asks the provider for what is public only, and is given no key to lose.
const NO_KEY: &str = "none";

/// What the gateway is told at start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the bus is.
    pub bus: bus::Config,
    /// Where to listen.
    pub listen: SocketAddr,
    /// How links to us begin; `http://` and the address we listen on if none.
    pub public_url: Option<Url>,
    /// Where the pictures are.
    pub store: Store,
    /// Who may ask; nobody needs a key if there is none.
    pub keys: Keys,
    /// What requests are checked against.
    pub admission: Admission,
    /// The cuts there are.
    pub presets: Presets,
    /// How many cuts to JPEG are made in a second, all processors together; for plans.
    pub cuts_per_second: f64,
    /// Which of the provider's APIs is called.
    pub api: Api,
    /// Where the keys are that the provider signs its webhooks with.
    pub provider: ideogram::Client,
    /// Whether the provider is the simulator; the generator alone knows for sure.
    pub simulated: Option<bool>,
}

impl Config {
    /// Reads `DARKROOM_LISTEN`, `…_PUBLIC_URL`, `…_STORAGE_URL`, `…_DATA_DIR`, `…_API_KEYS`,
    /// `…_PRESETS`, `…_CUTS_PER_SECOND`, `…_SIMULATED`, `IDEOGRAM_API`, `IDEOGRAM_BASE_URL` and what the bus reads.
    ///
    /// # Errors
    ///
    /// A value that makes no sense, by the name of its variable; an address that others reach,
    /// without keys.
    pub fn from_env(env: &Env) -> anyhow::Result<Self> {
        let listen = env.or("DARKROOM_LISTEN", LISTEN)?;
        let keys = match env.secret("DARKROOM_API_KEYS")? {
            Some(list) => list.expose().parse().context("DARKROOM_API_KEYS")?,
            None => Keys::default(),
        };
        crate::listen::refuse_the_open(listen, &keys)?;
        let presets = env.or("DARKROOM_PRESETS", Presets::builtin())?;
        Ok(Self {
            bus: bus::Config::from_env(env, "gateway")?,
            listen,
            public_url: public_url(env)?,
            keys,
            admission: Admission::of(presets.names()),
            presets,
            cuts_per_second: cuts_per_second(env)?,
            api: env.or("IDEOGRAM_API", Api::Auto)?,
            provider: provider(env)?,
            simulated: simulated(env)?,
            // Last, because it makes the folder.
            store: Store::from_env(env).context("DARKROOM_STORAGE_URL")?,
        })
    }
}

fn public_url(env: &Env) -> Result<Option<Url>, EnvError> {
    const NAME: &str = "DARKROOM_PUBLIC_URL";
    let Some(url) = env.optional::<Url>(NAME)? else {
        return Ok(None);
    };
    let fits = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.query().is_none()
        && url.fragment().is_none();
    if fits {
        return Ok(Some(url));
    }
    let why = "expected an http or https URL without query and fragment";
    Err(EnvError::refused(NAME, url.as_str(), why))
}

fn cuts_per_second(env: &Env) -> Result<f64, EnvError> {
    const NAME: &str = "DARKROOM_CUTS_PER_SECOND";
    let rate = env.or(NAME, CUTS_PER_SECOND)?;
    if rate.is_finite() && rate > 0.0 {
        return Ok(rate);
    }
    Err(EnvError::refused(
        NAME,
        &rate.to_string(),
        "expected a number above 0",
    ))
}

fn provider(env: &Env) -> anyhow::Result<ideogram::Client> {
    const NAME: &str = "IDEOGRAM_BASE_URL";
    let base_url = env.or(NAME, format!("https://{PROVIDER_HOST}").parse()?)?;
    let config = ideogram::Config::new(base_url, NO_KEY.to_owned());
    ideogram::Client::new(config).context(NAME)
}

fn simulated(env: &Env) -> Result<Option<bool>, EnvError> {
    if let Some(told) = env.optional("DARKROOM_SIMULATED")? {
        return Ok(Some(told));
    }
    let base = env.optional::<Url>("IDEOGRAM_BASE_URL")?;
    Ok(base.map(|url| url.host_str() != Some(PROVIDER_HOST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> anyhow::Result<Config> {
        let dir = tempfile::tempdir()?;
        let storage = format!("file://{}", dir.path().display());
        let env = Env::from_pairs([("DARKROOM_STORAGE_URL", storage.as_str())]);
        Config::from_env(&env.with(pairs.iter().copied()))
    }

    fn refused(pairs: &[(&str, &str)]) -> String {
        read(pairs).map_or_else(|err| format!("{err:#}"), |_| "accepted".to_owned())
    }

    #[test]
    fn without_keys_only_this_machine_may_ask() {
        let said = refused(&[("DARKROOM_LISTEN", "0.0.0.0:8080")]);
        assert!(said.contains("DARKROOM_API_KEYS"), "{said}");
        assert!(said.contains("0.0.0.0:8080"), "{said}");

        let keys = ("DARKROOM_API_KEYS", "dk_0123456789abcdef0123");
        assert_eq!(
            refused(&[("DARKROOM_LISTEN", "0.0.0.0:8080"), keys]),
            "accepted"
        );
        assert_eq!(refused(&[("DARKROOM_LISTEN", "[::1]:0")]), "accepted");
    }

    #[test]
    fn a_value_that_makes_no_sense_is_refused_by_name() {
        for (name, value) in [
            ("DARKROOM_LISTEN", "8080"),
            ("DARKROOM_PUBLIC_URL", "ftp://pictures.example"),
            ("DARKROOM_PUBLIC_URL", "https://pictures.example/?a=b"),
            ("DARKROOM_PRESETS", "/nowhere/presets.toml"),
            ("DARKROOM_API_KEYS", "secret"),
            ("IDEOGRAM_API", "v9"),
            ("DARKROOM_SIMULATED", "maybe"),
            ("DARKROOM_CUTS_PER_SECOND", "0"),
            ("IDEOGRAM_BASE_URL", "http://api.ideogram.ai"),
            ("DARKROOM_STORAGE_URL", "ftp://pictures"),
        ] {
            let said = refused(&[(name, value)]);
            assert!(said.contains(name), "{name}={value}: {said}");
        }
    }

    #[test]
    fn the_simulator_is_known_by_its_address() -> anyhow::Result<()> {
        let simulator = ("IDEOGRAM_BASE_URL", "http://127.0.0.1:8090");
        let provider = ("IDEOGRAM_BASE_URL", "https://api.ideogram.ai");

        assert_eq!(read(&[])?.simulated, None);
        assert_eq!(read(&[simulator])?.simulated, Some(true));
        assert_eq!(read(&[provider])?.simulated, Some(false));
        assert_eq!(
            read(&[provider, ("DARKROOM_SIMULATED", "true")])?.simulated,
            Some(true)
        );
        Ok(())
    }
}
