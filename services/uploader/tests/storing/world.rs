//! A real nats-server, a store on disk, and the service between them.

use std::time::Duration;

use async_nats::{HeaderMap, jetstream};
use bus::{Bus, Entry};
use domain::{
    Billed, Code, Event, Failed, Failure, GenerationId, ImageId, ImageRecovered, Job, OnWithheld,
    Phase, Rendered, RenderedImage, Request, Tenant, Usd,
};
use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use runtime::Env;
use storage::Store;
use tempfile::TempDir;
use testkit::NatsServer;
use uploader::Config;
use url::Url;
use wire::{Encoding, header};

use crate::links::Links;
use crate::service::Service;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) links: Links,
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) nats: NatsServer,
    pub(crate) config: Config,
    pub(crate) services: Vec<Service>,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::tuned(|_| {}).await
    }

    /// With a service that is configured otherwise.
    pub(crate) async fn tuned(tune: impl FnOnce(&mut Config)) -> anyhow::Result<Self> {
        let nats = NatsServer::start().await?;
        let bus = Bus::connect(&bus::Config::plain(nats.url(), "test")).await?;
        bus::provision(&bus, 1).await?;
        let folder = tempfile::tempdir()?;
        let env = Env::from_pairs([
            ("DARKROOM_NATS_URL", nats.url().to_owned()),
            (
                "DARKROOM_STORAGE_URL",
                format!("file://{}", folder.path().display()),
            ),
            ("DARKROOM_PUBLIC_URL", "http://pictures.example/".to_owned()),
            ("DARKROOM_IMAGE_HOSTS", "127.0.0.1".to_owned()),
            ("DARKROOM_IMAGE_ALLOW", "127.0.0.0/8".to_owned()),
            ("DARKROOM_MIN_FREE_BYTES", "0".to_owned()),
        ]);
        let mut config = Config::from_env(&env)?;
        config.policy.pause = Duration::from_millis(50);
        config.look = Duration::from_millis(100);
        tune(&mut config);
        let mut world = Self {
            links: Links::open().await?,
            store: config.store.clone(),
            bus,
            nats,
            config,
            services: Vec::new(),
            folder,
        };
        world.join()?;
        Ok(world)
    }

    /// One more uploader.
    pub(crate) fn join(&mut self) -> anyhow::Result<()> {
        self.services.push(Service::start(self.config.clone())?);
        Ok(())
    }

    /// What stands in the gate, and its revision.
    pub(crate) async fn gate(&self) -> anyhow::Result<Option<(String, u64)>> {
        let found = self.bus.setting_at("gate", "store").await?;
        Ok(found.map(|(value, revision)| (String::from_utf8_lossy(&value).into_owned(), revision)))
    }

    /// Waits until the gate is shut, and returns why.
    pub(crate) async fn shut(&self) -> anyhow::Result<String> {
        let shut = testkit::wait_for(PATIENCE, "the gate to be shut", async || {
            self.gate().await.ok()?
        });
        let (said, _) = shut.await?;
        let (_, reason) = said.split_once(' ').unwrap_or_default();
        Ok(reason.to_owned())
    }

    /// Waits until the gate is open.
    pub(crate) async fn opened(&self) -> anyhow::Result<()> {
        testkit::wait_until(PATIENCE, "the gate to be opened", async || {
            matches!(self.gate().await, Ok(None))
        })
        .await
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
            let entries = self.bus.ledger().picture(ImageId::of(id, index)).await?;
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

    /// How much is put off.
    pub(crate) async fn put_off(&self) -> anyhow::Result<u64> {
        let jetstream = jetstream::new(self.nats.client().await?);
        let work = jetstream.get_stream("WORK").await?;
        Ok(work.cached_info().state.messages)
    }

    /// Lets the server give away soon what a dead uploader held.
    pub(crate) async fn hurry(&self) -> anyhow::Result<()> {
        let topology = bus::Topology {
            replicas: 1,
            ack_wait: Duration::from_secs(1),
        };
        Ok(bus::provision(&self.bus, topology).await?)
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

    /// Fails if a service ended badly.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        for service in self.services {
            service.stop().await?;
        }
        Ok(())
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
