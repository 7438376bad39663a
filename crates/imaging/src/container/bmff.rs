//! Boxes of the ISO base media file format, ISO/IEC 14496-12 4.2.

use super::take;
use crate::{Error, Format};

/// One box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) kind: [u8; 4],
    /// What follows its length and kind.
    pub(super) data: &'a [u8],
    /// As it stands in the file.
    pub(super) whole: &'a [u8],
}

/// The boxes that `bytes` consist of, up to the first that is broken.
pub(super) fn parts(bytes: &[u8]) -> impl Iterator<Item = Result<Part<'_>, Error>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let part = first(rest);
        rest = part.as_ref().map_or(&[], |part| &rest[part.whole.len()..]);
        Some(part)
    })
}

/// The data of the first box of a kind.
pub(super) fn find<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Result<&'a [u8], Error> {
    for part in parts(bytes) {
        let part = part?;
        if part.kind == *kind {
            return Ok(part.data);
        }
    }
    Err(malformed("a box that every file has is not there"))
}

/// Puts a box at the end of a file.
pub(super) fn push(file: &mut Vec<u8>, kind: &[u8; 4], data: &[&[u8]]) {
    let length: usize = data.iter().map(|data| data.len()).sum();
    file.extend((length as u32 + 8).to_be_bytes());
    file.extend(kind);
    file.extend(data.concat());
}

fn first(bytes: &[u8]) -> Result<Part<'_>, Error> {
    let &[l0, l1, l2, l3, k0, k1, k2, k3] = front(bytes)?;
    let (header, length) = match u32::from_be_bytes([l0, l1, l2, l3]) {
        // "As long as the file is", which would hide that the file has been cut.
        0 => return Err(malformed("a box that does not tell its length")),
        1 => {
            let long: &[u8; 16] = front(bytes)?;
            let [.., l0, l1, l2, l3, l4, l5, l6, l7] = *long;
            (16, u64::from_be_bytes([l0, l1, l2, l3, l4, l5, l6, l7]))
        }
        short => (8, short.into()),
    };
    let whole = usize::try_from(length)
        .ok()
        .and_then(|length| take(bytes, 0, length))
        .ok_or_else(truncated)?;
    let data = whole
        .get(header..)
        .ok_or_else(|| malformed("a box shorter than its own header"))?;
    Ok(Part {
        kind: [k0, k1, k2, k3],
        data,
        whole,
    })
}

fn front<const N: usize>(bytes: &[u8]) -> Result<&[u8; N], Error> {
    bytes.first_chunk().ok_or_else(truncated)
}

fn truncated() -> Error {
    Error::Truncated {
        format: Format::Avif,
        missing: "end of a box",
    }
}

pub(super) fn malformed(what: &'static str) -> Error {
    Error::Malformed {
        format: Format::Avif,
        what,
    }
}
