use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Context as _;
use bus::Policy;
use imaging::Presets;
use runtime::Env;
use storage::Store;
use url::Url;

/// What the service needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bus.
    pub bus: bus::Config,
    /// Where the pictures are, and where the cuts go.
    pub store: Store,
    /// Where the gateway is seen from outside; `/assets/…` is below it.
    pub public_url: Url,
    /// The sizes that are known by name.
    pub presets: Presets,
    /// Pictures that are in memory, and worked on, at once.
    pub pictures: usize,
    /// How hard to try.
    pub policy: Policy,
}

impl Config {
    /// Reads `DARKROOM_STORAGE_URL`, `…_DATA_DIR`, `…_PUBLIC_URL`, `…_PRESETS` (TOML; a file's path
    /// in `…_PRESETS_FILE`), `…_POST_PROCESSOR_CONCURRENCY` (pictures cut at once, as many as there are processors)
    /// and what [`bus::Config`] reads.
    ///
    /// # Errors
    ///
    /// A value that makes no sense, by the name of its variable.
    pub fn from_env(env: &Env) -> anyhow::Result<Self> {
        let processors = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let pictures = env
            .or("DARKROOM_POST_PROCESSOR_CONCURRENCY", processors)?
            .get();
        Ok(Self {
            bus: bus::Config::from_env(env, "post-processor")?,
            store: Store::from_env(env).context("DARKROOM_STORAGE_URL")?,
            public_url: env.or("DARKROOM_PUBLIC_URL", "http://127.0.0.1:8080".parse()?)?,
            presets: env.or("DARKROOM_PRESETS", Presets::builtin())?,
            pictures,
            // More generations than pictures at once: those without presets need no picture, and the
            // more tell their end at once, the less each of them costs. What waits for a picture's
            // place holds none. The original is safe, so there is time to sit out a store that is away.
            policy: Policy {
                concurrency: 16 * pictures.max(2),
                attempts: 12,
                limit: Duration::from_secs(600),
                ..Policy::NETWORK
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folder: &std::path::Path, presets: Option<&str>) -> anyhow::Result<Config> {
        let env = Env::from_pairs([("DARKROOM_DATA_DIR", folder.display().to_string())]);
        let Some(presets) = presets else {
            return Config::from_env(&env);
        };
        let path = folder.join("presets.toml");
        std::fs::write(&path, presets)?;
        Config::from_env(&env.with([("DARKROOM_PRESETS_FILE", path.display().to_string())]))
    }

    #[test]
    fn presets_are_built_in_or_from_a_file() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        assert!(read(folder.path(), None)?.presets.get("og-image").is_some());

        let own = "[card]\nwidth = 85\nheight = 54\nfit = \"cover\"\nformat = \"png\"\n";
        let presets = read(folder.path(), Some(own))?.presets;
        assert_eq!(presets.names().collect::<Vec<_>>(), ["card"]);
        Ok(())
    }

    #[test]
    fn a_bad_preset_stops_the_start_and_is_named() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let bad = "[card]\nwidth = 0\nheight = 54\nfit = \"cover\"\nformat = \"png\"\n";

        let said =
            read(folder.path(), Some(bad)).map_or_else(|err| format!("{err:#}"), |_| String::new());
        assert!(said.starts_with("DARKROOM_PRESETS: "), "{said}");
        assert!(said.contains("preset `card`: `width`"), "{said}");
        Ok(())
    }
}
