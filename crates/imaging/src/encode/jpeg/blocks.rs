use fearless_simd::prelude::*;
use fearless_simd::{Simd, f32x8};

/// Eight rows of eight.
pub(super) type Block<S> = [f32x8<S>; 8];

/// As many pixels of a row are worked on at once: enough to be worth a loop, and few enough for all that
/// is made of them to stay near the processor.
pub(super) const WIDE: usize = 256;
const HALF: usize = WIDE / 2;

/// Red, green and blue of a part of a row, each by itself.
type Channels = [[u8; WIDE]; 3];

/// A part of sixteen rows as brightness, and of eight rows of each colour, about 0.
#[derive(Debug)]
pub(super) struct Tile {
    luma: [f32; WIDE * 16],
    blue: [f32; HALF * 8],
    red: [f32; HALF * 8],
    pair: [Channels; 2],
}

impl Tile {
    pub(super) fn new() -> Self {
        Self {
            luma: [0.0; WIDE * 16],
            blue: [0.0; HALF * 8],
            red: [0.0; HALF * 8],
            pair: [[[0; WIDE]; 3]; 2],
        }
    }

    /// Takes at most [`WIDE`] pixels of up to sixteen rows from `left`, and tells how many squares of 16
    /// pixels they fill. The last pixel and the last row go on where the picture ends.
    #[inline(always)]
    pub(super) fn load(&mut self, rows: &[[u8; 3]], width: usize, left: usize) -> usize {
        let wide = WIDE.min(width - left);
        let units = wide.div_ceil(16);
        let last = rows.len() / width - 1;
        for pair in 0..8 {
            for (which, channels) in self.pair.iter_mut().enumerate() {
                let start = (2 * pair + which).min(last) * width + left;
                part(&rows[start..start + wide], units * 16, channels);
                let line = (2 * pair + which) * WIDE;
                brightness(channels, &mut self.luma[line..line + WIDE]);
            }
            let line = pair * HALF..(pair + 1) * HALF;
            colors(
                &self.pair,
                &mut self.blue[line.clone()],
                &mut self.red[line],
            );
        }
        units
    }

    /// A block of brightness, by its column and row.
    #[inline(always)]
    pub(super) fn luma<S: Simd>(&self, simd: S, column: usize, row: usize) -> Block<S> {
        block(simd, &self.luma[row * 8 * WIDE..], WIDE, column)
    }

    #[inline(always)]
    pub(super) fn blue<S: Simd>(&self, simd: S, column: usize) -> Block<S> {
        block(simd, &self.blue, HALF, column)
    }

    #[inline(always)]
    pub(super) fn red<S: Simd>(&self, simd: S, column: usize) -> Block<S> {
        block(simd, &self.red, HALF, column)
    }
}

// Not by `from_fn`: what that calls is not compiled for the processor at hand.
#[inline(always)]
fn block<S: Simd>(simd: S, rows: &[f32], width: usize, column: usize) -> Block<S> {
    let rows = &rows[column * 8..];
    [
        f32x8::from_slice(simd, &rows[..8]),
        f32x8::from_slice(simd, &rows[width..width + 8]),
        f32x8::from_slice(simd, &rows[2 * width..2 * width + 8]),
        f32x8::from_slice(simd, &rows[3 * width..3 * width + 8]),
        f32x8::from_slice(simd, &rows[4 * width..4 * width + 8]),
        f32x8::from_slice(simd, &rows[5 * width..5 * width + 8]),
        f32x8::from_slice(simd, &rows[6 * width..6 * width + 8]),
        f32x8::from_slice(simd, &rows[7 * width..7 * width + 8]),
    ]
}

