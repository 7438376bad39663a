//! What bombs cost, measured by the kernel. One test, since the measure is the process's.
#![cfg(target_os = "linux")]

mod samples;

use std::borrow::Cow;
use std::fs;

use anyhow::{Context, Result};
use imaging::{Limits, decode};

const MIB: usize = 1 << 20;

/// The most memory this process has had resident since the last reset, in bytes.
fn peak() -> Result<usize> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM")?;
    let kib: usize = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// What `decode` adds to the peak, and whether it went well.
fn growth(bytes: &[u8]) -> Result<(usize, bool)> {
    // 5 resets the peak to what is resident now (proc_pid_clear_refs(5)).
    fs::write("/proc/self/clear_refs", "5")?;
    let before = peak()?;
    let decoded = decode(bytes, &Limits::default());
    Ok((peak()?.saturating_sub(before), decoded.is_ok()))
}

/// A 64x64 PNG whose text and colour profile inflate to 64 MiB each.
fn metadata_bomb() -> Result<Vec<u8>> {
    let mut info = png::Info::with_size(64, 64);
    info.color_type = png::ColorType::Rgb;
    info.icc_profile = Some(Cow::Owned(vec![0; 64 * MIB]));
    let text = "a".repeat(64 * MIB);
    info.compressed_latin1_text
        .push(png::text_metadata::ZTXtChunk::new("Comment", text));
    samples::png_with(info, &samples::marked(64, 64))
}

/// A few KiB that decode to 6000x6000 pixels of one bit.
fn pixel_bomb() -> Result<Vec<u8>> {
    samples::png(
        6000,
        6000,
        png::ColorType::Grayscale,
        png::BitDepth::One,
        &vec![0; 750 * 6000],
    )
}

#[test]
fn bombs_stay_under_the_limit() -> Result<()> {
    let metadata = metadata_bomb()?;
    assert!(metadata.len() < MIB);
    let (grown, decoded) = growth(&metadata)?;
    assert!(decoded, "the picture beside the metadata is fine");
    assert!(grown < 12 * MIB, "{grown} bytes for a metadata bomb");

    let pixels = pixel_bomb()?;
    assert!(pixels.len() < MIB);
    let (grown, decoded) = growth(&pixels)?;
    assert!(decoded, "36 million pixels are within the limits");
    assert!(
        grown < Limits::default().max_alloc as usize,
        "{grown} bytes for a pixel bomb"
    );

    // The estimates by which memory is refused are upper bounds.
    for (source, bound) in [
        (samples::rgb_png(3000, 2000)?, 4),
        (samples::jpeg(3000, 2000, false)?, 6),
        (samples::jpeg(3000, 2000, true)?, 12),
        (samples::webp(3000, 2000)?, 10),
    ] {
        let (grown, decoded) = growth(&source)?;
        let bound = 3000 * 2000 * bound + source.len() + 8 * MIB;
        assert!(
            decoded && grown <= bound,
            "{grown} bytes, at most {bound} were foreseen"
        );
    }
    Ok(())
}
