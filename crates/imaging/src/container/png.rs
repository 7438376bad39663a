//! PNG, <https://www.w3.org/TR/png-3/#5DataRep>.

use std::borrow::Cow;

use super::{Header, Structure, take};
use crate::{Error, Format};

const SIGNATURE: usize = 8;
/// What names an XMP packet in an iTXt chunk (PNG 3, 11.3.3.2).
pub(crate) const XMP_KEYWORD: &str = "XML:com.adobe.xmp";
/// Before that was settled, `ImageMagick` kept packets under this name, and readers still look there.
const OLD_XMP_KEYWORD: &str = "Raw profile type xmp";
/// Length, type and CRC around a chunk's data.
const FRAME: usize = 12;
/// The chunks that decide what the picture looks like. `iCCP` is kept so that a wide-gamut picture
/// keeps its profile; the decoder inflates it within a limit.
const ESSENTIAL: [&[u8; 4]; 6] = [b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"IDAT", b"IEND"];

struct Chunk<'a> {
    kind: &'a [u8],
    data: &'a [u8],
    /// Length, type, data and CRC as they stand in the file.
    whole: &'a [u8],
}

impl Chunk<'_> {
    fn crc_holds(&self) -> bool {
        let (Some(covered), Some(crc)) = (
            self.whole.get(4..self.whole.len().saturating_sub(4)),
            self.whole.last_chunk::<4>(),
        ) else {
            return false;
        };
        crc32fast::hash(covered) == u32::from_be_bytes(*crc)
    }

    fn is_xmp(&self) -> bool {
        let text = matches!(self.kind, b"iTXt" | b"tEXt" | b"zTXt");
        let keyword = self.data.split(|byte| *byte == 0).next();
        let named = |name: &str| keyword == Some(name.as_bytes());
        text && (named(XMP_KEYWORD) || named(OLD_XMP_KEYWORD))
    }
}

pub(crate) fn header(bytes: &[u8]) -> Result<Header, Error> {
    ihdr(&chunk_at(bytes, SIGNATURE)?)
}

pub(crate) fn structure(bytes: &[u8]) -> Result<Structure, Error> {
    let header = header(bytes)?;
    let (mut animated, mut pixels, mut credentials, mut at) = (false, false, false, SIGNATURE);
    loop {
        let chunk = chunk_at(bytes, at)?;
        if !chunk.crc_holds() {
            return Err(malformed("a chunk does not match its CRC"));
        }
        at += chunk.whole.len();
        match chunk.kind {
            b"acTL" => animated = true,
            b"caBX" => credentials = true,
            b"IDAT" => pixels = true,
            b"IEND" if pixels => {
                return Ok(Structure {
                    header,
                    animated,
                    misread: None,
                    credentials,
                });
            }
            b"IEND" => return Err(malformed("no IDAT chunk")),
            _ => {}
        }
    }
}

/// The file without the chunks that no pixel depends on, so that no decoder can be made to inflate
/// or keep them. `bytes` has passed [`structure`].
pub(crate) fn essential(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    let mut kept: Vec<&[u8]> = bytes.get(..SIGNATURE).into_iter().collect();
    let (mut dropped, mut at) = (false, SIGNATURE);
    loop {
        let chunk = chunk_at(bytes, at)?;
        at += chunk.whole.len();
        if ESSENTIAL.iter().any(|kind| kind.as_slice() == chunk.kind) {
            kept.push(chunk.whole);
        } else {
            dropped = true;
        }
        if chunk.kind == b"IEND" {
            break;
        }
    }
    Ok(if dropped {
        Cow::Owned(kept.concat())
    } else {
        Cow::Borrowed(bytes)
    })
}

