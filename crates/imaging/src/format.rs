use std::fmt;

use crate::container::avif::is_avif;

/// A format that we write, and all but the last of which we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// W3C Portable Network Graphics.
    Png,
    /// ITU-T T.81 in a JFIF or Exif file.
    Jpeg,
    /// RFC 9649.
    Webp,
    /// AV1 Image File Format.
    Avif,
}

impl Format {
    /// The media type, as IANA registers it.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
        }
    }

    /// The usual file name extension, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Avif => "avif",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
            Self::Avif => "avif",
        })
    }
}

/// Tells the format by the magic bytes alone; what a name or a header claims is not asked.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(Format::Png)
    } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        Some(Format::Jpeg)
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some(Format::Webp)
    } else if is_avif(bytes) {
        Some(Format::Avif)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_bytes_decide() {
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\nrest"), Some(Format::Png));
        assert_eq!(sniff(&[0xff, 0xd8, 0xff, 0xe0]), Some(Format::Jpeg));
        assert_eq!(sniff(b"RIFF\0\0\0\0WEBPVP8 "), Some(Format::Webp));
        assert_eq!(sniff(b"RIFF\0\0\0\0WAVEfmt "), None);
        assert_eq!(sniff(b"\0\0\0\x14ftypavif\0\0\0\0mif1"), Some(Format::Avif));
        assert_eq!(sniff(b"\0\0\0\x14ftypmif1\0\0\0\0avif"), Some(Format::Avif));
        assert_eq!(sniff(b"\0\0\0\x14ftypheic\0\0\0\0mif1avif"), None);
        assert_eq!(sniff(b"\0\0\0\x14ftypmif1avifmif1"), None);
        assert_eq!(sniff(b"\0\0\0\x14ftypavif"), None);
        assert_eq!(sniff(b"GIF89a"), None);
        assert_eq!(sniff(b"<html>"), None);
        assert_eq!(sniff(b""), None);
    }
}
