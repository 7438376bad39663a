//! The file formats as containers: sizes and structure, never pixels.

pub(crate) mod avif;
mod bmff;
pub(crate) mod jpeg;
pub(crate) mod png;
pub(crate) mod webp;

use crate::{Error, Format};

/// What a header promises.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Upper bound of what our decoders hold at once for each pixel, the result included.
    pub(crate) decode_bytes_per_pixel: u64,
}

impl Header {
    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// What a walk over a whole file has found.
#[derive(Debug)]
pub(crate) struct Structure {
    pub(crate) header: Header,
    pub(crate) animated: bool,
    /// A valid file that our decoder would read in false colours or for minutes, so that it must not.
    pub(crate) misread: Option<&'static str>,
    /// Whether there is a C2PA manifest store in it.
    pub(crate) credentials: bool,
}

/// What the header of a file that is to be decoded promises.
pub(crate) fn header(format: Format, bytes: &[u8]) -> Result<Header, Error> {
    match format {
        Format::Png => png::header(bytes),
        Format::Jpeg => jpeg::header(bytes),
        Format::Webp => webp::header(bytes),
        Format::Avif => Err(avif::unread()),
    }
}

pub(crate) fn structure(format: Format, bytes: &[u8]) -> Result<Structure, Error> {
    match format {
        Format::Png => png::structure(bytes),
        Format::Jpeg => jpeg::structure(bytes),
        Format::Webp => webp::structure(bytes),
        Format::Avif => avif::structure(bytes),
    }
}

/// Takes `len` bytes at `at`, or nothing where the file is shorter or the sum overflows.
fn take(bytes: &[u8], at: usize, len: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(len)?)
}
