//! JPEGs that lie, keep a decoder busy or break off.

use anyhow::{Context, Result};

use super::other::ZIP;
use super::{Case, decoded, refused};
use crate::samples;

/// The name of an XMP packet, and half of one.
const PACKET: &[u8] = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta";

/// A segment with its marker and length.
fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u16 + 2).to_be_bytes();
    [&[0xff, marker], &length[..], data].concat()
}

/// Puts bytes behind the start of the image.
fn with(jpeg: &[u8], bytes: &[u8]) -> Vec<u8> {
    [&jpeg[..2], bytes, &jpeg[2..]].concat()
}

/// The place of a marker. None of ours occurs inside of a segment before it.
fn place(jpeg: &[u8], marker: u8) -> Result<usize> {
    jpeg.windows(2)
        .position(|pair| pair == [0xff, marker])
        .with_context(|| format!("no marker {marker:#x}"))
}

/// The JPEG with some bytes of its frame header replaced: precision, height, width, components.
fn framed(jpeg: &[u8], marker: u8, at: usize, bytes: &[u8]) -> Result<Vec<u8>> {
    let start = place(jpeg, marker)? + 4 + at;
    let mut jpeg = jpeg.to_vec();
    jpeg[start..start + bytes.len()].copy_from_slice(bytes);
    Ok(jpeg)
}

pub(super) fn all() -> Result<Vec<Case>> {
    let baseline = samples::jpeg(320, 240, false)?;
    Ok([
        frames(&baseline)?,
        scans(&baseline)?,
        metadata(&baseline),
        ends(&baseline),
    ]
    .into_iter()
    .flatten()
    .collect())
}

fn frames(baseline: &[u8]) -> Result<Vec<Case>> {
    let kind = |marker: u8| -> Result<Vec<u8>> {
        let mut jpeg = baseline.to_vec();
        let at = place(&jpeg, 0xc0)? + 1;
        jpeg[at] = marker;
        Ok(jpeg)
    };
    let frame = &baseline[place(baseline, 0xc0)?..][..19];
    Ok(vec![
        refused(
            "jpeg of 65,535 a side",
            framed(baseline, 0xc0, 1, &[0xff; 4])?,
        ),
        refused(
            "jpeg of 67 megapixels",
            framed(baseline, 0xc0, 1, &[0x20, 0, 0x20, 0])?,
        ),
        refused("jpeg without height", framed(baseline, 0xc0, 1, &[0, 0])?),
        refused("jpeg without width", framed(baseline, 0xc0, 3, &[0, 0])?),
        refused("jpeg of 12 bits", framed(baseline, 0xc0, 0, &[12])?),
        refused("jpeg of 255 components", framed(baseline, 0xc0, 5, &[255])?),
        refused("jpeg sampled 15 times", framed(baseline, 0xc0, 7, &[0xff])?),
        refused("jpeg sampled never", framed(baseline, 0xc0, 7, &[0])?),
        refused(
            "jpeg with nobody's quantisation",
            framed(baseline, 0xc0, 8, &[3])?,
        ),
        refused("jpeg without loss", kind(0xc3)?),
        refused("jpeg in arithmetic coding", kind(0xc9)?),
        refused("jpeg with two frames", with(baseline, frame)),
    ])
}

fn scans(baseline: &[u8]) -> Result<Vec<Case>> {
    let progressive = samples::jpeg(1600, 1200, true)?;
    let last = progressive
        .windows(2)
        .rposition(|pair| pair == [0xff, 0xda])
        .context("no scan")?;
    let end = progressive.len() - 2;
    let busy = [
        &progressive[..end],
        &progressive[last..end].repeat(200),
        &progressive[end..],
    ]
    .concat();
    let scan = place(baseline, 0xda)? + 14;
    let noise: Vec<u8> = (0..40_000u32)
        .map(|n| (n.wrapping_mul(n) >> 7) as u8 & 0x7f)
        .collect();
    let mut tables = baseline.to_vec();
    let at = place(&tables, 0xc4)? + 5;
    tables[at..at + 16].fill(0xff);
    Ok(vec![
        refused("jpeg of 200 scans more", busy),
        refused("jpeg with impossible huffman tables", tables),
        decoded("jpeg that is all restarts", {
            [
                &baseline[..scan],
                &[0xff, 0xd0].repeat(100_000),
                &[0xff, 0xd9],
            ]
            .concat()
        }),
        refused(
            "jpeg with noise for pixels and no end",
            [&baseline[..scan], &noise].concat(),
        ),
        refused(
            "jpeg without a scan",
            [&baseline[..scan - 14], &[0xff, 0xd9]].concat(),
        ),
    ])
}

fn metadata(baseline: &[u8]) -> Vec<Case> {
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0\0\0\0\x08";
    let mut profile = b"ICC_PROFILE\0\x01\xff".to_vec();
    profile.resize(60_000, 7);
    vec![
        decoded("jpeg with 2 MiB of comments", {
            with(baseline, &segment(0xfe, &[b'a'; 65_000]).repeat(32))
        }),
        decoded(
            "jpeg with 10,000 empty comments",
            with(baseline, &segment(0xfe, &[]).repeat(10_000)),
        ),
        decoded(
            "jpeg with exif that points at itself",
            with(baseline, &segment(0xe1, exif)),
        ),
        decoded(
            "jpeg with one of 255 pieces of a profile",
            with(baseline, &segment(0xe2, &profile)),
        ),
        decoded("jpeg with 2 MiB of what is no manifest", {
            with(baseline, &segment(0xeb, &[b'J'; 65_000]).repeat(32))
        }),
        decoded(
            "jpeg with 50 packets",
            with(baseline, &segment(0xe1, PACKET).repeat(50)),
        ),
        decoded(
            "jpeg that is a page",
            with(baseline, &segment(0xfe, b"<script>alert(1)</script>")),
        ),
    ]
}

fn ends(baseline: &[u8]) -> Vec<Case> {
    vec![
        refused("jpeg of nothing but its start", [0xff, 0xd8, 0xff]),
        refused("jpeg of start and end", [0xff, 0xd8, 0xff, 0xd9]),
        refused("jpeg that starts for ever", [0xff, 0xd8].repeat(50_000)),
        refused(
            "jpeg that is all fill bytes",
            [&[0xff, 0xd8][..], &[0xff; 100_000]].concat(),
        ),
        refused("jpeg cut in a segment", &baseline[..30]),
        refused("jpeg cut in its pixels", &baseline[..baseline.len() - 1000]),
        refused("jpeg without its end", &baseline[..baseline.len() - 2]),
        refused(
            "jpeg with a segment of no length",
            with(baseline, &[0xff, 0xe5, 0, 0]),
        ),
        decoded("jpeg that is a zip as well", [baseline, ZIP].concat()),
    ]
}
