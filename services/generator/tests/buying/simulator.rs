//! The provider of one test, which can go away and come back at the same address.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use ideogram_sim::{Charge, Config, Fault, FaultKind, Latency, Picture, Simulator, Snapshot};

/// How far the clock is moved to finish a drawing of [`slow`].
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) fn quick() -> Config {
    Config {
        picture: Picture::Tiny,
        link_lifetime: 2 * HOUR,
        ..Config::default()
    }
}

/// Each generation takes an hour of the simulated clock.
pub(crate) fn slow() -> Config {
    Config {
        latency: Latency {
            min: HOUR,
            max: HOUR,
        },
        ..quick()
    }
}

pub(crate) fn status(status: u16) -> FaultKind {
    FaultKind::Status {
        status,
        reject_reason: None,
        after_accept: false,
    }
}

/// Counts images in progress and does not refuse; each generation takes so long.
pub(crate) fn counting(drawing: Duration) -> Config {
    Config {
        enforce_limit: false,
        latency: Latency {
            min: drawing,
            max: drawing,
        },
        ..quick()
    }
}

/// Strikes paid calls, and no questions for a price.
pub(crate) fn on_submit(kind: FaultKind) -> Fault {
    let is_of_body = matches!(
        kind,
        FaultKind::HtmlBody
            | FaultKind::TruncatedJson
            | FaultKind::EmptyBody
            | FaultKind::EmptyData
            | FaultKind::MissingObjectType
            | FaultKind::ExtraFields
    );
    match is_of_body {
        true => Fault::from(kind).on("/v2/image/generate/"),
        false => Fault::from(kind),
    }
}

/// Strikes polls.
pub(crate) fn on_poll(kind: FaultKind) -> Fault {
    Fault::from(kind).on("/v2/generations/")
}

pub(crate) struct Provider {
    running: Option<Simulator>,
    config: Config,
}

impl Provider {
    pub(crate) async fn start(config: Config) -> anyhow::Result<Self> {
        let running = Simulator::start(config.clone()).await?;
        let api: SocketAddr = running.api_url().replace("http://", "").parse()?;
        let config = Config {
            api_listen: api,
            ..config
        };
        Ok(Self {
            running: Some(running),
            config,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.config.api_listen)
    }

    pub(crate) async fn go_away(&mut self) {
        if let Some(simulator) = self.running.take() {
            simulator.stop().await;
        }
    }

    pub(crate) async fn come_back(&mut self) -> anyhow::Result<()> {
        self.running = Some(Simulator::start(self.config.clone()).await?);
        Ok(())
    }

    pub(crate) fn bill(&self) -> Vec<Charge> {
        self.running
            .as_ref()
            .map(Simulator::bill)
            .unwrap_or_default()
    }

    pub(crate) fn state(&self) -> Snapshot {
        self.running
            .as_ref()
            .map(Simulator::state)
            .unwrap_or_default()
    }

    pub(crate) fn fault(&self, fault: Fault) -> anyhow::Result<()> {
        self.running
            .as_ref()
            .context("the provider is away")?
            .set_fault(fault)
    }

    pub(crate) fn heal(&self) {
        if let Some(simulator) = &self.running {
            simulator.clear_faults();
        }
    }

    /// The next calls are refused with this status, for this reason.
    pub(crate) fn refuse(&self, code: u16, reason: Option<&str>) -> anyhow::Result<()> {
        self.fault(on_submit(FaultKind::Status {
            status: code,
            reject_reason: reason.map(str::to_owned),
            after_accept: false,
        }))
    }

    pub(crate) fn advance_clock(&self, by: Duration) {
        if let Some(simulator) = &self.running {
            simulator.advance_clock(by);
        }
    }
}
