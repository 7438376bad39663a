use std::time::Duration;

use ideogram_sim::{Latency, Picture};

/// Where the services run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Services {
    /// In the test's process: quick to start, and a failure shows at once.
    InProcess,
    /// As the programs that are shipped. One of them may be told to die once, as if its power were
    /// cut, at a labelled point: the service's name and the label.
    Processes(Option<(&'static str, &'static str)>),
}

/// What a pipeline is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the services run.
    pub services: Services,
    /// How the provider behaves.
    pub provider: ideogram_sim::Config,
    /// Variables over those that the pipeline sets itself.
    pub envs: Vec<(&'static str, String)>,
    /// Lines at the end of nats-server's configuration.
    pub nats: &'static str,
}

impl Default for Options {
    /// In one process, with an instant provider of tiny pictures.
    fn default() -> Self {
        Self {
            services: Services::InProcess,
            provider: ideogram_sim::Config {
                picture: Picture::Tiny,
                ..ideogram_sim::Config::default()
            },
            envs: Vec::new(),
            nats: "",
        }
    }
}

impl Options {
    /// With the services as processes of their own, of which one dies at `crash`.
    #[must_use]
    pub fn processes(crash: Option<(&'static str, &'static str)>) -> Self {
        Self {
            services: Services::Processes(crash),
            ..Self::default()
        }
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