/// The file with this XMP packet behind its header, in place of any other. `bytes` has passed
/// [`structure`].
pub(crate) fn with_xmp(bytes: &[u8], xmp: &str) -> Result<Vec<u8>, Error> {
    let header = chunk_at(bytes, SIGNATURE)?;
    let mut at = SIGNATURE + header.whole.len();
    let mut marked = bytes.get(..at).unwrap_or_default().to_vec();
    // Neither compressed nor in a language.
    let packet = [XMP_KEYWORD.as_bytes(), &[0; 5], xmp.as_bytes()].concat();
    push(&mut marked, b"iTXt", &packet);
    loop {
        let chunk = chunk_at(bytes, at)?;
        at += chunk.whole.len();
        if !chunk.is_xmp() {
            marked.extend(chunk.whole);
        }
        if chunk.kind == b"IEND" {
            marked.extend(bytes.get(at..).unwrap_or_default());
            return Ok(marked);
        }
    }
}

fn push(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    let covered = [kind, data].concat();
    file.extend((data.len() as u32).to_be_bytes());
    file.extend(&covered);
    file.extend(crc32fast::hash(&covered).to_be_bytes());
}

/// A picture of the usual kind: 8-bit RGB or RGBA in rows, with nothing that changes its colours.
#[derive(Debug)]
pub(crate) struct Plain<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) alpha: bool,
    /// The zlib stream.
    pub(crate) compressed: Cow<'a, [u8]>,
}

/// The picture, if it is of the usual kind. `bytes` has passed [`structure`].
pub(crate) fn plain(bytes: &[u8]) -> Result<Option<Plain<'_>>, Error> {
    let first = chunk_at(bytes, SIGNATURE)?;
    let header = ihdr(&first)?;
    let alpha = match first.data.get(8..) {
        Some([8, 2, 0, 0, 0]) => false,
        Some([8, 6, 0, 0, 0]) => true,
        _ => return Ok(None),
    };
    let (mut pieces, mut at) = (Vec::new(), SIGNATURE + first.whole.len());
    loop {
        let chunk = chunk_at(bytes, at)?;
        at += chunk.whole.len();
        match chunk.kind {
            b"IDAT" => pieces.push(chunk.data),
            b"IEND" => break,
            // Transparent colours and profiles, or a second header that must be refused.
            b"tRNS" | b"iCCP" | b"IHDR" => return Ok(None),
            _ => {}
        }
    }
    let compressed = match pieces[..] {
        [piece] => Cow::Borrowed(piece),
        _ => Cow::Owned(pieces.concat()),
    };
    Ok(Some(Plain {
        width: header.width,
        height: header.height,
        alpha,
        compressed,
    }))
}

fn ihdr(chunk: &Chunk<'_>) -> Result<Header, Error> {
    let (b"IHDR", &[w0, w1, w2, w3, h0, h1, h2, h3, _depth, color, ..]) = (chunk.kind, chunk.data)
    else {
        return Err(malformed("does not begin with an IHDR chunk"));
    };
    // Grey is decoded as it is (one or two bytes) and then spread to three or four.
    let grey = color == 0 || color == 4;
    Ok(Header {
        width: u32::from_be_bytes([w0, w1, w2, w3]),
        height: u32::from_be_bytes([h0, h1, h2, h3]),
        decode_bytes_per_pixel: if grey { 6 } else { 4 },
    })
}

fn chunk_at(bytes: &[u8], at: usize) -> Result<Chunk<'_>, Error> {
    let missing = || Error::Truncated {
        format: Format::Png,
        missing: "IEND chunk",
    };
    let length = take(bytes, at, 4)
        .and_then(<[u8]>::first_chunk)
        .ok_or_else(missing)?;
    let length = u32::from_be_bytes(*length);
    if length > i32::MAX as u32 {
        return Err(malformed("a chunk is longer than the format allows"));
    }
    let whole = take(bytes, at, length as usize + FRAME).ok_or_else(missing)?;
    Ok(Chunk {
        kind: &whole[4..8],
        data: &whole[8..whole.len() - 4],
        whole,
    })
}

fn malformed(what: &'static str) -> Error {
    Error::Malformed {
        format: Format::Png,
        what,
    }
}
