//! What comes instead of an image: other formats, error pages, programs.

use super::{Case, refused};

/// A ZIP, which also is what a polyglot ends in.
pub(super) const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\x08\0bomb";

pub(super) fn all() -> Vec<Case> {
    let laughs = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE svg [{}]><svg>&a9;</svg>",
        (1..10)
            .map(|n| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10)))
            .collect::<String>()
    );
    vec![
        refused("empty", []),
        refused("one byte", [0x89]),
        refused("zeros", vec![0; 1 << 20]),
        refused(
            "gif that moves",
            *b"GIF89a\xff\xff\xff\xff\xf7\0\0!\xff\x0bNETSCAPE2.0",
        ),
        refused(
            "bmp of 2 GiB",
            *b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\xff\x7f\0\0\xff\x7f\0\0\x01\0\x18\0",
        ),
        refused("tiff, little endian", *b"II*\0\x08\0\0\0\xff\xff"),
        refused("tiff, big endian", *b"MM\0*\0\0\0\x08\xff\xff"),
        refused("svg with a billion laughs", laughs),
        refused(
            "svg that includes a file",
            *b"<svg><image href='file:///etc/passwd'/></svg>",
        ),
        refused(
            "imagemagick script",
            *b"push graphic-context\nfill 'url(https://x\"|id\")'",
        ),
        refused("postscript", *b"%!PS-Adobe-3.0\n{ } loop"),
        refused("pdf", *b"%PDF-1.7\n1 0 obj"),
        refused(
            "html error page",
            *b"<!DOCTYPE html><title>403 Forbidden</title>",
        ),
        refused("json error", *b"{\"error\":\"link expired\"}"),
        refused("zip", ZIP),
        refused("gzip", *b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
        refused("avif", *b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"),
        refused("heic", *b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        refused("mp4", *b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
        refused("jpeg xl", *b"\0\0\0\x0cJXL \r\n\x87\n"),
        refused("jpeg 2000", *b"\0\0\0\x0cjP  \r\n\x87\n"),
        refused("icon", *b"\0\0\x01\0\x01\0\0\0\0\0\x01\0\x20\0"),
        refused("photoshop", *b"8BPS\0\x01\0\0\0\0\0\0\0\x03"),
        refused("wave in a riff", *b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"),
        refused("elf program", *b"\x7fELF\x02\x01\x01\0"),
        refused(
            "png after ftp in text mode",
            *b"\x89PNG\n\x1a\n\0\0\0\rIHDR",
        ),
    ]
}
