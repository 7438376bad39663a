//! From a stored picture to stored cuts, a few pictures at a time and in bounded memory.

use std::sync::Arc;

use bytes::Bytes;
use domain::{Code, Derivative, Image, Job, PresetChoice, Traits};
use imaging::{Limits, Preset, Presets, Provenance};
use runtime::crash;
use storage::{Key, Meta, Store};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::cut::{self, Fresh, Output, Task};
use crate::trouble::{Trouble, failure, hopeless, storing};
use crate::{Config, metrics};

/// What decoders may hold at once, in MiB. One alone may take [`Limits::max_alloc`], which is less;
/// with cuts and encoders beside it, four at a time add less than 512 MiB to the process.
const DECODING: usize = 400;
const MIB: u64 = 1 << 20;

/// Cuts pictures. Those that are in work at once are limited by number, and by what decoding them
/// takes.
#[derive(Debug)]
pub(crate) struct Cutter {
    store: Store,
    public_url: String,
    presets: Arc<Presets>,
    places: Semaphore,
    memory: Semaphore,
}

/// What was learnt of a picture, and what was cut from it.
#[derive(Default)]
pub(crate) struct Made {
    pub(crate) derivatives: Vec<Derivative>,
    /// None if nobody asked.
    pub(crate) traits: Option<Traits>,
}

impl Cutter {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            store: config.store.clone(),
            public_url: config.public_url.as_str().trim_end_matches('/').to_owned(),
            presets: Arc::new(config.presets.clone()),
            places: Semaphore::new(config.pictures),
            memory: Semaphore::new(DECODING),
        }
    }

    /// The presets that are chosen, each with its changes.
    pub(crate) fn chosen(&self, choices: &[PresetChoice]) -> Result<Vec<Preset>, Trouble> {
        // What was checked at the door may have gone from the file since.
        let choose = |choice| {
            let chosen = self.presets.choose(choice);
            chosen.map_err(|err| hopeless(Code::Unsupported, err.to_string()))
        };
        choices.iter().map(choose).collect()
    }

    /// Where the cut of `preset` from `image` belongs: the same picture and recipe, the same place.
    pub(crate) fn key(job: &Job, image: &Image, preset: &Preset) -> Result<Key, Trouble> {
        let key = Key::derived(&job.id, image.index, &image.sha256, &preset.file_name());
        key.map_err(|err| hopeless(Code::StoreFailed, format!("a cut cannot be stored: {err}")))
    }

    /// Cuts `presets` from `image` and puts them into the store; if it has no traits yet, says what
    /// it looks like.
    pub(crate) async fn make(
        &self,
        job: &Job,
        image: &Image,
        presets: Vec<Preset>,
    ) -> Result<Made, Trouble> {
        let _place = self.places.acquire().await.map_err(stopping)?;
        let original = self.original(image).await?;
        let Output { traits, cuts } = self
            .cut(Task {
                original,
                presets,
                provenance: Provenance::of(job, image.id),
                describe: image.traits.is_none(),
            })
            .await?;
        crash::point("post_processor.after_cut");
        let mut derivatives = Vec::with_capacity(cuts.len());
        for fresh in cuts {
            derivatives.push(self.put(job, image, fresh).await?);
        }
        Ok(Made {
            derivatives,
            traits,
        })
    }

    /// Removes the cuts of `presets`, of a picture that is not to be had any more.
    pub(crate) async fn unmake(
        &self,
        job: &Job,
        image: &Image,
        presets: &[Preset],
    ) -> Result<(), Trouble> {
        for preset in presets {
            let key = Self::key(job, image, preset)?;
            self.store.delete(&key).await.map_err(storing)?;
        }
        Ok(())
    }

    async fn put(&self, job: &Job, image: &Image, fresh: Fresh) -> Result<Derivative, Trouble> {
        let Fresh {
            preset,
            cut,
            sha256,
        } = fresh;
        let key = Self::key(job, image, &preset)?;
        let review = cut::review(&cut);
        let bytes = cut.bytes.len() as u64;
        let meta = Meta::of(job.labels(image.id, image.seed));
        let meta = meta.map_err(|err| hopeless(Code::StoreFailed, err.to_string()))?;
        let stored = self.store.put_new_with(&key, cut.bytes.into(), &meta);
        stored.await.map_err(storing)?;
        crash::point("post_processor.after_put");
        metrics::CUTS.with_label_values(&[preset.name()]).inc();
        for why in &review {
            metrics::REVIEWS.with_label_values(&[why.as_str()]).inc();
        }
        Ok(Derivative {
            preset: preset.name().to_owned(),
            url: format!("{}/assets/{key}", self.public_url),
            key: key.to_string(),
            width: cut.width,
            height: cut.height,
            format: cut.format.to_string(),
            bytes,
            sha256,
            crop_loss: cut.crop_loss,
            upscaled: cut.upscaled,
            review,
        })
    }

    async fn original(&self, image: &Image) -> Result<Bytes, Trouble> {
        let key = image.key.as_deref().unwrap_or_default();
        let gone = |why: &dyn std::fmt::Display| {
            hopeless(
                Code::Undecodable,
                format!("the original `{key}` cannot be had: {why}"),
            )
        };
        let parsed = Key::parse(key).map_err(|err| gone(&err))?;
        match self.store.get(&parsed).await {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(gone(&"it is not in the store any more")),
            Err(err) => Err(storing(err)),
        }
    }

    /// Works away from the threads that keep connections alive, once there is memory for it.
    async fn cut(&self, task: Task) -> Result<Output, Trouble> {
        let _memory = self.room_for(&task.original).await?;
        match runtime::blocking(move || cut::work(task)).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(err)) => Err(undecodable(&err)),
            Err(err @ runtime::Error::Panicked(_)) => Err(hopeless(
                Code::Undecodable,
                format!("the decoder broke down: {err}"),
            )),
            Err(err) => {
                let message = format!("the image could not be cut: {err}");
                Err(Trouble::Again(err.into(), failure(Code::Internal, message)))
            }
        }
    }

    async fn room_for(&self, original: &[u8]) -> Result<SemaphorePermit<'_>, Trouble> {
        let needed = imaging::decode_memory(original, &Limits::default());
        let needed = needed.map_err(|err| undecodable(&err))?.div_ceil(MIB);
        let permits = u32::try_from(needed).unwrap_or(u32::MAX);
        let permits = permits.min(DECODING as u32);
        self.memory.acquire_many(permits).await.map_err(stopping)
    }
}

fn undecodable(err: &imaging::Error) -> Trouble {
    hopeless(Code::Undecodable, err.to_string())
}

fn stopping(err: tokio::sync::AcquireError) -> Trouble {
    let failure = failure(Code::Internal, "the image could not be cut".to_owned());
    Trouble::Again(err.into(), failure)
}
