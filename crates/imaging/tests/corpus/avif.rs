//! AVIFs, which are never decoded, that lie, nest or go on for ever.

use super::{Case, refused};

fn part(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [
        &(data.len() as u32 + 8).to_be_bytes(),
        kind.as_slice(),
        data,
    ]
    .concat()
}

fn file(rest: &[u8]) -> Vec<u8> {
    [&part(b"ftyp", b"avif\0\0\0\0mif1miaf"), rest].concat()
}

/// A `meta` box of a picture of this size.
fn meta(width: u32, height: u32) -> Vec<u8> {
    let size = [[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat();
    let properties = part(b"iprp", &part(b"ipco", &part(b"ispe", &size)));
    part(b"meta", &[&[0; 4], properties.as_slice()].concat())
}

pub(super) fn all() -> Vec<Case> {
    let media = part(b"mdat", &[0; 64]);
    let huge = [&meta(u32::MAX, u32::MAX), media.as_slice()].concat();
    let nested = (0..2000).fold(Vec::new(), |inner, _| part(b"meta", &inner));
    vec![
        refused("avif of 2^32 a side", file(&huge)),
        refused(
            "avif of a box of 2^64 bytes",
            file(b"\0\0\0\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff"),
        ),
        refused(
            "avif of a box shorter than its header",
            file(b"\0\0\0\x03meta"),
        ),
        refused("avif of a box as long as the file", file(b"\0\0\0\0mdat")),
        refused(
            "avif of 100,000 empty boxes",
            file(&part(b"free", &[]).repeat(100_000)),
        ),
        refused("avif of boxes in boxes", file(&nested)),
        refused("avif with a megabyte of manifest", {
            let manifest = part(b"uuid", &vec![0xd8; 1 << 20]);
            file(&[huge, manifest].concat())
        }),
    ]
}
