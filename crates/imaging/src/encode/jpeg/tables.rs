use fearless_simd::prelude::*;
use fearless_simd::{Simd, f32x8, i8x32, i16x16, i32x8};

use super::blocks::{Block, transformed};

/// The tables of ITU-T T.81, K.1, in rows.
const LUMA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMA: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// Where each coefficient of the zigzag is in a block of rows (T.81, figure A.6).
pub(super) const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];
/// The same in a block of columns, as the transform leaves it.
pub(super) const TURNED: [u8; 64] = {
    let mut turned = [0; 64];
    let mut at = 0;
    while at < 64 {
        turned[at] = (ZIGZAG[at] % 8 * 8 + ZIGZAG[at] / 8) as u8;
        at += 1;
    }
    turned
};
/// The other way round: where each coefficient of a block of columns is in the zigzag.
const ORDER: [u8; 64] = {
    let mut order = [0; 64];
    let mut at = 0;
    while at < 64 {
        order[TURNED[at] as usize] = at as u8;
        at += 1;
    }
    order
};

/// The bits of a block of columns in the order of the zigzag, by column and the eight bits of it.
pub(super) static IN_ORDER: [[u64; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut at = 0;
    while at < 64 {
        let mut bits = 0;
        while bits < 256 {
            if bits >> (at % 8) & 1 == 1 {
                tables[at / 8][bits] |= 1 << ORDER[at];
            }
            bits += 1;
        }
        at += 1;
    }
    tables
};

/// What the transform leaves for the quantisation to do (Arai, Agui and Nakajima 1988).
const SCALE: [f32; 8] = [
    1.0,
    1.387_039_8,
    1.306_563,
    1.175_875_6,
    1.0,
    0.785_694_96,
    0.541_196_1,
    0.275_899_38,
];

/// What is added to quotients of brightness before their fraction is cut off: a half would be nearest,
/// but what is little above a half shows less than it costs.
const LUMA_UP: f32 = 0.4;
/// Of libjpeg's steps for brightness, which with [`LUMA_UP`] makes files that are as good or better by
/// SSIMULACRA2, SSIM and PSNR, and smaller by as much as the marks in them take.
const LUMA_STEPS: f32 = 0.9;
/// Chroma has few numbers already, and wrong colours are seen at once.
const CHROMA_UP: f32 = 0.5;

/// By what each coefficient is divided.
#[derive(Debug)]
pub(super) struct Quantization {
    rows: [u8; 64],
    /// Factors for a block of columns.
    factors: [f32; 64],
    /// What is added to a quotient, of either sign, before its fraction is cut off.
    up: [f32; 64],
}

impl Quantization {
    pub(super) fn luma(quality: u8) -> Self {
        Self::new(&LUMA, percent(quality) * LUMA_STEPS, LUMA_UP)
    }

    pub(super) fn chroma(quality: u8) -> Self {
        Self::new(&CHROMA, percent(quality), CHROMA_UP)
    }

    fn new(table: &[u8; 64], percent: f32, up: f32) -> Self {
        let percent = percent.round() as u32;
        let rows = table.map(|step| ((u32::from(step) * percent + 50) / 100).clamp(1, 255) as u8);
        let mut factors = [0.0; 64];
        for (at, factor) in factors.iter_mut().enumerate() {
            let (column, row) = (at / 8, at % 8);
            let step = f32::from(rows[row * 8 + column]);
            *factor = 1.0 / (8.0 * step * SCALE[row] * SCALE[column]);
        }
        let mut up = [up; 64];
        up[0] = 0.5;
        Self { rows, factors, up }
    }

    /// As it stands in the file.
    pub(super) fn zigzag(&self) -> [u8; 64] {
        ZIGZAG.map(|at| self.rows[at])
    }

    /// Transforms a block and divides its coefficients. The result is in columns, with a bit for each
    /// number that is not zero.
    #[inline(always)]
    pub(super) fn quantized<S: Simd>(&self, simd: S, block: Block<S>) -> Quantized {
        let [a, b, c, d, e, f, g, h] = transformed(block);
        let left = [
            self.whole(simd, a, 0).narrow(self.whole(simd, b, 1)),
            self.whole(simd, c, 2).narrow(self.whole(simd, d, 3)),
        ];
        let right = [
            self.whole(simd, e, 4).narrow(self.whole(simd, f, 5)),
            self.whole(simd, g, 6).narrow(self.whole(simd, h, 7)),
        ];
        let mut columns = [0; 64];
        left[0].store_slice(&mut columns[..16]);
        left[1].store_slice(&mut columns[16..32]);
        right[0].store_slice(&mut columns[32..48]);
        right[1].store_slice(&mut columns[48..]);
        Quantized {
            columns,
            present: present(simd, left) | present(simd, right) << 32,
        }
    }

    /// Divides a column to whole numbers.
    #[inline(always)]
    fn whole<S: Simd>(&self, simd: S, column: f32x8<S>, at: usize) -> i32x8<S> {
        let of = at * 8..at * 8 + 8;
        let exact = column * f32x8::from_slice(simd, &self.factors[of.clone()]);
        let up = f32x8::from_slice(simd, &self.up[of]).copysign(exact);
        i32x8::truncate_from(exact + up)
    }
}

/// Of the tables, for a quality of 1 to 100 on libjpeg's scale.
fn percent(quality: u8) -> f32 {
    let quality = f32::from(quality.clamp(1, 100));
    if quality < 50.0 {
        (5000.0 / quality).floor()
    } else {
        200.0 - 2.0 * quality
    }
}

/// A bit for each number that is not zero.
#[inline(always)]
fn present<S: Simd>(simd: S, [a, b]: [i16x16<S>; 2]) -> u64 {
    let zero = a.saturating_narrow(b).simd_eq(i8x32::splat(simd, 0));
    !zero.to_bitmask() & u64::from(u32::MAX)
}

/// A quantised block, in columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantized {
    pub(super) columns: [i16; 64],
    /// A bit for each that is not zero.
    pub(super) present: u64,
}
