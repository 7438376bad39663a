use std::time::Duration;

use ideogram_sim::{Latency, Picture};

/// Where the services run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Services {
    /// In the test's process: quick to start, and a failure shows at once.
    InProcess,
    /// As the programs that are shipped.
    Processes,
}

/// What a pipeline is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the services run.
    pub services: Services,
    /// Whether a second generator stands by; only of processes.
    pub standby: bool,
    /// Whether the provider is told where to announce what is done.
    pub announced: bool,
    /// How the provider behaves.
    pub provider: ideogram_sim::Config,
    /// Variables over those that the pipeline sets itself.
    pub envs: Vec<(&'static str, String)>,
    /// Lines at the end of nats-server's configuration.
    pub nats: &'static str,
}

impl Default for Options {
    /// In one process, with an instant provider of tiny pictures that announces them.
    fn default() -> Self {
        Self {
            services: Services::InProcess,
            standby: false,
            announced: true,
            provider: ideogram_sim::Config {
                picture: Picture::Tiny,
                allow_loopback_webhooks: true,
                ..ideogram_sim::Config::default()
            },
            envs: Vec::new(),
            nats: "",
        }
    }
}

impl Options {
    /// With the services as processes of their own.
    #[must_use]
    pub fn processes() -> Self {
        Self {
            services: Services::Processes,
            ..Self::default()
        }
    }

    /// With a second generator that stands by.
    #[must_use]
    pub const fn with_standby(mut self) -> Self {
        self.standby = true;
        self
    }

    /// With a provider that is not told where to announce what is done.
    #[must_use]
    pub const fn unannounced(mut self) -> Self {
        self.announced = false;
        self
    }

    /// With pictures of the size that was asked for.
    #[must_use]
    pub fn full_pictures(mut self) -> Self {
        self.provider.picture = Picture::Full;
        self
    }

    /// With a provider that takes exactly this long for a generation.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.provider.latency = Latency {
            min: latency,
            max: latency,
        };
        self
    }

    /// With one more variable in the environment of every service.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.envs.push((name, value.into()));
        self
    }
}
