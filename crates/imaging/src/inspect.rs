use crate::container::{self, Header};
use crate::{Error, Format, Limits, sniff};

/// What is known of an image without decoding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// The format by its magic bytes.
    pub format: Format,
    /// Width in pixels as stored, before an Exif orientation is applied.
    pub width: u32,
    /// Height in pixels as stored, before an Exif orientation is applied.
    pub height: u32,
    /// Whether there is a C2PA manifest store in the file: an `APP11` segment of a JPEG, `caBX` of a
    /// PNG, `C2PA` of a WebP, `uuid` of an AVIF. It is not validated. [`inspect`] reads no further than
    /// the header and says false.
    pub content_credentials: bool,
}

/// Reads the header only, and refuses sizes outside `limits` and AVIF, which is not read.
///
/// # Errors
///
/// [`Error::UnknownFormat`], [`Error::Truncated`] and [`Error::Malformed`] when there is no readable
/// header, [`Error::Size`] when it announces too much, [`Error::Unsupported`] for AVIF.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<Info, Error> {
    let format = sniff(bytes).ok_or(Error::UnknownFormat)?;
    let header = container::header(format, bytes)?;
    limits.check_size(&header)?;
    Ok(info(format, &header, false))
}

/// Walks the whole container without decoding a pixel: a download that broke off does not pass.
///
/// PNG: every chunk with its CRC up to `IEND`. JPEG: every segment and scan up to the end-of-image
/// marker. WebP: every chunk of the RIFF. AVIF: every box. Bytes after the end are tolerated, they are never decoded.
/// There is no limit of size here, so that an image too large to be cut can still be kept, and so can an
/// AVIF.
///
/// # Errors
///
/// [`Error::UnknownFormat`], [`Error::Truncated`] or [`Error::Malformed`].
pub fn verify_whole(bytes: &[u8]) -> Result<Info, Error> {
    let format = sniff(bytes).ok_or(Error::UnknownFormat)?;
    let structure = container::structure(format, bytes)?;
    Ok(info(format, &structure.header, structure.credentials))
}

/// The most bytes of memory that [`decode`](crate::decode) will hold at once for this file, from its
/// header alone: whoever decodes several at once takes that many permits and stays within a budget.
///
/// # Errors
///
/// As [`inspect`], and [`Error::Memory`] when `limits` do not allow that much.
pub fn decode_memory(bytes: &[u8], limits: &Limits) -> Result<u64, Error> {
    let format = sniff(bytes).ok_or(Error::UnknownFormat)?;
    let header = container::header(format, bytes)?;
    limits.check_size(&header)?;
    limits.check_memory(&header, bytes.len())
}

fn info(format: Format, header: &Header, content_credentials: bool) -> Info {
    Info {
        format,
        width: header.width,
        height: header.height,
        content_credentials,
    }
}
