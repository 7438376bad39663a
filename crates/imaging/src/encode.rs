mod avif;
mod budget;
mod jpeg;
mod png;
mod webp;

use crate::raster::Raster;
use crate::strips::{Strips, Whole};
use crate::{Encoding, Error, Preset};

/// What is written into every file beside its pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks<'a> {
    pub(crate) xmp: &'a str,
    pub(crate) profile: Option<&'a [u8]>,
}

/// A file, and what it took to make it.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    /// None for formats without loss.
    pub(crate) quality: Option<u8>,
    /// Whether the file is larger than it should be even so.
    pub(crate) over_budget: bool,
}

/// Encodes as the preset asks; a JPEG must not have alpha.
pub(crate) fn encode(
    raster: &Raster,
    preset: &Preset,
    marks: &Marks<'_>,
) -> Result<Encoded, Error> {
    let most = preset.max_bytes.map(|most| most as usize);
    match preset.encoding {
        Encoding::Jpeg { quality } => budget::within(most, quality, |quality| {
            jpeg::encode(&mut Whole::new(raster), quality, marks)
        }),
        Encoding::Webp { quality } => budget::within(most, quality, |quality| {
            webp::encode(raster, quality, marks)
        }),
        Encoding::Avif { quality } => budget::within(most, quality, |quality| {
            avif::encode(raster, quality, marks)
        }),
        Encoding::Png => Ok(Encoded {
            bytes: png::encode(raster, marks)?,
            quality: None,
            over_budget: false,
        }),
    }
}

/// Encodes a JPEG of whatever size while its picture is made.
pub(crate) fn encode_strips(
    strips: &mut impl Strips,
    quality: u8,
    marks: &Marks<'_>,
) -> Result<Encoded, Error> {
    Ok(Encoded {
        bytes: jpeg::encode(strips, quality, marks)?,
        quality: Some(quality),
        over_budget: false,
    })
}
