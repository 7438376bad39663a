//! PNGs that lie, swell or break off.

use anyhow::Result;
use libdeflater::{CompressionLvl, Compressor};

use super::other::ZIP;
use super::{Case, decoded, refused};
use crate::samples;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const MIB: usize = 1 << 20;

/// A chunk around `data`, with its CRC.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let covered = [kind.as_slice(), data].concat();
    let length = (data.len() as u32).to_be_bytes();
    let crc = crc32fast::hash(&covered).to_be_bytes();
    [length.as_slice(), &covered, &crc].concat()
}

fn zlib(data: &[u8]) -> Result<Vec<u8>> {
    let mut compressor = Compressor::new(CompressionLvl::best());
    let mut bytes = vec![0; compressor.zlib_compress_bound(data.len())];
    let length = compressor.zlib_compress(data, &mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

fn ihdr(width: u32, height: u32, depth: u8, color: u8, interlace: u8) -> Vec<u8> {
    let (w, h) = (width.to_be_bytes(), height.to_be_bytes());
    chunk(
        b"IHDR",
        &[&w[..], &h, &[depth, color, 0, 0, interlace]].concat(),
    )
}

/// A file of a header, chunks between, and pixels inflating to `raw`.
fn file(header: &[u8], between: &[u8], raw: &[u8]) -> Result<Vec<u8>> {
    let idat = chunk(b"IDAT", &zlib(raw)?);
    Ok([SIGNATURE, header, between, &idat, &chunk(b"IEND", &[])].concat())
}

/// Rows of 8x8 RGB without a filter.
const RAW: [u8; 200] = [0; 200];

fn rgb8(between: &[u8]) -> Result<Vec<u8>> {
    file(&ihdr(8, 8, 8, 2, 0), between, &RAW)
}

pub(super) fn all() -> Result<Vec<Case>> {
    Ok([headers()?, pixels()?, metadata()?, ends()?]
        .into_iter()
        .flatten()
        .collect())
}

fn headers() -> Result<Vec<Case>> {
    let sized = |width, height| file(&ihdr(width, height, 8, 2, 0), &[], &RAW);
    Ok(vec![
        refused("png of 2^32 a side", sized(u32::MAX, u32::MAX)?),
        refused("png of 2^31 a side", sized(1 << 31, 1 << 31)?),
        refused("png of one very long row", sized(8193, 1)?),
        refused("png of 67 megapixels", sized(8192, 8192)?),
        refused("png without width", sized(0, 8)?),
        refused("png without height", sized(8, 0)?),
        refused(
            "png of no known colour",
            file(&ihdr(8, 8, 8, 5, 0), &[], &RAW)?,
        ),
        refused("png of 3 bits", file(&ihdr(8, 8, 3, 0, 0), &[], &RAW)?),
        refused(
            "png interlaced by nobody's scheme",
            file(&ihdr(8, 8, 8, 2, 9), &[], &RAW)?,
        ),
        refused("png whose header comes second", {
            let text = chunk(b"tEXt", b"Comment\0first");
            [SIGNATURE, &text, &rgb8(&[])?[8..]].concat()
        }),
        refused(
            "png with a second, larger header",
            rgb8(&ihdr(4096, 4096, 8, 6, 0))?,
        ),
    ])
}

fn pixels() -> Result<Vec<Case>> {
    let colors = |count: usize| chunk(b"PLTE", &vec![7; count * 3]);
    let mut wrong_sum = zlib(&RAW)?;
    if let Some(last) = wrong_sum.last_mut() {
        *last ^= 1;
    }
    let idat = |data: &[u8]| {
        let (header, end) = (ihdr(8, 8, 8, 2, 0), chunk(b"IEND", &[]));
        [SIGNATURE, &header, &chunk(b"IDAT", data), &end].concat()
    };
    Ok(vec![
        decoded("png of 36 megapixels in a few KiB", {
            file(&ihdr(6000, 6000, 1, 0, 0), &[], &vec![0; 751 * 6000])?
        }),
        refused(
            "png of 36 megapixels and no pixels",
            file(&ihdr(6000, 6000, 8, 2, 0), &[], &[])?,
        ),
        decoded("png with 64 MiB behind its pixels", {
            let raw = [RAW.as_slice(), &vec![0; 64 * MIB]].concat();
            file(&ihdr(8, 8, 8, 2, 0), &[], &raw)?
        }),
        refused(
            "png with half its pixels",
            file(&ihdr(8, 8, 8, 2, 0), &[], &RAW[..100])?,
        ),
        refused("png of no zlib", idat(b"not compressed")),
        refused("png with empty pixels", idat(b"")),
        // The CRC around them holds, and the sum would tell nothing more.
        decoded("png whose pixels fail their sum", idat(&wrong_sum)),
        refused(
            "png filtered by nobody's filter",
            file(&ihdr(8, 8, 8, 2, 0), &[], &[9; 200])?,
        ),
        refused(
            "png without its palette",
            file(&ihdr(8, 8, 8, 3, 0), &[], &[0; 72])?,
        ),
        refused(
            "png with 300 colours",
            file(&ihdr(8, 8, 8, 3, 0), &colors(300), &[0; 72])?,
        ),
        decoded("png pointing past its palette", {
            let raw = [0, 9, 9, 9, 9, 9, 9, 9, 9].repeat(8);
            file(&ihdr(8, 8, 8, 3, 0), &colors(2), &raw)?
        }),
        decoded("png with more alphas than colours", {
            let alphas = chunk(b"tRNS", &[0; 200]);
            file(
                &ihdr(8, 8, 8, 3, 0),
                &[colors(2), alphas].concat(),
                &[0; 72],
            )?
        }),
    ])
}

fn metadata() -> Result<Vec<Case>> {
    let zeros = zlib(&vec![0; 64 * MIB])?;
    let compressed = |kind, front: &[u8]| rgb8(&chunk(kind, &[front, &zeros].concat()));
    Ok(vec![
        decoded(
            "png with a profile of 64 MiB",
            compressed(b"iCCP", b"p\0\0")?,
        ),
        decoded(
            "png with text of 64 MiB",
            compressed(b"zTXt", b"Comment\0\0")?,
        ),
        decoded(
            "png with unicode of 64 MiB",
            compressed(b"iTXt", b"Comment\0\x01\0\0\0")?,
        ),
        decoded(
            "png with a packet of 64 MiB",
            compressed(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0")?,
        ),
        decoded(
            "png with a megabyte of manifest",
            rgb8(&chunk(b"caBX", &vec![0xff; MIB]))?,
        ),
        decoded(
            "png with 50,000 comments",
            rgb8(&chunk(b"tEXt", b"Comment\0a").repeat(50_000))?,
        ),
        decoded(
            "png with text that is no zlib",
            rgb8(&chunk(b"zTXt", b"Comment\0\0no"))?,
        ),
        decoded("png with exif that points at itself", {
            rgb8(&chunk(
                b"eXIf",
                b"MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x08",
            ))?
        }),
        decoded(
            "png with a megabyte of nobody's chunk",
            rgb8(&chunk(b"aaAa", &vec![1; MIB]))?,
        ),
    ])
}

fn ends() -> Result<Vec<Case>> {
    let whole = samples::rgb_png(300, 200)?;
    let mut flipped = whole.clone();
    flipped[60] ^= 0x10;
    let endless = [SIGNATURE, &ihdr(8, 8, 8, 2, 0), b"\xff\xff\xff\xffIDAT"].concat();
    Ok(vec![
        refused("png cut in its signature", &whole[..5]),
        refused("png cut in its header", &whole[..20]),
        refused("png cut in its pixels", &whole[..whole.len() / 2]),
        refused("png without its end", &whole[..whole.len() - 12]),
        refused("png with a flipped bit", flipped),
        refused("png with an endless chunk", endless),
        refused(
            "png that moves",
            rgb8(&chunk(b"acTL", &[0, 0, 0xff, 0xff, 0, 0, 0, 0]))?,
        ),
        decoded("png that is a zip as well", [&whole, ZIP].concat()),
    ])
}