/// Puts each channel by itself, and repeats the last pixel up to `padded`.
#[inline(always)]
fn part(pixels: &[[u8; 3]], padded: usize, [red, green, blue]: &mut Channels) {
    let channels = red.iter_mut().zip(green.iter_mut()).zip(blue.iter_mut());
    for (((red, green), blue), &[r, g, b]) in channels.zip(pixels) {
        (*red, *green, *blue) = (r, g, b);
    }
    for channel in [red, green, blue] {
        let last = channel[pixels.len() - 1];
        channel[pixels.len()..padded].fill(last);
    }
}

/// JFIF 1.02: BT.601 without headroom.
#[inline(always)]
fn brightness([red, green, blue]: &Channels, luma: &mut [f32]) {
    for (luma, ((&r, &g), &b)) in luma.iter_mut().zip(red.iter().zip(green).zip(blue)) {
        *luma = 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b) - 128.0;
    }
}

/// The colours of squares of four pixels.
#[inline(always)]
fn colors([upper, lower]: &[Channels; 2], blue: &mut [f32], red: &mut [f32]) {
    let mut sums = [[0; HALF]; 3];
    for ((sums, upper), lower) in sums.iter_mut().zip(upper).zip(lower) {
        let pairs = upper.as_chunks().0.iter().zip(lower.as_chunks().0);
        for (sum, (&upper, &lower)) in sums.iter_mut().zip(pairs) {
            let (upper, lower) = (u16::from_le_bytes(upper), u16::from_le_bytes(lower));
            *sum = (upper & 0xff) + (upper >> 8) + (lower & 0xff) + (lower >> 8);
        }
    }
    let [r, g, b] = &sums;
    for ((blue, red), ((&r, &g), &b)) in blue.iter_mut().zip(red).zip(r.iter().zip(g).zip(b)) {
        let (r, g, b) = (f32::from(r) / 4.0, f32::from(g) / 4.0, f32::from(b) / 4.0);
        *blue = -0.168_736 * r - 0.331_264 * g + 0.5 * b;
        *red = 0.5 * r - 0.418_688 * g - 0.081_312 * b;
    }
}

/// The cosine transform in both directions but for the factors of `tables::SCALE`; rows become columns.
#[inline(always)]
pub(super) fn transformed<S: Simd>(block: Block<S>) -> Block<S> {
    pass(transposed(pass(block)))
}

/// Three perfect shuffles of all 64.
#[inline(always)]
fn transposed<S: Simd>(mut block: Block<S>) -> Block<S> {
    for _ in 0..3 {
        let [a, b, c, d, e, f, g, h] = block;
        let ((a0, a1), (b0, b1)) = (a.interleave(e), b.interleave(f));
        let ((c0, c1), (d0, d1)) = (c.interleave(g), d.interleave(h));
        block = [a0, a1, b0, b1, c0, c1, d0, d1];
    }
    block
}

/// Transforms each column of eight, all at once (Arai, Agui and Nakajima 1988, as in libjpeg).
#[inline(always)]
fn pass<S: Simd>([a0, a1, a2, a3, a4, a5, a6, a7]: Block<S>) -> Block<S> {
    let (s0, d0) = (a0 + a7, a0 - a7);
    let (s1, d1) = (a1 + a6, a1 - a6);
    let (s2, d2) = (a2 + a5, a2 - a5);
    let (s3, d3) = (a3 + a4, a3 - a4);

    let (even, odd) = (s0 + s3, s0 - s3);
    let (inner, outer) = (s1 + s2, s1 - s2);
    let half = (outer + odd) * std::f32::consts::FRAC_1_SQRT_2;

    let (e0, e1, e2) = (d3 + d2, d2 + d1, d1 + d0);
    let turn = (e0 - e2) * 0.382_683_43;
    let low = e0 * 0.541_196_1 + turn;
    let high = e2 * 1.306_563 + turn;
    let middle = e1 * std::f32::consts::FRAC_1_SQRT_2;
    let (plus, minus) = (d0 + middle, d0 - middle);
    [
        even + inner,
        plus + high,
        odd + half,
        minus - low,
        even - inner,
        minus + low,
        odd - half,
        plus - high,
    ]
}
