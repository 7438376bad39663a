use ravif::{Encoder, Img, RGBA8};

use super::Marks;
use crate::Error;
use crate::container::avif::marked;
use crate::raster::Raster;

/// How little rav1e tries, 1 to 10. Of 1200x630 pixels of a photograph in quality 80, this takes 0.95 s
/// of CPU for 30.7 KB; 8 takes twice as long for 5 % less, 10 a quarter less for 10 % more.
const SPEED: u8 = 9;

/// Encodes with loss, with or without alpha, in 4:4:4 and 10 bits: coloured lettering keeps its edges,
/// and gradients have no bands.
pub(super) fn encode(raster: &Raster, quality: u8, marks: &Marks<'_>) -> Result<Vec<u8>, Error> {
    let (width, height) = (raster.width as usize, raster.height as usize);
    let quality = f32::from(quality);
    // One thread means one tile: with more, the file would depend on the machine.
    let encoder = Encoder::new()
        .with_quality(quality)
        .with_alpha_quality(quality)
        .with_speed(SPEED)
        .with_num_threads(Some(1));
    // Its function for RGB would have all of the encoder compiled once more, into this crate. This one
    // leaves out an alpha channel that hides nothing.
    let opaque = |[r, g, b]: [u8; 3]| RGBA8::new(r, g, b, u8::MAX);
    let pixels: Vec<RGBA8> = if raster.alpha {
        let (pixels, _) = raster.pixels.as_chunks::<4>();
        pixels.iter().map(|pixel| (*pixel).into()).collect()
    } else {
        let (pixels, _) = raster.pixels.as_chunks::<3>();
        pixels.iter().map(|pixel| opaque(*pixel)).collect()
    };
    let encoded = encoder.encode_rgba(Img::new(&pixels, width, height));
    let file = encoded
        .map_err(|err| Error::EncodeAvif(err.into()))?
        .avif_file;
    marked(&file, marks.xmp, marks.profile)
        .ok_or_else(|| Error::EncodeAvif("its boxes are not where they were expected".into()))
}
