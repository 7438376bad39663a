mod other;
mod png;

use crate::{Error, Format, Limits, Picture, container, sniff};

/// Decodes a whole, still image to 8-bit RGB or RGBA. An Exif orientation is applied and all metadata
/// but an RGB colour profile of at most 1 MiB is left behind, places and people included.
///
/// The header is checked against `limits` first, and the file must be complete, so what breaks off
/// is an error and never a picture that is grey at the bottom.
///
/// # Errors
///
/// [`Error::Size`] and [`Error::Memory`] before anything is allocated; [`Error::UnknownFormat`],
/// [`Error::Truncated`], [`Error::Malformed`], [`Error::Animated`], [`Error::Unsupported`], [`Error::DecodePng`] and
/// [`Error::Decode`] for input that will never decode.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Picture, Error> {
    let format = sniff(bytes).ok_or(Error::UnknownFormat)?;
    let header = container::header(format, bytes)?;
    limits.check_size(&header)?;
    limits.check_memory(&header, bytes.len())?;
    let structure = container::structure(format, bytes)?;
    if structure.animated {
        return Err(Error::Animated { format });
    }
    if let Some(what) = structure.misread {
        return Err(Error::Unsupported { format, what });
    }
    let mut picture = match format {
        Format::Png => png::decode(bytes),
        Format::Jpeg => other::decode_jpeg(bytes),
        Format::Webp => other::decode_webp(bytes),
        Format::Avif => Err(container::avif::unread()),
    }?;
    picture.credentials = structure.credentials;
    Ok(picture)
}
