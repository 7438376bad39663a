//! A real nats-server, a store on disk, and the service between them.

use std::time::Duration;

use async_nats::{HeaderMap, jetstream};
use bus::{Bus, Entry, Policy};
use domain::{
    Billed, Code, Event, Failed, Failure, GenerationId, ImageId, ImageRecovered, Job, OnWithheld,
    Phase, Rendered, RenderedImage, Request, Tenant, Usd,
};
use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use runtime::Life;
use storage::Store;
use tempfile::TempDir;
use testkit::NatsServer;
use tokio::task::JoinHandle;
use url::Url;
use wire::{Encoding, header};

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
            late: false,
            job: job(id),
            attempt: 1,
            provider_id: None,
            images: links
                .iter()
                .enumerate()
                .map(image)
                .collect::<anyhow::Result<_>>()?,
            texts: Vec::new(),
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

    pub(crate) async fn failed(&self, id: GenerationId) -> anyhow::Result<Failed> {
        match self.end(id).await?.event {
            Event::Failed(failed) => Ok(*failed),
            other => anyhow::bail!("not failed: {other:?}"),
        }
    }

    /// Which of its pictures, up to the eighth, turned up without being delivered.
    pub(crate) async fn recovered(&self, id: GenerationId) -> anyhow::Result<Vec<ImageRecovered>> {
        let mut recovered = Vec::new();
        for index in 0..8 {
            let entries = self.bus.ledger().read_image(ImageId::of(id, index)).await?;
            let events = entries.into_iter().map(|entry| entry.event);
            recovered.extend(events.filter_map(|event| ImageRecovered::try_from(event).ok()));
        }
        Ok(recovered)
    }

    /// How many messages EVENTS has on subjects that match `filter`.
    pub(crate) async fn told(&self, filter: &str) -> anyhow::Result<usize> {
        let events = self.events().await?;
        let told: Vec<(String, usize)> = events
            .info_with_subjects(filter)
            .await?
            .try_collect()
            .await?;
        Ok(told.into_iter().map(|(_, count)| count).sum())
    }

    async fn events(&self) -> anyhow::Result<jetstream::stream::Stream> {
        let jetstream = jetstream::new(self.nats.client().await?);
        Ok(jetstream.get_stream("EVENTS").await?)
    }

    /// Stores `event` without the id by which the server would know a repetition; returns the
    /// sequence. What follows is up to expectations alone, as it is after two minutes.
    pub(crate) async fn put(&self, event: impl Into<Event>) -> anyhow::Result<u64> {
        let encoded = wire::encode(&event.into(), Encoding::Json);
        self.put_raw(encoded.subject, encoded.name, encoded.body, 0)
            .await
    }

    /// Stores `body` as what claims to be an event named `name`, caused by `cause`.
    pub(crate) async fn put_raw(
        &self,
        subject: String,
        name: &str,
        body: Vec<u8>,
        cause: u64,
    ) -> anyhow::Result<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(header::TYPE, name);
        headers.insert(header::CAUSE, cause.to_string().as_str());
        let jetstream = jetstream::new(self.nats.client().await?);
        let stored = jetstream
            .publish_with_headers(subject, headers, body.into())
            .await?;
        Ok(stored.await?.sequence)
    }

    /// Hands the service `rendered` as a timer does that was set because of `cause`, and waits until
    /// it is dealt with.
    pub(crate) async fn again(&self, rendered: Rendered, cause: u64) -> anyhow::Result<()> {
        let subject = format!("due.upload.{}", rendered.job.id);
        let encoded = wire::encode(&rendered.into(), Encoding::Json);
        self.put_raw(subject, encoded.name, encoded.body, cause)
            .await?;
        self.quiet().await
    }

    /// Waits until all that was rendered and put off is dealt with.
    pub(crate) async fn quiet(&self) -> anyhow::Result<()> {
        let jetstream = jetstream::new(self.nats.client().await?);
        testkit::wait_until(PATIENCE, "the uploader to be done", async || {
            let (Ok(work), Ok(events)) = (
                jetstream.get_stream("WORK").await,
                jetstream.get_stream("EVENTS").await,
            ) else {
                return false;
            };
            let Ok(consumer) = events.consumer_info("upload").await else {
                return false;
            };
            work.cached_info().state.messages == 0
                && consumer.num_pending == 0
                && consumer.num_ack_pending == 0
        })
        .await
    }

    /// Fails if the service ended badly.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.life.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.service).await??
    }
}

/// Four pictures, of which a part will do.
pub(crate) fn job(id: GenerationId) -> Job {
    let request = Request {
        num_images: 4,
        on_withheld: OnWithheld::Accept,
        ..Request::new("a red kite")
    };
    Job {
        custom_id: Some("poster-7".to_owned()),
        simulated: true,
        ..Job::new(id, Tenant::default(), request, Timestamp::now())
    }
}

/// Cancelled before the provider was done.
pub(crate) fn cancelled(id: GenerationId) -> Failed {
    let job = job(id);
    Failed {
        id,
        tenant: job.tenant.clone(),
        custom_id: job.custom_id.clone(),
        job: Some(job),
        failure: Failure {
            code: Code::Cancelled,
            message: "the requester cancelled".to_owned(),
            phase: Phase::Generation,
            billed: Billed::Unknown,
        },
        cost: Usd::ZERO,
        at: Timestamp::now(),
    }
}
