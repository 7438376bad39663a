//! WebP, RFC 9649 section 2.

use super::{Header, Structure, take};
use crate::{Error, Format};

/// `RIFF`, the length and `WEBP`.
const FILE_HEADER: usize = 12;
const CHUNK_HEADER: usize = 8;
const ANIMATION: u8 = 0b10;
/// Flags of the extended header: an XMP packet, a plane of alpha, a colour profile.
const XMP: u8 = 0b100;
const ALPHA: u8 = 0b1_0000;
const PROFILE: u8 = 0b10_0000;

struct Chunk<'a> {
    kind: &'a [u8],
    data: &'a [u8],
    /// Where the next one begins; chunks are padded to even lengths.
    end: usize,
}

pub(crate) fn header(bytes: &[u8]) -> Result<Header, Error> {
    let kind = take(bytes, FILE_HEADER, 4).ok_or_else(truncated)?;
    let data = bytes
        .get(FILE_HEADER + CHUNK_HEADER..)
        .ok_or_else(truncated)?;
    size(kind, data)?.ok_or_else(|| malformed("does not begin with an image"))
}

pub(crate) fn structure(bytes: &[u8]) -> Result<Structure, Error> {
    let header = header(bytes)?;
    let riff = take(bytes, 4, 4)
        .and_then(<[u8]>::first_chunk)
        .ok_or_else(truncated)?;
    let length = u32::from_le_bytes(*riff) as usize;
    let file = take(bytes, 0, length.saturating_add(8)).ok_or_else(truncated)?;

    let (mut animated, mut pictures, mut credentials, mut at) = (false, 0, false, FILE_HEADER);
    while at < file.len() {
        let chunk = chunk_at(file, at)?;
        at = chunk.end;
        match chunk.kind {
            b"VP8X" => {
                animated |= chunk
                    .data
                    .first()
                    .is_some_and(|flags| flags & ANIMATION != 0)
            }
            b"ANMF" | b"ANIM" => animated = true,
            b"C2PA" => credentials = true,
            b"VP8 " | b"VP8L" => {
                pictures += 1;
                let inner = size(chunk.kind, chunk.data)?;
                // A small canvas around a huge picture would pass the limits and then be decoded.
                if inner.is_some_and(|inner| {
                    (inner.width, inner.height) != (header.width, header.height)
                }) {
                    return Err(malformed("canvas and picture differ in size"));
                }
            }
            _ => {}
        }
    }
    if pictures == 1 || animated {
        Ok(Structure {
            header,
            animated,
            misread: None,
            credentials,
        })
    } else {
        Err(malformed("not exactly one picture"))
    }
}

/// The file in the extended format with this XMP packet in place of any other, and with this colour
/// profile if one is given. `bytes` has passed [`structure`], or comes from an encoder.
pub(crate) fn marked(bytes: &[u8], xmp: &str, profile: Option<&[u8]>) -> Result<Vec<u8>, Error> {
    let canvas = canvas(bytes, profile.is_some())?;
    let length = take(bytes, 4, 4).and_then(<[u8]>::first_chunk);
    let length = u32::from_le_bytes(*length.ok_or_else(truncated)?) as usize;
    let end = length.saturating_add(8);
    let (file, behind) = bytes.split_at_checked(end).ok_or_else(truncated)?;

    let mut marked = b"RIFF\0\0\0\0WEBP".to_vec();
    push(&mut marked, b"VP8X", &canvas);
    if let Some(profile) = profile {
        push(&mut marked, b"ICCP", profile);
    }
    let mut at = FILE_HEADER;
    while at < file.len() {
        let chunk = chunk_at(file, at)?;
        at = chunk.end;
        match chunk.kind {
            b"VP8X" | b"XMP " => {}
            b"ICCP" if profile.is_some() => {}
            kind => push(&mut marked, kind, chunk.data),
        }
    }
    push(&mut marked, b"XMP ", xmp.as_bytes());
    let length = (marked.len() - 8) as u32;
    marked[4..8].copy_from_slice(&length.to_le_bytes());
    marked.extend(behind);
    Ok(marked)
}

/// The data of the extended header that a file has or should have, to which XMP and if need be a
/// colour profile are added.
fn canvas(bytes: &[u8], profile: bool) -> Result<[u8; 10], Error> {
    let first = chunk_at(bytes, FILE_HEADER)?;
    let mut canvas = if first.kind == b"VP8X" {
        *front(first.data)?
    } else {
        let Header { width, height, .. } = header(bytes)?;
        let side = |side: u32| side.saturating_sub(1).to_le_bytes();
        let ([w0, w1, w2, _], [h0, h1, h2, _]) = (side(width), side(height));
        // A lossless picture says by itself whether its alpha is used; a lossy one has none.
        let alpha = first.kind == b"VP8L" && front::<5>(first.data)?[4] & 0b1_0000 != 0;
        [
            if alpha { ALPHA } else { 0 },
            0,
            0,
            0,
            w0,
            w1,
            w2,
            h0,
            h1,
            h2,
        ]
    };
    canvas[0] |= if profile { XMP | PROFILE } else { XMP };
    Ok(canvas)
}

fn push(bytes: &mut Vec<u8>, kind: &[u8], data: &[u8]) {
    bytes.extend_from_slice(kind);
    bytes.extend_from_slice(&(data.len() as u32).to_le_bytes());
    bytes.extend_from_slice(data);
    if data.len() % 2 == 1 {
        bytes.push(0);
    }
}

/// Width and height, if a chunk of this kind states them.
fn size(kind: &[u8], data: &[u8]) -> Result<Option<Header>, Error> {
    let (width, height) = match kind {
        b"VP8 " => {
            let &[_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = front(data)? else {
                return Err(malformed("a lossy picture without its start code"));
            };
            let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
            (side(w0, w1), side(h0, h1))
        }
        b"VP8L" => {
            let &[0x2f, b0, b1, b2, b3] = front(data)? else {
                return Err(malformed("a lossless picture without its signature"));
            };
            let bits = u32::from_le_bytes([b0, b1, b2, b3]);
            ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }
        b"VP8X" => {
            let &[_, _, _, _, w0, w1, w2, h0, h1, h2] = front(data)?;
            let side = |low, mid, high| u32::from_le_bytes([low, mid, high, 0]) + 1;
            (side(w0, w1, w2), side(h0, h1, h2))
        }
        _ => return Ok(None),
    };
    Ok(Some(Header {
        width,
        height,
        // The pixels, the planes or the ARGB they are made from, and a plane of alpha as ARGB.
        decode_bytes_per_pixel: 10,
    }))
}

fn front<const N: usize>(data: &[u8]) -> Result<&[u8; N], Error> {
    data.first_chunk().ok_or_else(truncated)
}

fn chunk_at(file: &[u8], at: usize) -> Result<Chunk<'_>, Error> {
    let header: &[u8; CHUNK_HEADER] = take(file, at, CHUNK_HEADER)
        .and_then(<[u8]>::first_chunk)
        .ok_or_else(truncated)?;
    let &[_, _, _, _, l0, l1, l2, l3] = header;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    let start = at + CHUNK_HEADER;
    Ok(Chunk {
        kind: &header[..4],
        data: take(file, start, length).ok_or_else(truncated)?,
        end: start + length.next_multiple_of(2),
    })
}

fn truncated() -> Error {
    Error::Truncated {
        format: Format::Webp,
        missing: "end of the RIFF",
    }
}

fn malformed(what: &'static str) -> Error {
    Error::Malformed {
        format: Format::Webp,
        what,
    }
}
