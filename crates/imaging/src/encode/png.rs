use std::borrow::Cow;

use super::Marks;
use crate::Error;
use crate::container::png::XMP_KEYWORD;
use crate::raster::Raster;

/// Encodes a picture with or without alpha.
pub(super) fn encode(raster: &Raster, marks: &Marks<'_>) -> Result<Vec<u8>, Error> {
    encoded(raster, marks).map_err(Error::EncodePng)
}

fn encoded(raster: &Raster, marks: &Marks<'_>) -> Result<Vec<u8>, png::EncodingError> {
    let mut info = png::Info::with_size(raster.width, raster.height);
    info.color_type = if raster.alpha {
        png::ColorType::Rgba
    } else {
        png::ColorType::Rgb
    };
    info.icc_profile = marks.profile.map(Cow::Borrowed);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::with_info(&mut bytes, info)?;
    encoder.set_compression(png::Compression::Fast);
    encoder.add_itxt_chunk(XMP_KEYWORD.to_owned(), marks.xmp.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&raster.pixels)?;
    writer.finish()?;
    Ok(bytes)
}
