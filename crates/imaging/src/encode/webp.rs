use webpx::{Encoder, Unstoppable};

use super::Marks;
use crate::Error;
use crate::container::webp::marked;
use crate::raster::Raster;

/// How hard libwebp tries, 0 to 6: what its own tools and sharp do.
const METHOD: u8 = 4;

/// Encodes with loss, with or without alpha.
pub(super) fn encode(raster: &Raster, quality: u8, marks: &Marks<'_>) -> Result<Vec<u8>, Error> {
    let (pixels, width, height) = (&raster.pixels, raster.width, raster.height);
    let encoder = if raster.alpha {
        Encoder::new_rgba(pixels, width, height)
    } else {
        Encoder::new_rgb(pixels, width, height)
    };
    let picture = encoder
        .quality(quality.into())
        .method(METHOD)
        .encode(Unstoppable)
        .map_err(|err| Error::EncodeWebp(Box::new(err)))?;
    marked(&picture, marks.xmp, marks.profile)
}
