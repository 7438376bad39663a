//! A real nats-server, a store on disk, and the service between them.

use std::time::Duration;

use bus::{Bus, Entry, Policy};
use domain::{
    Admission, Draft, Event, GenerationId, Job, Lane, Rendered, RenderedImage, Tenant, Usd,
};
use jiff::{SignedDuration, Timestamp};
use runtime::Life;
use storage::Store;
use tempfile::TempDir;
use testkit::NatsServer;
use tokio::task::JoinHandle;
use url::Url;

use crate::links::Links;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) links: Links,
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) nats: NatsServer,
    life: Life,
    service: JoinHandle<anyhow::Result<()>>,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::start_with("127.0.0.1").await
    }

    /// With only `hosts` to fetch from.
    pub(crate) async fn start_with(hosts: &str) -> anyhow::Result<Self> {
        let nats = NatsServer::start().await?;
        let bus = Bus::connect(&bus::Config::plain(nats.url(), "test")).await?;
        bus::provision(&bus, 1).await?;
        let folder = tempfile::tempdir()?;
        let store = Store::open(&format!("file://{}", folder.path().display()), |_| None)?;
        let config = uploader::Config {
            bus: bus::Config::plain(nats.url(), "uploader"),
            store: store.clone(),
            public_url: "http://pictures.example/".parse()?,
            sources: egress::Policy {
                allow: egress::parse_networks("127.0.0.0/8")?,
                hosts: Some(vec![hosts.to_owned()]),
                ..egress::Policy::default()
            },
            policy: Policy {
                pause: Duration::from_millis(50),
                ..Policy::NETWORK
            },
        };
        let life = Life::default();
        let service = tokio::spawn(uploader::run(config, life.clone()));
        let links = Links::open().await?;
        Ok(Self {
            links,
            store,
            bus,
            nats,
            life,
            service,
            folder,
        })
    }

    /// Tells that these were drawn, with links that live for `ttl`; returns the sequence.
    pub(crate) async fn render(
        &self,
        id: GenerationId,
        links: &[Option<&str>],
        ttl: SignedDuration,
    ) -> anyhow::Result<u64> {
        let rendered = self.rendered(id, links, ttl)?;
        Ok(self.bus.ledger().append(rendered, 0).await?)
    }

    pub(crate) fn rendered(
        &self,
        id: GenerationId,
        links: &[Option<&str>],
        ttl: SignedDuration,
    ) -> anyhow::Result<Rendered> {
        let image = |(index, kind): (usize, &Option<&str>)| {
            let link: Option<Url> = kind.map(|kind| self.links.link(kind)).transpose()?;
            let index = u32::try_from(index)?;
            let prompt = Some("a red kite, oil on canvas".to_owned());
            Ok(RenderedImage {
                index,
                link,
                seed: Some(41 + i64::from(index)),
                prompt,
            })
        };
        let now = Timestamp::now();
        Ok(Rendered {
            job: job(id)?,
            attempt: 1,
            provider_id: None,
            images: links
                .iter()
                .enumerate()
                .map(image)
                .collect::<anyhow::Result<_>>()?,
            expires_at: now.saturating_add(ttl)?,
            cost: Usd::from_micros(80_000),
            at: now,
        })
    }

    /// How it ended.
    pub(crate) async fn end(&self, id: GenerationId) -> anyhow::Result<Entry> {
        testkit::wait_for(PATIENCE, "the end of the generation", async || {
            let entries = self.bus.ledger().read(id).await.ok()?;
            entries.into_iter().find(|entry| entry.event.is_terminal())
        })
        .await
    }

    pub(crate) async fn completed(&self, id: GenerationId) -> anyhow::Result<domain::Completed> {
        match self.end(id).await?.event {
            Event::Completed(completed) => Ok(*completed),
            other => anyhow::bail!("not completed: {other:?}"),
        }
    }

    pub(crate) async fn failed(&self, id: GenerationId) -> anyhow::Result<domain::Failed> {
        match self.end(id).await?.event {
            Event::Failed(failed) => Ok(*failed),
            other => anyhow::bail!("not failed: {other:?}"),
        }
    }

    /// Fails if the service ended badly.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.life.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.service).await??
    }
}

fn job(id: GenerationId) -> anyhow::Result<Job> {
    let admission = Admission {
        presets: [].into(),
        default_presets: Vec::new(),
        lane: Lane::Standard,
    };
    let draft = Draft {
        prompt: Some("a red kite".to_owned()),
        ..Draft::default()
    };
    Ok(Job {
        id,
        tenant: Tenant::default(),
        custom_id: Some("poster-7".to_owned()),
        request: draft.resolve(&admission)?,
        provider: "simulator".to_owned(),
        simulated: true,
        accepted_at: Timestamp::now(),
        callback: false,
    })
}
