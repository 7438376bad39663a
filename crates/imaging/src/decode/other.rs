use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, ImageError};

use crate::raster::Raster;
use crate::{Error, Format, Picture};

pub(super) fn decode_jpeg(bytes: &[u8]) -> Result<Picture, Error> {
    JpegDecoder::new(Cursor::new(bytes))
        .and_then(picture)
        .map_err(|source| Error::Decode {
            format: Format::Jpeg,
            source,
        })
}

pub(super) fn decode_webp(bytes: &[u8]) -> Result<Picture, Error> {
    WebPDecoder::new(Cursor::new(bytes))
        .and_then(picture)
        .map_err(|source| Error::Decode {
            format: Format::Webp,
            source,
        })
}

fn picture(mut decoder: impl ImageDecoder) -> Result<Picture, ImageError> {
    let profile = decoder.icc_profile()?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);

    let alpha = image.color().has_alpha();
    let raster = Raster {
        width: image.width(),
        height: image.height(),
        alpha,
        pixels: if alpha {
            image.into_rgba8().into_raw()
        } else {
            image.into_rgb8().into_raw()
        },
    };
    Ok(Picture::new(raster, profile))
}
