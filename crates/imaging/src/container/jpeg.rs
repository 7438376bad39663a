//! JPEG, ITU-T T.81 annex B.

use super::{Header, Structure, take};
use crate::{Error, Format};

/// What names an XMP packet in an APP1 segment, and a further part of one (XMP part 3, 1.1.3).
pub(crate) const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const MORE_XMP: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";

const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const PROGRESSIVE: u8 = 0xc2;
const START_OF_SCAN: u8 = 0xda;
/// APP11, where boxes of all kinds are kept (ISO/IEC 19566-5, annex D).
const JUMBF: u8 = 0xeb;
const END_OF_IMAGE: u8 = 0xd9;
/// Every scan of a progressive picture visits all of it, so a few KiB of scans keep a decoder busy
/// for minutes (LJT-01-005 of libjpeg-turbo). Encoders write about ten.
const MAX_SCANS: u32 = 64;

pub(crate) fn header(bytes: &[u8]) -> Result<Header, Error> {
    let mut at = 2;
    loop {
        let (marker, after) = marker_at(bytes, at)?;
        let Some(data) = segment(bytes, marker, after)? else {
            at = after;
            continue;
        };
        if let Some(header) = frame(marker, data)? {
            return Ok(header);
        }
        if marker == START_OF_SCAN {
            return Err(malformed("a scan before the frame header"));
        }
        at = after + 2 + data.len();
    }
}

pub(crate) fn structure(bytes: &[u8]) -> Result<Structure, Error> {
    let (mut header, mut scans, mut progressive) = (None, 0u32, false);
    let (mut credentials, mut at) = (false, 2);
    loop {
        let (marker, after) = marker_at(bytes, at)?;
        if marker == END_OF_IMAGE {
            break;
        }
        let Some(data) = segment(bytes, marker, after)? else {
            at = after;
            continue;
        };
        at = after + 2 + data.len();
        if let Some(found) = frame(marker, data)?
            && header.replace(found).is_some()
        {
            return Err(malformed("more than one frame header"));
        }
        progressive |= marker == PROGRESSIVE;
        credentials |= marker == JUMBF && holds_manifest(data);
        if marker == START_OF_SCAN {
            scans += 1;
            at = end_of_scan(bytes, at)?;
        }
    }
    match header {
        Some(header) if scans > 0 => Ok(Structure {
            header,
            animated: false,
            misread: if scans > MAX_SCANS {
                Some("more than 64 scans")
            } else if !progressive && scans > 1 {
                // zune-jpeg 0.5.15 mixes up the planes of such files.
                Some("sequential with a scan for each component")
            } else {
                None
            },
            credentials,
        }),
        _ => Err(malformed("no frame header or no scan")),
    }
}

/// The file with this XMP packet, of at most 65 000 bytes, in place of any other. `bytes` has passed
/// [`structure`].
pub(crate) fn with_xmp(bytes: &[u8], xmp: &str) -> Result<Vec<u8>, Error> {
    let (mut front, mut rest, mut at) = (Vec::new(), Vec::new(), 2);
    loop {
        let (marker, after) = marker_at(bytes, at)?;
        let data = segment(bytes, marker, after)?;
        let end = data.map_or(after, |data| after + 2 + data.len());
        let whole = bytes.get(at..end).unwrap_or_default();
        let named = |name| data.is_some_and(|data| data.starts_with(name));
        let xmp = marker == APP1 && (named(XMP) || named(MORE_XMP));
        // JFIF and Exif both want to come first.
        match marker {
            START_OF_SCAN | END_OF_IMAGE => break,
            _ if xmp => {}
            APP0 | APP1 if rest.is_empty() => front.extend(whole),
            _ => rest.extend(whole),
        }
        at = end;
    }
    let length = (2 + XMP.len() + xmp.len()) as u16;
    let packet = [
        &[0xff, APP1],
        &length.to_be_bytes()[..],
        XMP,
        xmp.as_bytes(),
    ]
    .concat();
    let [start, scans] = [bytes.get(..2), bytes.get(at..)].map(Option::unwrap_or_default);
    Ok([start, &front, &packet, &rest, scans].concat())
}

/// Whether the first piece of a C2PA manifest store is in a segment. In front of it are the name, an
/// instance and the number of the piece; the box begins with one that describes it, and that with its
/// kind.
fn holds_manifest(data: &[u8]) -> bool {
    let names = (data.get(..2), data.get(12..16), data.get(20..24));
    names == (Some(b"JP"), Some(b"jumb"), Some(b"jumd")) && data.get(24..28) == Some(b"c2pa")
}

/// Reads a marker and any fill bytes before it; returns it with the place after it.
fn marker_at(bytes: &[u8], mut at: usize) -> Result<(u8, usize), Error> {
    if *bytes.get(at).ok_or_else(truncated)? != 0xff {
        return Err(malformed("no marker where one must be"));
    }
    loop {
        at += 1;
        match *bytes.get(at).ok_or_else(truncated)? {
            0xff => {}
            0x00 => return Err(malformed("no marker where one must be")),
            marker => return Ok((marker, at + 1)),
        }
    }
}

/// The data of the segment whose length field is at `at`; none for markers that stand alone.
fn segment(bytes: &[u8], marker: u8, at: usize) -> Result<Option<&[u8]>, Error> {
    if matches!(marker, 0x01 | 0xd0..=END_OF_IMAGE) {
        return Ok(None);
    }
    let length = take(bytes, at, 2)
        .and_then(<[u8]>::first_chunk)
        .ok_or_else(truncated)?;
    let Some(length) = usize::from(u16::from_be_bytes(*length)).checked_sub(2) else {
        return Err(malformed("a segment shorter than its own length field"));
    };
    take(bytes, at + 2, length).map(Some).ok_or_else(truncated)
}

/// The header, if `marker` starts a frame of a kind that we decode.
fn frame(marker: u8, data: &[u8]) -> Result<Option<Header>, Error> {
    match marker {
        0xc0..=0xc2 => {}
        0xc4 | 0xc8 | 0xcc => return Ok(None),
        0xc3..=0xcf => return Err(malformed("lossless, hierarchical or arithmetic coding")),
        _ => return Ok(None),
    }
    let &[_precision, h0, h1, w0, w1, components, ..] = data else {
        return Err(malformed("a frame header that is too short"));
    };
    // A progressive picture keeps the 16-bit coefficients of every component until its last scan.
    let coefficients = if marker == PROGRESSIVE {
        2 * u64::from(components)
    } else {
        0
    };
    Ok(Some(Header {
        width: u16::from_be_bytes([w0, w1]).into(),
        height: u16::from_be_bytes([h0, h1]).into(),
        // Twice the pixels: an Exif orientation turns them into a second buffer.
        decode_bytes_per_pixel: 6 + coefficients,
    }))
}

/// The place of the first marker after entropy-coded data. Stuffed zeros and restarts are data.
fn end_of_scan(bytes: &[u8], mut at: usize) -> Result<usize, Error> {
    loop {
        let rest = bytes.get(at..).ok_or_else(truncated)?;
        at += rest
            .iter()
            .position(|&byte| byte == 0xff)
            .ok_or_else(truncated)?;
        match *bytes.get(at + 1).ok_or_else(truncated)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            _ => return Ok(at),
        }
    }
}

fn truncated() -> Error {
    Error::Truncated {
        format: Format::Jpeg,
        missing: "end-of-image marker",
    }
}

fn malformed(what: &'static str) -> Error {
    Error::Malformed {
        format: Format::Jpeg,
        what,
    }
}
