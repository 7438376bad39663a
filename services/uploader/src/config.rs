use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::Context as _;
use bus::Policy;
use runtime::{Env, EnvError};
use storage::Store;
use url::Url;

/// Where the provider keeps its pictures.
const HOSTS: [&str; 2] = ["ideogram.ai", "d2gu96o5zk2m7w.cloudfront.net"];
const DOWNLOADS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);
/// Most of a job is waiting, for a place or for the log. The more tell their end at once, the less
/// each of them costs.
const JOBS_PER_DOWNLOAD: usize = 4;
/// For one download, redirects included.
const DOWNLOAD: Duration = Duration::from_secs(60);
const REDIRECTS: usize = 3;
const MIN_FREE: u64 = 1 << 30;
const LOOK: Duration = Duration::from_secs(5);

/// What the service needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bus.
    pub bus: bus::Config,
    /// Where the pictures go.
    pub store: Store,
    /// Where the gateway is seen from outside; `/assets/…` is below it.
    pub public_url: Url,
    /// Where the pictures may come from.
    pub sources: egress::Policy,
    /// How hard to try while links live. `concurrency` bounds the jobs of each consumer.
    pub policy: Policy,
    /// Pictures that are fetched at once, over all jobs.
    pub downloads: usize,
    /// Bytes that must stay free, if the store can tell: with less, nothing more is bought.
    pub min_free: u64,
    /// How often is looked what is not stored yet, and how the store is doing. How much is stored is
    /// measured over twelve looks.
    pub look: Duration,
}

impl Config {
    /// Reads `DARKROOM_STORAGE_URL`, `…_DATA_DIR`, `…_PUBLIC_URL`, `…_IMAGE_HOSTS`, `…_IMAGE_ALLOW`,
    /// `…_UPLOADER_CONCURRENCY`, `…_MIN_FREE_BYTES` and what [`bus::Config`] reads.
    ///
    /// # Errors
    ///
    /// A value that makes no sense, by the name of its variable.
    pub fn from_env(env: &Env) -> anyhow::Result<Self> {
        let downloads = env.or("DARKROOM_UPLOADER_CONCURRENCY", DOWNLOADS)?.get();
        Ok(Self {
            bus: bus::Config::from_env(env, "uploader")?,
            store: Store::from_env(env).context("DARKROOM_STORAGE_URL")?,
            public_url: env.or("DARKROOM_PUBLIC_URL", "http://127.0.0.1:8080".parse()?)?,
            sources: sources(env)?,
            policy: Policy {
                concurrency: JOBS_PER_DOWNLOAD * downloads,
                attempts: 12,
                // Time to wait for a place is in it.
                limit: Duration::from_secs(1800),
                ..Policy::NETWORK
            },
            downloads,
            min_free: env.or("DARKROOM_MIN_FREE_BYTES", MIN_FREE)?,
            look: LOOK,
        })
    }
}

fn sources(env: &Env) -> Result<egress::Policy, EnvError> {
    const ALLOW: &str = "DARKROOM_IMAGE_ALLOW";
    let networks: String = env.or(ALLOW, String::new())?;
    let allow = egress::parse_networks(&networks)
        .map_err(|err| EnvError::refused(ALLOW, &networks, &err.to_string()))?;
    let mut hosts: Vec<String> = env.list("DARKROOM_IMAGE_HOSTS")?;
    if hosts.is_empty() {
        hosts = HOSTS.map(str::to_owned).into();
    }
    Ok(egress::Policy {
        allow,
        hosts: Some(hosts),
        max_redirects: REDIRECTS,
        total_timeout: DOWNLOAD,
        ..egress::Policy::default()
    })
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

    #[test]
    fn without_settings_only_the_providers_hosts_are_asked() -> anyhow::Result<()> {
        let sources = read(&[])?.sources;

        assert_eq!(sources.hosts, Some(HOSTS.map(str::to_owned).into()));
        assert!(sources.allow.is_empty() && sources.https_only);
        Ok(())
    }

    #[test]
    fn a_bad_value_is_refused_by_its_name() {
        for (name, value) in [
            ("DARKROOM_IMAGE_ALLOW", "127.0.0.1/99"),
            ("DARKROOM_UPLOADER_CONCURRENCY", "0"),
            ("DARKROOM_PUBLIC_URL", "here"),
            ("DARKROOM_MIN_FREE_BYTES", "1 GiB"),
            ("DARKROOM_STORAGE_URL", "ftp://pictures"),
        ] {
            let message =
                read(&[(name, value)]).map_or_else(|err| format!("{err:#}"), |_| String::new());
            assert!(message.starts_with(name), "{message}");
        }
    }
}
