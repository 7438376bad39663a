//! A nats-server, a database file, and historians between them.

use std::time::Duration;

use bus::{Bus, Expect};
use domain::{Accepted, Completed, Event, GenerationId, Job, Request, Tenant, Usd};
use historian::Config;
use history::History;
use jiff::Timestamp;
use runtime::{Env, Life};
use tempfile::TempDir;
use testkit::NatsServer;
use tokio::task::JoinHandle;

/// Longer than anything here takes on a machine that is busy with other things.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// What each picture costs.
pub(crate) const PRICE: Usd = Usd::from_micros(80_000);

pub(crate) struct World {
    pub(crate) nats: NatsServer,
    pub(crate) bus: Bus,
    dir: TempDir,
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let nats = NatsServer::start().await?;
        let bus = Bus::connect(&bus::Config::plain(nats.url(), "test")).await?;
        bus::provision(&bus, 1).await?;
        let dir = tempfile::tempdir()?;
        Ok(Self { nats, bus, dir })
    }

    /// One more historian on the one database.
    pub(crate) fn historian(&self) -> anyhow::Result<Historian> {
        let env = Env::from_pairs([
            ("DARKROOM_NATS_URL", self.nats.url().to_owned()),
            ("DARKROOM_DATA_DIR", self.dir.path().display().to_string()),
        ]);
        let life = Life::default();
        let task = tokio::spawn(historian::run(Config::from_env(&env)?, life.clone()));
        Ok(Historian { life, task })
    }

    pub(crate) async fn history(&self) -> anyhow::Result<History> {
        let url = format!("sqlite://{}/history.db", self.dir.path().display());
        Ok(History::open(&url).await?)
    }

    pub(crate) async fn tell(&self, events: &[Event]) -> anyhow::Result<()> {
        for event in events {
            self.bus.publish(event, &Expect::Nothing).await?;
        }
        Ok(())
    }
}

pub(crate) struct Historian {
    life: Life,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Historian {
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.life.shutdown.cancel();
        self.task.await?
    }

    /// Ends it wherever it is.
    pub(crate) async fn kill(self) {
        self.task.abort();
        self.task.await.ok();
    }
}

/// What is said of a picture that was bought.
pub(crate) fn bought(campaign: &str) -> anyhow::Result<(Job, Vec<Event>)> {
    let request = Request {
        campaign: Some(campaign.to_owned()),
        ..Request::new("a red kite")
    };
    let at = Timestamp::from_second(1_795_000_000)?;
    let job = Job::new(GenerationId::generate(), Tenant::default(), request, at);
    let cost = PRICE;
    let events = vec![
        Event::from(Accepted {
            job: job.clone(),
            callback_url: None,
            reserved: cost,
        }),
        Event::from(Completed {
            job: job.clone(),
            images: Vec::new(),
            texts: vec!["a kite".to_owned()],
            cost,
            at,
        }),
    ];
    Ok((job, events))
}
