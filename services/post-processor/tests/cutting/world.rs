//! A real nats-server, a store on disk, and the service between them.

use std::time::Duration;

use bus::{Bus, Entry, Policy};
use bytes::Bytes;
use domain::{
    Completed, DerivationId, Event, GenerationId, Image, ImageId, ImageReady, ImageRecut,
    ImageState, Job, PresetChoice, Ready, Request, Tenant, Usd,
};
use futures::TryStreamExt;
use imaging::Presets;
use jiff::Timestamp;
use runtime::Life;
use storage::{Key, Store};
use tempfile::TempDir;
use testkit::NatsServer;
use tokio::task::JoinHandle;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Nobody looks at the digests of these originals.
const DIGEST: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) nats: NatsServer,
    life: Life,
    service: JoinHandle<anyhow::Result<()>>,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let nats = NatsServer::start().await?;
        let bus = Bus::connect(&bus::Config::plain(nats.url(), "test")).await?;
        bus::provision(&bus, 1).await?;
        let folder = tempfile::tempdir()?;
        let store = Store::open(&format!("file://{}", folder.path().display()), |_| None)?;
        let config = post_processor::Config {
            pictures: 2,
            bus: bus::Config::plain(nats.url(), "post-processor"),
            store: store.clone(),
            public_url: "http://pictures.example/".parse()?,
            presets: Presets::builtin(),
            policy: Policy {
                concurrency: 2,
                attempts: 2,
                pause: Duration::from_millis(50),
                ..Policy::NETWORK
            },
        };
        let life = Life::default();
        let service = tokio::spawn(post_processor::run(config, life.clone()));
        Ok(Self {
            store,
            bus,
            nats,
            life,
            service,
            folder,
        })
    }

    /// Tells that `images` are stored and that `presets` are wanted of them; returns the sequence.
    pub(crate) async fn complete(
        &self,
        id: GenerationId,
        presets: &[&str],
        images: Vec<Image>,
    ) -> anyhow::Result<u64> {
        let completed = completed(id, plain(presets), images);
        Ok(self.bus.ledger().append(completed, 0).await?)
    }

    /// Orders more cuts of a picture.
    pub(crate) async fn recut(
        &self,
        image: &Image,
        presets: &[PresetChoice],
    ) -> anyhow::Result<DerivationId> {
        let derivation = DerivationId::generate();
        self.order(derivation, image, presets).await?;
        Ok(derivation)
    }

    /// The same, of an order that has a name.
    pub(crate) async fn order(
        &self,
        derivation: DerivationId,
        image: &Image,
        presets: &[PresetChoice],
    ) -> anyhow::Result<()> {
        let id = generation_of(image)?;
        let recut = ImageRecut {
            job: completed(id, Vec::new(), Vec::new()).job,
            image: image.clone(),
            derivation,
            presets: presets.to_vec(),
            at: Timestamp::now(),
        };
        Ok(self.bus.recut(recut).await?)
    }

    /// The last word on a picture, once `is_it` agrees.
    pub(crate) async fn told(
        &self,
        image: ImageId,
        is_it: impl Fn(&ImageReady) -> bool,
    ) -> anyhow::Result<ImageReady> {
        testkit::wait_for(PATIENCE, "image.ready", async || {
            let news = self.news(image).await.ok()?;
            let mut ready = news.into_iter().filter_map(|event| event.try_into().ok());
            ready.find(&is_it)
        })
        .await
    }

    /// Waits until nothing is left to do, nor put off.
    pub(crate) async fn idle(&self) -> anyhow::Result<()> {
        let jetstream = async_nats::jetstream::new(self.nats.client().await?);
        testkit::wait_until(PATIENCE, "all work to be done", async || {
            let work = jetstream.get_stream("WORK").await;
            work.is_ok_and(|work| work.cached_info().state.messages == 0)
        })
        .await
    }

    /// How many messages EVENTS has on `subject`.
    pub(crate) async fn count(&self, subject: &str) -> anyhow::Result<usize> {
        let jetstream = async_nats::jetstream::new(self.nats.client().await?);
        let events = jetstream.get_stream("EVENTS").await?;
        let mut subjects = events.info_with_subjects(subject).await?;
        let mut count = 0;
        while let Some((_, messages)) = subjects.try_next().await? {
            count += messages;
        }
        Ok(count)
    }

    /// A stored picture that holds `bytes`.
    pub(crate) async fn stored(
        &self,
        id: GenerationId,
        index: u32,
        bytes: Vec<u8>,
    ) -> anyhow::Result<Image> {
        let image = image(id, index, ImageState::Stored)?;
        let key = Key::parse(image.key.as_deref().unwrap_or_default())?;
        self.store.put_new(&key, bytes.into()).await?;
        Ok(image)
    }

    pub(crate) async fn ready(&self, id: GenerationId) -> anyhow::Result<Ready> {
        testkit::wait_for(PATIENCE, "generation.ready", async || {
            let mut entries = self.bus.ledger().read(id).await.ok()?;
            Ready::try_from(entries.pop()?.event).ok()
        })
        .await
    }

    /// What was said of one picture.
    pub(crate) async fn news(&self, image: ImageId) -> anyhow::Result<Vec<Event>> {
        let entries = self.bus.ledger().picture(image).await?;
        Ok(entries
            .into_iter()
            .map(|Entry { event, .. }| event)
            .collect())
    }

    pub(crate) async fn object(&self, key: &str) -> anyhow::Result<Bytes> {
        let object = self.store.get(&Key::parse(key)?).await?;
        object.ok_or_else(|| anyhow::anyhow!("nothing under `{key}`"))
    }

    /// Fails if the service ended badly.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.life.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.service).await??
    }
}

pub(crate) fn image(id: GenerationId, index: u32, state: ImageState) -> anyhow::Result<Image> {
    let key = Key::generated(&id, index, DIGEST, "png")?;
    Ok(Image {
        id: ImageId::of(id, index),
        index,
        state,
        url: Some(format!("http://pictures.example/assets/{key}")),
        key: Some(key.to_string()),
        width: 0,
        height: 0,
        seed: None,
        prompt: None,
        format: "png".to_owned(),
        bytes: 0,
        sha256: DIGEST.to_owned(),
        derivatives: Vec::new(),
        error: None,
        traits: None,
        content_credentials: false,
    })
}

/// Presets as they stand.
pub(crate) fn plain(presets: &[&str]) -> Vec<PresetChoice> {
    presets.iter().copied().map(Into::into).collect()
}

/// The id of the generation stands in the picture's key.
fn generation_of(image: &Image) -> anyhow::Result<GenerationId> {
    let id = image.key.as_deref().and_then(|key| key.split('/').nth(1));
    Ok(id.unwrap_or_default().parse()?)
}

pub(crate) fn completed(
    id: GenerationId,
    presets: Vec<PresetChoice>,
    images: Vec<Image>,
) -> Completed {
    let request = Request {
        presets,
        ..Request::new("a red kite")
    };
    let job = Job {
        simulated: true,
        ..Job::new(id, Tenant::default(), request, Timestamp::UNIX_EPOCH)
    };
    Completed {
        job,
        images,
        texts: Vec::new(),
        cost: Usd::from_micros(80_000),
        at: Timestamp::now(),
    }
}
