use jpeg_encoder::{ColorType, Encoder, EncodingError};

use super::Marks;
use crate::Error;
use crate::raster::Raster;

/// What names an XMP packet in an APP1 segment (XMP part 3, 1.1.3).
const XMP_SEGMENT: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const APP1: u8 = 1;

/// Encodes a picture without alpha.
pub(super) fn encode(raster: &Raster, quality: u8, marks: &Marks<'_>) -> Result<Vec<u8>, Error> {
    encoded(raster, quality, marks).map_err(Error::EncodeJpeg)
}

fn encoded(raster: &Raster, quality: u8, marks: &Marks<'_>) -> Result<Vec<u8>, EncodingError> {
    let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX);
    let mut bytes = Vec::new();
    // The fixed Huffman tables stay. Optimised ones save about a fifth of the bytes for 40 % more time
    // (`benches/cutting.rs` prints both), but make jpeg-encoder 0.7 write one scan for each component.
    // libjpeg reads that well, zune-jpeg 0.5 in false colours, and we cannot know our readers.
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.add_app_segment(APP1, [XMP_SEGMENT, marks.xmp.as_bytes()].concat())?;
    if let Some(profile) = marks.profile {
        encoder.add_icc_profile(profile)?;
    }
    encoder.encode(
        &raster.pixels,
        side(raster.width),
        side(raster.height),
        ColorType::Rgb,
    )?;
    Ok(bytes)
}
