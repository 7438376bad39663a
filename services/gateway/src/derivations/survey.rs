//! The pictures that an order is about, read page by page and never held all at once.

use domain::{Code, Generation, Image, ImageState, Invalid, Job, Tenant};
use imaging::{Format, Preset};
use ring::digest::{Context, SHA256};
use serde::Serialize;
use storage::Key;

use super::pages::Pages;
use super::wanted::Wanted;
use crate::api::App;
use crate::problem::Problem;

/// Each picture is a work item, and beside these the paid ones must find room.
const MOST_PICTURES: u64 = 20_000;

/// What there is to do.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sum {
    /// Pictures of which at least one cut is missing.
    pub(super) images: u64,
    /// Cuts that are missing.
    cuts: u64,
    /// Cuts that are there already, and stay.
    already_cut: u64,
    /// Pictures that cannot be cut: withheld, not decodable, deleted, or still on their way.
    unavailable: u64,
    /// Of the originals to be read.
    bytes: u64,
    /// Of the cuts, by what such cuts usually take.
    estimated_output_bytes: u64,
    /// In cuts to JPEG that take as long.
    #[serde(skip)]
    pub(super) effort: f64,
}

/// A picture, and which of the wanted cuts it lacks, by their place among them.
pub(super) struct Lacking<'a> {
    pub(super) job: &'a Job,
    pub(super) image: &'a Image,
    pub(super) missing: Vec<usize>,
}

/// All pictures of a tenant that are meant, as they are at the moment of looking.
pub(super) struct Survey<'a> {
    app: &'a App,
    tenant: &'a Tenant,
    wanted: &'a Wanted,
}

impl<'a> Survey<'a> {
    pub(super) const fn new(app: &'a App, tenant: &'a Tenant, wanted: &'a Wanted) -> Self {
        Self {
            app,
            tenant,
            wanted,
        }
    }

    /// Adds up what is to be done, and names what is meant: the same pictures and recipes have the
    /// same name, however much of it is done.
    pub(super) async fn sum(&self) -> Result<(Sum, String), Problem> {
        let mut sum = Sum::default();
        let mut digest = Context::new(&SHA256);
        let mut pages = self.pages();
        while let Some(generations) = pages.next().await? {
            for generation in &generations {
                for image in &generation.images {
                    match self.keys(generation, image) {
                        Some(keys) => self.add(&mut sum, &mut digest, image, &keys),
                        None => sum.unavailable += 1,
                    }
                }
            }
            if sum.images > MOST_PICTURES {
                return Err(too_many().into());
            }
        }
        Ok((sum, hex::encode(digest.finish())))
    }

    fn add(&self, sum: &mut Sum, digest: &mut Context, image: &Image, keys: &[Key]) {
        let mut lacks = false;
        for (preset, key) in self.wanted.presets.iter().zip(keys) {
            digest.update(key.as_str().as_bytes());
            digest.update(b"\n");
            if has(image, key) {
                sum.already_cut += 1;
                continue;
            }
            lacks = true;
            let (bytes, effort) = usual(preset);
            sum.cuts += 1;
            sum.estimated_output_bytes += bytes;
            sum.effort += effort;
        }
        if lacks {
            sum.images += 1;
            sum.bytes += image.bytes;
        }
    }

    /// The pictures among `generations` that lack a wanted cut.
    pub(super) fn lacking<'g>(&self, generations: &'g [Generation]) -> Vec<Lacking<'g>> {
        let pictures = generations.iter().flat_map(|generation| {
            let images = generation.images.iter();
            images.map(move |image| (generation, image))
        });
        let lacking = pictures.filter_map(|(generation, image)| {
            let keys = self.keys(generation, image)?;
            let missing = keys.iter().enumerate();
            let missing = missing.filter(|(_, key)| !has(image, key));
            Some(Lacking {
                job: generation.job.as_ref()?,
                image,
                missing: missing.map(|(index, _)| index).collect(),
            })
        });
        lacking
            .filter(|picture| !picture.missing.is_empty())
            .collect()
    }

    /// Where the wanted cuts of a picture are or would be; none if it cannot be cut.
    fn keys(&self, generation: &Generation, image: &Image) -> Option<Vec<Key>> {
        let is_there = match image.state {
            ImageState::Ready => true,
            // Its first cuts are under way, unless it has turned up after the end.
            ImageState::Stored => generation.status.is_final(),
            _ => false,
        };
        if !is_there || image.key.is_none() {
            return None;
        }
        let (id, index, sha256) = (&generation.id, image.index, &image.sha256);
        let key = |preset: &Preset| Key::derived(id, index, sha256, &preset.file_name()).ok();
        self.wanted.presets.iter().map(key).collect()
    }

    pub(super) fn pages(&self) -> Pages<'_> {
        Pages::of(self.app, self.tenant, self.wanted)
    }
}

fn has(image: &Image, key: &Key) -> bool {
    image.derivatives.iter().any(|cut| cut.key == key.as_str())
}

/// What a cut usually takes: bytes, and time in cuts to JPEG.
fn usual(preset: &Preset) -> (u64, f64) {
    let encoding = preset.encoding();
    let (bits_per_pixel, effort) = match encoding.format() {
        Format::Jpeg => (1.2, 1.0),
        Format::Webp => (0.9, 4.0),
        Format::Avif => (0.6, 40.0),
        Format::Png => (12.0, 3.0),
    };
    let pixels = f64::from(preset.width()) * f64::from(preset.height());
    let bytes = (pixels * bits_per_pixel / 8.0) as u64;
    let most = preset.max_bytes().map_or(u64::MAX, u64::from);
    (bytes.min(most), effort)
}

fn too_many() -> Invalid {
    Invalid {
        field: "body".to_owned(),
        code: Code::Unsupported,
        reason: format!(
            "this is about more than {MOST_PICTURES} pictures, which is the most for one order; \
             narrow it, for example with `from` and `to`"
        ),
    }
}
