//! AVIF: items and their properties by ISO/IEC 23008-12 (HEIF), AV1 in them by AV1 Image File Format 1.1.

mod marked;

use super::bmff::{find, malformed, parts};
use super::{Header, Structure, take};
use crate::{Error, Format};

pub(crate) use marked::marked;

/// Box `uuid` of a C2PA manifest store (C2PA 2.1, A.5.1).
const CREDENTIALS: [u8; 16] = *b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81";

/// Whether the file says that it can be read as AVIF, still or moving.
pub(crate) fn is_avif(bytes: &[u8]) -> bool {
    brands(bytes).any(|brand| matches!(brand, b"avif" | b"avis"))
}

/// Nothing that has to be decoded may be an AVIF: to read them takes a decoder of AV1.
pub(crate) fn unread() -> Error {
    Error::Unsupported {
        format: Format::Avif,
        what: "avif is written and not read",
    }
}

pub(crate) fn structure(bytes: &[u8]) -> Result<Structure, Error> {
    let (mut size, mut media, mut credentials) = (None, false, false);
    for part in parts(bytes) {
        let part = part?;
        match &part.kind {
            b"meta" => size = Some(largest(part.data)?),
            b"mdat" => media = true,
            b"uuid" => credentials |= part.data.starts_with(&CREDENTIALS),
            _ => {}
        }
    }
    let (Some((width, height)), true) = (size, media) else {
        return Err(malformed("no meta box or no mdat box"));
    };
    Ok(Structure {
        header: Header {
            width,
            height,
            decode_bytes_per_pixel: 0,
        },
        animated: brands(bytes).any(|brand| brand == b"avis"),
        misread: None,
        credentials,
    })
}

/// The size of the picture. It is the largest of all, the others being those of tiles, thumbnails and
/// planes of alpha.
fn largest(meta: &[u8]) -> Result<(u32, u32), Error> {
    let children = meta.get(4..).unwrap_or_default();
    let properties = find(find(children, b"iprp")?, b"ipco")?;
    let mut sizes = Vec::new();
    for part in parts(properties) {
        let part = part?;
        if let (b"ispe", &[_, _, _, _, w0, w1, w2, w3, h0, h1, h2, h3]) = (&part.kind, part.data) {
            let side = u32::from_be_bytes;
            sizes.push((side([w0, w1, w2, w3]), side([h0, h1, h2, h3])));
        }
    }
    let area = |&(width, height): &(u32, u32)| u64::from(width) * u64::from(height);
    let largest = sizes.into_iter().max_by_key(area);
    largest.ok_or_else(|| malformed("no size"))
}

/// The brands of the `ftyp` box: the first of them, a version, and then the rest.
fn brands(bytes: &[u8]) -> impl Iterator<Item = &[u8; 4]> {
    let length = match bytes {
        &[l0, l1, l2, l3, b'f', b't', b'y', b'p', ..] => u32::from_be_bytes([l0, l1, l2, l3]),
        _ => 0,
    };
    let rest = take(bytes, 8, (length as usize).saturating_sub(8)).unwrap_or_default();
    let (brands, _) = rest.as_chunks();
    let version = |(at, _): &(usize, _)| *at != 1;
    brands
        .iter()
        .enumerate()
        .filter(version)
        .map(|(_, brand)| brand)
}
