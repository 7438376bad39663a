//! Baseline JPEG with half the chroma in both directions and Huffman tables made for each picture.
//!
//! Written here since it is most of what a cut costs: the encoders that need no assembler and no unsafe
//! code take more than twice the time, and those of the tables above write one scan for each component,
//! which some readers get wrong.

mod blocks;
mod huffman;
mod tables;
mod tokens;

use super::Marks;
use crate::container::jpeg::XMP;
use crate::raster::Raster;
use blocks::Strip;
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
pub(super) fn encode(raster: &Raster, quality: u8, marks: &Marks<'_>) -> Vec<u8> {
    let (luma, chroma) = (Quantization::luma(quality), Quantization::chroma(quality));
    let tokens = tokens(raster, &luma, &chroma);
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
    segment(&mut file, 0xc0, &[&frame(raster)]);
    for (class, code) in Class::ALL.into_iter().zip(&codes) {
        segment(
            &mut file,
            0xc4,
            &[&[class.destination()], &code.lengths, &code.symbols],
        );
    }
    segment(&mut file, 0xda, &[&SCAN]);
    tokens.write(&codes, &mut file);
    file.extend(EOI);
    file
}

/// Precision, size, and three components with their sampling and table.
fn frame(raster: &Raster) -> [u8; 15] {
    let [h0, h1] = (raster.height as u16).to_be_bytes();
    let [w0, w1] = (raster.width as u16).to_be_bytes();
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

/// Transforms and quantises all blocks, in the order of the file.
fn tokens(raster: &Raster, luma: &Quantization, chroma: &Quantization) -> Tokens {
    let mut tokens = Tokens::for_pixels(raster.width as usize * raster.height as usize);
    let mut strip = Strip::new(raster.width as usize);
    for top in (0..raster.height as usize).step_by(16) {
        strip.load(raster, top);
        for unit in 0..strip.units() {
            for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let block = strip.luma(2 * unit + column, row);
                tokens.push(0, &luma.quantized(block));
            }
            tokens.push(1, &chroma.quantized(strip.blue(unit)));
            tokens.push(2, &chroma.quantized(strip.red(unit)));
        }
    }
    tokens
}

#[cfg(test)]
mod tests;
