//! A real nats-server, the simulator, and a generator between them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use async_nats::HeaderMap;
use async_nats::jetstream;
use bus::{Bus, Entry, LeaseConfig};
use bytes::Bytes;
use domain::{Event, Failed, GenerationId, Rendered, Tenant};
use futures::{StreamExt, TryStreamExt, stream};
use generator::{Config, Pauses};
use runtime::Env;
use serde_json::Value;
use tempfile::TempDir;
use testkit::NatsServer;

use crate::service::Service;
use crate::simulator::{HOUR, Provider, quick, slow};

pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// How a world differs from the usual one.
pub(crate) struct Setup {
    sim: ideogram_sim::Config,
    env: Vec<(&'static str, String)>,
    tune: fn(&mut Config),
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            sim: quick(),
            env: Vec::new(),
            tune: |_| {},
        }
    }
}

impl Setup {
    pub(crate) fn slow() -> Self {
        Self::default().sim(slow())
    }

    pub(crate) fn sim(self, sim: ideogram_sim::Config) -> Self {
        Self { sim, ..self }
    }

    pub(crate) fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    pub(crate) fn tune(self, tune: fn(&mut Config)) -> Self {
        Self { tune, ..self }
    }
}

pub(crate) struct World {
    pub(crate) services: Vec<Service>,
    pub(crate) sim: Provider,
    pub(crate) bus: Bus,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) client: async_nats::Client,
    pub(crate) config: Config,
    _folder: TempDir,
    nats: NatsServer,
}

impl World {
    pub(crate) async fn start(setup: Setup) -> anyhow::Result<Self> {
        let mut world = Self::without_generator(setup).await?;
        world.join()?;
        Ok(world)
    }

    pub(crate) async fn without_generator(setup: Setup) -> anyhow::Result<Self> {
        let nats = NatsServer::start().await?;
        let sim = Provider::start(setup.sim).await?;
        let bus = Bus::connect(&bus::Config::plain(nats.url(), "test")).await?;
        bus::provision(&bus, 1).await?;
        let client = nats.client().await?;
        let jetstream = jetstream::new(client.clone());

        let folder = tempfile::tempdir()?;
        let store = format!("file://{}", folder.path().display());
        let env = Env::from_pairs([
            ("DARKROOM_STORAGE_URL", store),
            ("DARKROOM_NATS_URL", nats.url().to_owned()),
            ("IDEOGRAM_BASE_URL", sim.url()),
            ("IDEOGRAM_API_KEY", "test-key".to_owned()),
        ]);
        let mut config = Config::from_env(&env.with(setup.env))?;
        config.provider.submit_timeout = Duration::from_secs(1);
        config.provider.poll_timeout = Duration::from_secs(1);
        config.lease = LeaseConfig {
            ttl: Duration::from_secs(2),
            renew: Duration::from_millis(500),
        };
        let pause = Duration::from_millis(100);
        config.pauses = Pauses {
            retry: pause,
            account: pause,
            places: pause,
            ..config.pauses
        };
        (setup.tune)(&mut config);
        Ok(Self {
            services: Vec::new(),
            sim,
            bus,
            jetstream,
            client,
            config,
            _folder: folder,
            nats,
        })
    }

    pub(crate) fn nats_url(&self) -> &str {
        self.nats.url()
    }

    /// One more generator.
    pub(crate) fn join(&mut self) -> anyhow::Result<()> {
        self.services.push(Service::start(self.config.clone())?);
        Ok(())
    }

    /// Takes the oldest generator out, for the caller to end.
    pub(crate) fn oldest(&mut self) -> anyhow::Result<Service> {
        anyhow::ensure!(!self.services.is_empty(), "there is no generator");
        Ok(self.services.remove(0))
    }

    /// Asks for `prompt`, with `fields`, under the prompt's own name.
    pub(crate) async fn ask(&self, prompt: &str, fields: Value) -> anyhow::Result<GenerationId> {
        let mut request = fields;
        request["prompt"] = prompt.into();
        request["customId"] = prompt.into();
        self.publish("generation.requested", None, request.to_string())
            .await?;
        Ok(named(prompt))
    }

    /// Asks for all of `requests` at once, each under its prompt's own name.
    pub(crate) async fn ask_all(
        &self,
        requests: impl IntoIterator<Item = (String, Value)>,
    ) -> anyhow::Result<Vec<GenerationId>> {
        let asked = requests.into_iter().map(async |(prompt, fields)| {
            let id = self.ask(&prompt, fields).await?;
            anyhow::Ok(id)
        });
        stream::iter(asked).buffered(64).try_collect().await
    }

    /// How often each kind of entry was written, over all generations: `told["calling"]`.
    pub(crate) async fn tally(&self) -> anyhow::Result<BTreeMap<String, usize>> {
        self.tally_of("*").await
    }

    async fn tally_of(&self, kind: &str) -> anyhow::Result<BTreeMap<String, usize>> {
        let events = self.jetstream.get_stream("EVENTS").await?;
        let filter = format!("generation.{kind}.>");
        let mut subjects = events.info_with_subjects(&filter).await?;
        let mut tally = BTreeMap::new();
        while let Some((subject, count)) = subjects.try_next().await? {
            let kind = subject.split('.').nth(1).unwrap_or_default();
            *tally.entry(kind.to_owned()).or_default() += count;
        }
        Ok(tally)
    }

    /// Waits for a moment at which each call has the provider's name: whoever dies then leaves no
    /// doubt.
    pub(crate) async fn until_all_are_named(&self) -> anyhow::Result<()> {
        testkit::wait_until(PATIENCE, "the names of all calls", async || {
            let tally = self.tally().await.unwrap_or_default();
            tally.contains_key("calling") && tally.get("submitted") == tally.get("calling")
        })
        .await
    }

