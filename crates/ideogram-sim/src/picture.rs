//! Pictures on demand: drawn when they are fetched, from nothing but their key and what was sent
//! along, so that equal orders give equal bytes and memory holds only the last few.

mod compose;
mod encode;
mod lettering;
mod motif;
mod noise;
mod paint;
mod ridge;
mod scene;
mod source;

pub(crate) use source::Source;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::catalogue::{Size, Work};
use crate::config::{Config, Picture};
use crate::keys::{Digest, digest};

/// The longer side of a tiny picture, in pixels.
const TINY: u32 = 64;
/// The size that is drawn before the first request where there is a pool.
const USUAL: Size = (1024, 1024);
/// Pixels above which a picture is drawn alone.
const LARGE: u64 = 16 << 20;
/// Bytes above which a picture is drawn anew each time.
const LARGEST_KEPT: usize = 32 << 20;
/// How many sizes a pool keeps.
const POOLED_SIZES: usize = 4;

/// What to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// Decides the picture.
    pub(crate) key: [u8; 32],
    /// In pixels.
    pub(crate) size: Size,
    /// Lettered on the picture, and looked through for what to show.
    pub(crate) prompt: String,
    /// How it comes out of its layers.
    pub(crate) work: Work,
    /// Whether only its middle is opaque.
    pub(crate) transparent: bool,
    /// The layers, by their digests.
    pub(crate) image: Option<Digest>,
    pub(crate) mask: Option<Digest>,
}

/// The files that a subject is made from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    pub(crate) image: Option<Bytes>,
    pub(crate) mask: Option<Bytes>,
}

/// Draws and keeps pictures.
pub(crate) struct Pictures {
    kind: Picture,
    pool: Option<usize>,
    capacity: usize,
    cache: Mutex<VecDeque<(Subject, Bytes)>>,
    threads: u32,
    easels: Semaphore,
}

impl Pictures {
    pub(crate) fn new(config: &Config) -> Self {
        let pooled = match (config.picture, config.picture_pool) {
            (_, Some(k)) => k * POOLED_SIZES,
            (Picture::Tiny, None) => 256,
            (Picture::Full, None) => 0,
        };
        let threads = std::thread::available_parallelism().map_or(2, |n| n.get() as u32);
        Self {
            kind: config.picture,
            pool: config.picture_pool,
            capacity: config.picture_cache.max(pooled),
            cache: Mutex::default(),
            threads,
            easels: Semaphore::new(threads as usize),
        }
    }

    /// Draws the pool in the usual size.
    pub(crate) async fn prepare(&self) -> anyhow::Result<()> {
        for slot in 0..self.pool.unwrap_or_default() {
            let subject = pooled(slot, self.size(USUAL));
            self.fetch(subject, Layers::default()).await?;
        }
        Ok(())
    }

    /// The pixels that a picture of this size really has.
    pub(crate) fn size(&self, (width, height): Size) -> Size {
        match self.kind {
            Picture::Full => (width, height),
            Picture::Tiny => {
                let longer = width.max(height).max(1);
                (
                    (width * TINY / longer).max(1),
                    (height * TINY / longer).max(1),
                )
            }
        }
    }

    /// The PNG, and whether it had to be drawn.
    pub(crate) async fn get(
        &self,
        subject: Subject,
        layers: Layers,
    ) -> anyhow::Result<(Bytes, bool)> {
        self.fetch(self.reduced(subject), layers).await
    }

    /// Reads pictures that came from outside; `None` if one of them cannot be read.
    pub(crate) async fn read(&self, files: Vec<Bytes>) -> anyhow::Result<Option<Vec<Source>>> {
        let _easel = self.easels(1).await?;
        off_the_loop(|| files.into_iter().map(Source::read).collect()).await
    }

