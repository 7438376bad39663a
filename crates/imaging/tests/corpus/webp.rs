//! Files in `WebP` that lie, move or break off.

use anyhow::Result;

use super::other::ZIP;
use super::{Case, decoded, refused};
use crate::samples;

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = [kind.as_slice(), &(data.len() as u32).to_le_bytes(), data].concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

fn riff(chunks: &[u8]) -> Vec<u8> {
    let length = (chunks.len() as u32 + 4).to_le_bytes();
    [b"RIFF".as_slice(), &length, b"WEBP", chunks].concat()
}

/// A canvas of 24-bit sides, each one less than the size.
fn canvas(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let (w, h) = ((width - 1).to_le_bytes(), (height - 1).to_le_bytes());
    chunk(b"VP8X", &[&[flags, 0, 0, 0], &w[..3], &h[..3]].concat())
}

pub(super) fn all() -> Result<Vec<Case>> {
    let whole = samples::webp(320, 240)?;
    let picture = &whole[12..];
    let mut noise = whole.clone();
    for (at, byte) in noise.iter_mut().enumerate().skip(26) {
        *byte = (at.wrapping_mul(at) >> 5) as u8;
    }
    let lossless = |bits: u32| {
        riff(&chunk(
            b"VP8L",
            &[&[0x2f], &bits.to_le_bytes()[..], &[0; 20]].concat(),
        ))
    };
    let frame = chunk(b"ANMF", &[0; 24]);
    Ok(vec![
        refused("webp of 16,384 a side", lossless(0x0fff_ffff)),
        refused(
            "webp of 8,000 a side and no pixels",
            lossless(7999 | 4999 << 14),
        ),
        refused(
            "webp canvas of 2^24 a side",
            riff(&[canvas(0, 1 << 24, 1 << 24), picture.to_vec()].concat()),
        ),
        refused(
            "webp canvas smaller than its picture",
            riff(&[canvas(0, 9, 9), picture.to_vec()].concat()),
        ),
        refused("webp canvas without a picture", riff(&canvas(0, 320, 240))),
        refused("webp of two pictures", riff(&[picture, picture].concat())),
        refused(
            "webp of 10,000 frames",
            riff(&[canvas(2, 320, 240), frame.repeat(10_000)].concat()),
        ),
        refused("webp without a start code", riff(&chunk(b"VP8 ", &[0; 64]))),
        refused(
            "webp of lossy noise",
            riff(&chunk(
                b"VP8 ",
                b"\x10\x02\0\x9d\x01\x2a\x40\x01\xf0\0\xff\xff\xff\xff\xff\xff",
            )),
        ),
        refused("webp of no chunk", riff(&[])),
        refused("webp of an unknown chunk", riff(&chunk(b"ABCD", &[0; 64]))),
        refused("webp with noise for pixels", noise),
        refused(
            "webp that claims 4 GiB",
            [b"RIFF\xff\xff\xff\xffWEBP", picture].concat(),
        ),
        refused("webp cut in its header", &whole[..18]),
        refused("webp cut in its pixels", &whole[..whole.len() / 2]),
        decoded("webp with 2 MiB of metadata", {
            let meta = [
                chunk(b"EXIF", &[0xff; 1 << 20]),
                chunk(b"XMP ", &[b'<'; 1 << 20]),
            ]
            .concat();
            riff(&[canvas(0b1100, 320, 240), picture.to_vec(), meta].concat())
        }),
        decoded("webp with 2 MiB of manifests", {
            let manifests = chunk(b"C2PA", &[0xff; 1 << 20]).repeat(2);
            riff(&[canvas(0, 320, 240), picture.to_vec(), manifests].concat())
        }),
        decoded("webp that is a zip as well", [&whole, ZIP].concat()),
    ])
}
