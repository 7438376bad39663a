//! Baseline JPEG with half the chroma in both directions and Huffman tables made for each picture.
//!
//! Written here since it is most of what a cut costs: the encoders that need no assembler and no unsafe
//! code take more than twice the time, and those of the tables above write one scan for each component,
//! which some readers get wrong.

mod blocks;
mod huffman;
mod tables;
mod tokens;

use fearless_simd::{Level, Simd, dispatch};

use super::Marks;
use crate::Error;
use crate::container::jpeg::XMP;
use crate::strips::Strips;
use blocks::{Tile, WIDE};
use huffman::Code;
use tables::Quantization;
use tokens::{Class, Tokens};

/// What names a piece of a colour profile in an APP2 segment (ICC.1:2022, B.4).
const PROFILE_SEGMENT: &[u8] = b"ICC_PROFILE\0";
/// As much of a profile as fits beside its name, the number of the piece and their count.
const MOST_OF_PROFILE: usize = 65_519;

const SOI: [u8; 2] = [0xff, 0xd8];
const EOI: [u8; 2] = [0xff, 0xd9];
/// JFIF 1.02, square pixels of no known size, no thumbnail.
const JFIF: &[u8] = b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0";
/// What is in the scan: component, tables; then all of the spectrum in one go.
const SCAN: [u8; 10] = [3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0];

/// Encodes a picture without alpha, of at most 65 535 pixels a side.
pub(crate) fn encode(
    strips: &mut impl Strips,
    quality: u8,
    marks: &Marks<'_>,
) -> Result<Vec<u8>, Error> {
    encoded(Level::new(), strips, quality, marks)
}

/// The same file with any instructions.
fn encoded(
    level: Level,
    strips: &mut impl Strips,
    quality: u8,
    marks: &Marks<'_>,
) -> Result<Vec<u8>, Error> {
    let size = strips.size();
    let mut scan = Scan::new(size, quality);
    while let Some(rows) = strips.next()? {
        dispatch!(level, simd => scan.add(simd, rows));
    }
    let Scan {
        luma,
        chroma,
        tokens,
        ..
    } = scan;
    let codes = Class::ALL.map(|class| Code::best_for(tokens.counts(class)));

    let mut file = SOI.to_vec();
    segment(&mut file, 0xe0, &[JFIF]);
    segment(&mut file, 0xe1, &[XMP, marks.xmp.as_bytes()]);
    let pieces = marks.profile.unwrap_or_default().chunks(MOST_OF_PROFILE);
    let count = pieces.len() as u8;
    for (index, piece) in pieces.enumerate() {
        segment(
            &mut file,
            0xe2,
            &[PROFILE_SEGMENT, &[index as u8 + 1, count], piece],
        );
    }
    segment(
        &mut file,
        0xdb,
        &[&[0], &luma.zigzag(), &[1], &chroma.zigzag()],
    );
    segment(&mut file, 0xc0, &[&frame(size)]);
    for (class, code) in Class::ALL.into_iter().zip(&codes) {
        segment(
            &mut file,
            0xc4,
            &[&[class.destination()], &code.lengths, &code.symbols],
        );
    }
    segment(&mut file, 0xda, &[&SCAN]);
    dispatch!(level, _simd => tokens.write(&codes, &mut file));
    file.extend(EOI);
    Ok(file)
}

/// Precision, size, and three components with their sampling and table.
fn frame((width, height): (u32, u32)) -> [u8; 15] {
    let [h0, h1] = (height as u16).to_be_bytes();
    let [w0, w1] = (width as u16).to_be_bytes();
    [8, h0, h1, w0, w1, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]
}

fn segment(file: &mut Vec<u8>, marker: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    file.extend([0xff, marker]);
    file.extend((length as u16 + 2).to_be_bytes());
    for part in parts {
        file.extend_from_slice(part);
    }
}

/// All blocks, transformed and quantised, in the order of the file.
struct Scan {
    width: usize,
    luma: Quantization,
    chroma: Quantization,
    tile: Tile,
    tokens: Tokens,
}

impl Scan {
    fn new((width, height): (u32, u32), quality: u8) -> Self {
        Self {
            width: width as usize,
            luma: Quantization::luma(quality),
            chroma: Quantization::chroma(quality),
            tile: Tile::new(),
            tokens: Tokens::for_pixels(width as usize * height as usize),
        }
    }

    /// Adds some rows, a multiple of 16 of them but at the end of the picture.
    #[inline(always)]
    fn add<S: Simd>(&mut self, simd: S, rows: &[u8]) {
        let (pixels, _) = rows.as_chunks();
        for rows in pixels.chunks(16 * self.width) {
            for left in (0..self.width).step_by(WIDE) {
                let units = self.tile.load(rows, self.width, left);
                for unit in 0..units {
                    self.unit(simd, unit);
                }
            }
        }
    }

    /// Adds a square of 16 pixels: four blocks of brightness, and one of each colour.
    #[inline(always)]
    fn unit<S: Simd>(&mut self, simd: S, unit: usize) {
        let Self {
            luma,
            chroma,
            tile,
            tokens,
            ..
        } = self;
        for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let block = tile.luma(simd, 2 * unit + column, row);
            tokens.push(0, &luma.quantized(simd, block));
        }
        tokens.push(1, &chroma.quantized(simd, tile.blue(simd, unit)));
        tokens.push(2, &chroma.quantized(simd, tile.red(simd, unit)));
    }
}

#[cfg(test)]
mod tests;
