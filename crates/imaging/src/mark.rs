use std::borrow::Cow;

use crate::container::{self, jpeg, png, webp};
use crate::{Error, Format, Provenance, sniff};

/// Writes where an image comes from into its file, in place of any XMP packet that is there. Nothing
/// else changes: not a pixel, not the rest of the metadata.
///
/// Borrowed, and the same byte for byte, is a file with a C2PA manifest. Its signature covers all
/// bytes of the file, so that any mark of ours would make it look tampered with, and it says what we
/// would say. All others are owned.
///
/// # Errors
///
/// [`Error::UnknownFormat`], [`Error::Truncated`] or [`Error::Malformed`] for what is no whole image,
/// [`Error::Unsupported`] for AVIF, which is marked when it is made.
pub fn with_provenance<'a>(
    bytes: &'a [u8],
    provenance: &Provenance,
) -> Result<Cow<'a, [u8]>, Error> {
    let format = sniff(bytes).ok_or(Error::UnknownFormat)?;
    if container::structure(format, bytes)?.credentials {
        return Ok(Cow::Borrowed(bytes));
    }
    let xmp = provenance.xmp(false);
    let marked = match format {
        Format::Png => png::with_xmp(bytes, &xmp),
        Format::Jpeg => jpeg::with_xmp(bytes, &xmp),
        Format::Webp => webp::marked(bytes, &xmp, None),
        Format::Avif => Err(Error::Unsupported {
            format,
            what: "avif is marked when it is made",
        }),
    };
    marked.map(Cow::Owned)
}
