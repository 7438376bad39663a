use std::borrow::Cow;

use jpeg_encoder::{ColorType, Encoder, EncodingError};

use crate::Error;
use crate::raster::Raster;

/// What names an XMP packet in an APP1 segment (XMP part 3, 1.1.3).
const XMP_SEGMENT: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const APP1: u8 = 1;
/// What names an XMP packet in an iTXt chunk (PNG 3, 11.3.3.2).
const XMP_KEYWORD: &str = "XML:com.adobe.xmp";

/// Encodes a picture without alpha.
pub(crate) fn jpeg(
    raster: &Raster,
    quality: u8,
    xmp: String,
    profile: Option<&[u8]>,
) -> Result<Vec<u8>, Error> {
    encode_jpeg(raster, quality, xmp, profile).map_err(Error::EncodeJpeg)
}

fn encode_jpeg(
    raster: &Raster,
    quality: u8,
    xmp: String,
    profile: Option<&[u8]>,
) -> Result<Vec<u8>, EncodingError> {
    let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX);
    let mut bytes = Vec::new();
    // The fixed Huffman tables stay. Optimised ones save about a fifth of the bytes for 40 % more time
    // (`benches/cutting.rs` prints both), but make jpeg-encoder 0.7 write one scan for each component.
    // libjpeg reads that well, zune-jpeg 0.5 in false colours, and we cannot know our readers.
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.add_app_segment(APP1, [XMP_SEGMENT, xmp.as_bytes()].concat())?;
    if let Some(profile) = profile {
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

/// Encodes a picture with or without alpha.
pub(crate) fn png(raster: &Raster, xmp: String, profile: Option<&[u8]>) -> Result<Vec<u8>, Error> {
    encode_png(raster, xmp, profile).map_err(Error::EncodePng)
}

fn encode_png(
    raster: &Raster,
    xmp: String,
    profile: Option<&[u8]>,
) -> Result<Vec<u8>, png::EncodingError> {
    let mut info = png::Info::with_size(raster.width, raster.height);
    info.color_type = if raster.alpha {
        png::ColorType::Rgba
    } else {
        png::ColorType::Rgb
    };
    info.icc_profile = profile.map(Cow::Borrowed);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::with_info(&mut bytes, info)?;
    encoder.set_compression(png::Compression::Fast);
    encoder.add_itxt_chunk(XMP_KEYWORD.to_owned(), xmp)?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&raster.pixels)?;
    writer.finish()?;
    Ok(bytes)
}