    /// Waits until so many entries of `kind` were written, over all generations.
    pub(crate) async fn until_tally(&self, kind: &str, count: usize) -> anyhow::Result<()> {
        self.until_tally_within(kind, count, PATIENCE).await
    }

    pub(crate) async fn until_tally_within(
        &self,
        kind: &str,
        count: usize,
        patience: Duration,
    ) -> anyhow::Result<()> {
        let found = testkit::wait_until(patience, kind, async || {
            let tally = self.tally_of(kind).await.unwrap_or_default();
            tally.get(kind).copied().unwrap_or(0) >= count
        });
        match found.await {
            Ok(()) => Ok(()),
            Err(err) => bail!("{err}; {count} wanted of {:?}", self.tally().await?),
        }
    }

    /// Publishes as a stranger does; returns the sequence.
    pub(crate) async fn publish(
        &self,
        subject: &str,
        content_type: Option<&str>,
        body: impl Into<Vec<u8>>,
    ) -> anyhow::Result<u64> {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert("Content-Type", content_type);
        }
        let body: Vec<u8> = body.into();
        let ack = self
            .jetstream
            .publish_with_headers(subject.to_owned(), headers, body.into());
        Ok(ack.await?.await?.sequence)
    }

    pub(crate) async fn entries(&self, id: GenerationId) -> anyhow::Result<Vec<Entry>> {
        Ok(self.bus.ledger().read(id).await?)
    }

    /// The ledger in one line; of each kind, the last.
    pub(crate) async fn track(&self, id: GenerationId) -> anyhow::Result<String> {
        let entries = self.entries(id).await?;
        let names = entries
            .iter()
            .map(|entry| entry.event.name().replace("generation.", ""));
        Ok(names.collect::<Vec<_>>().join(" "))
    }

    /// How often `kind` happened.
    pub(crate) async fn count(&self, id: GenerationId, kind: &str) -> anyhow::Result<usize> {
        let subject = format!("generation.{kind}.{id}");
        let events = self.jetstream.get_stream("EVENTS").await?;
        let subjects: BTreeMap<String, usize> = events
            .info_with_subjects(&subject)
            .await?
            .try_collect()
            .await?;
        Ok(subjects.get(&subject).copied().unwrap_or(0))
    }

    pub(crate) async fn until(&self, id: GenerationId, kind: &str) -> anyhow::Result<Event> {
        self.until_times(id, kind, 1).await
    }

    pub(crate) async fn until_times(
        &self,
        id: GenerationId,
        kind: &str,
        times: usize,
    ) -> anyhow::Result<Event> {
        let name = format!("generation.{kind}");
        let found = testkit::wait_for(PATIENCE, &name, async || {
            if times > 1 && self.count(id, kind).await.ok()? < times {
                return None;
            }
            let entries = self.entries(id).await.ok()?;
            entries
                .into_iter()
                .map(|entry| entry.event)
                .find(|event| event.name() == name)
        });
        match found.await {
            Ok(event) => Ok(event),
            Err(err) => bail!("{err}; the ledger: {:?}", self.entries(id).await?),
        }
    }

    /// The generator's last word.
    pub(crate) async fn end(&self, id: GenerationId) -> anyhow::Result<Event> {
        let found = testkit::wait_for(PATIENCE, "the end", async || {
            let last = self.entries(id).await.ok()?.pop()?.event;
            matches!(
                last,
                Event::Rendered(_) | Event::Failed(_) | Event::Unknown(_)
            )
            .then_some(last)
        });
        match found.await {
            Ok(event) => Ok(event),
            Err(err) => bail!("{err}; the ledger: {:?}", self.entries(id).await?),
        }
    }

    pub(crate) async fn rendered(&self, id: GenerationId) -> anyhow::Result<Rendered> {
        match self.end(id).await? {
            Event::Rendered(rendered) => Ok(*rendered),
            other => bail!("not rendered: {other:?}"),
        }
    }

    pub(crate) async fn failed(&self, id: GenerationId) -> anyhow::Result<Failed> {
        match self.end(id).await? {
            Event::Failed(failed) => Ok(*failed),
            other => bail!("not failed: {other:?}"),
        }
    }

    /// Moves the simulated clock until the generation is drawn.
    pub(crate) async fn finish_drawing(&self, id: GenerationId) -> anyhow::Result<Rendered> {
        testkit::wait_until(PATIENCE, "the drawing", async || {
            self.sim.advance_clock(HOUR);
            matches!(self.count(id, "rendered").await, Ok(1))
        })
        .await?;
        self.rendered(id).await
    }

    /// Who dispatches, and of which revision the lease is.
    pub(crate) async fn lease(&self) -> anyhow::Result<Option<(Bytes, u64)>> {
        Ok(self.bus.setting_at("books", "lease.ideogram").await?)
    }

    /// Waits until the dispatcher has renewed its lease.
    pub(crate) async fn until_renewed(&self) -> anyhow::Result<()> {
        let first = self.lease().await?;
        testkit::wait_until(PATIENCE, "the lease", async || {
            self.lease().await.is_ok_and(|now| now != first)
        })
        .await
    }

    pub(crate) async fn messages(&self, stream: &str) -> anyhow::Result<u64> {
        Ok(self
            .jetstream
            .get_stream(stream)
            .await?
            .cached_info()
            .state
            .messages)
    }

    /// Fails if a generator ended badly.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        while let Some(service) = self.services.pop() {
            service.stop().await?;
        }
        Ok(())
    }
}

pub(crate) fn named(custom_id: &str) -> GenerationId {
    GenerationId::of_key(&Tenant::default(), custom_id)
}