    async fn fetch(&self, subject: Subject, layers: Layers) -> anyhow::Result<(Bytes, bool)> {
        if let Some(png) = self.cached(&subject) {
            return Ok((png, false));
        }
        // A large one takes all easels, so that memory holds no second one of its kind.
        let pixels = u64::from(subject.size.0) * u64::from(subject.size.1);
        let _easels = self
            .easels(if pixels > LARGE { self.threads } else { 1 })
            .await?;
        // Somebody else may have drawn it while this one waited.
        if let Some(png) = self.cached(&subject) {
            return Ok((png, false));
        }
        let wanted = subject.clone();
        let png = off_the_loop(move || draw(&wanted, &layers)).await??;
        self.keep(subject, png.clone());
        Ok((png, true))
    }

    async fn easels(&self, count: u32) -> anyhow::Result<SemaphorePermit<'_>> {
        let easels = self.easels.acquire_many(count).await;
        easels.context("the simulator is stopping")
    }

    /// The subject that stands for this one where there are fewer pictures than orders.
    fn reduced(&self, subject: Subject) -> Subject {
        let size = self.size(subject.size);
        let stand_in = match (self.pool, self.kind) {
            (Some(k), _) => {
                let hash = subject
                    .key
                    .first_chunk()
                    .map_or(0, |bytes| u64::from_be_bytes(*bytes));
                pooled((hash % k as u64) as usize, size)
            }
            (None, Picture::Tiny) => pooled(0, size),
            (None, Picture::Full) => return Subject { size, ..subject },
        };
        Subject {
            key: stand_in.key,
            size,
            prompt: stand_in.prompt,
            ..subject
        }
    }

    fn cached(&self, subject: &Subject) -> Option<Bytes> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let position = cache.iter().position(|(kept, _)| kept == subject)?;
        let entry = cache.remove(position)?;
        let png = entry.1.clone();
        cache.push_back(entry);
        Some(png)
    }

    fn keep(&self, subject: Subject, png: Bytes) {
        if png.len() > LARGEST_KEPT {
            return;
        }
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.push_back((subject, png));
        while cache.len() > self.capacity {
            cache.pop_front();
        }
    }
}

fn pooled(slot: usize, size: Size) -> Subject {
    let prompt = format!("picture {} of the pool", slot + 1);
    Subject {
        key: digest(&[prompt.as_bytes()]),
        size,
        prompt,
        work: Work::Draw,
        transparent: false,
        image: None,
        mask: None,
    }
}

/// Works on pixels where that holds up nobody else.
async fn off_the_loop<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<T> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the simulator stands outside the layers that have a wrapper; a panic is reported here"
    )]
    tokio::task::spawn_blocking(work)
        .await
        .context("the painter panicked")
}

fn draw(subject: &Subject, layers: &Layers) -> anyhow::Result<Bytes> {
    let canvas = compose::compose(subject, layers)?;
    encode::png(&canvas).context("cannot encode a picture")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(size: Size) -> Subject {
        Subject {
            key: digest(&[b"test"]),
            prompt: "a red kite over dunes, ünïcode 日本".to_owned(),
            ..pooled(0, size)
        }
    }

    fn drawn(subject: &Subject) -> anyhow::Result<Bytes> {
        draw(subject, &Layers::default())
    }

    #[test]
    fn equal_subjects_give_equal_bytes() -> anyhow::Result<()> {
        let other = Subject {
            key: digest(&[b"other"]),
            ..subject((96, 64))
        };

        assert_eq!(drawn(&subject((96, 64)))?, drawn(&subject((96, 64)))?);
        assert_ne!(drawn(&subject((96, 64)))?, drawn(&other)?);
        Ok(())
    }

    #[test]
    fn a_megapixel_weighs_what_the_real_ones_weigh() -> anyhow::Result<()> {
        let png = drawn(&subject((1024, 1024)))?;

        assert!(
            (1_100_000..2_100_000).contains(&png.len()),
            "{} bytes",
            png.len()
        );
        Ok(())
    }

    #[test]
    fn every_size_can_be_drawn() -> anyhow::Result<()> {
        for size in [(1, 1), (21, 64), (64, 21), (512, 64)] {
            let png = drawn(&subject(size))?;
            let image =
                image::ImageReader::with_format(std::io::Cursor::new(png), image::ImageFormat::Png)
                    .decode()?;
            assert_eq!((image.width(), image.height()), size);
        }
        Ok(())
    }
}
