use std::array::from_fn;

use crate::raster::Raster;

/// Eight rows of eight.
pub(super) type Block = [[f32; 8]; 8];
type Lanes = [f32; 8];

/// Sixteen rows of a picture as brightness, and eight of each colour, about 0.
#[derive(Debug)]
pub(super) struct Strip {
    units: usize,
    luma: Vec<f32>,
    blue: Vec<f32>,
    red: Vec<f32>,
    /// Two rows of pixels, with the last ones repeated up to a multiple of 16.
    pair: [Vec<[u8; 3]>; 2],
}

impl Strip {
    pub(super) fn new(width: usize) -> Self {
        let units = width.div_ceil(16);
        Self {
            units,
            luma: vec![0.0; units * 16 * 16],
            blue: vec![0.0; units * 8 * 8],
            red: vec![0.0; units * 8 * 8],
            pair: [vec![[0; 3]; units * 16], vec![[0; 3]; units * 16]],
        }
    }

    /// How many squares of 16 pixels it has.
    pub(super) fn units(&self) -> usize {
        self.units
    }

    /// Takes the rows from `top`; below the picture its last row goes on.
    pub(super) fn load(&mut self, raster: &Raster, top: usize) {
        let (pixels, _) = raster.pixels.as_chunks::<3>();
        let width = raster.width as usize;
        let wide = self.units * 16;
        for pair in 0..8 {
            for (which, padded) in self.pair.iter_mut().enumerate() {
                let row = (top + 2 * pair + which).min(raster.height as usize - 1);
                let row = &pixels[row * width..(row + 1) * width];
                padded[..width].copy_from_slice(row);
                padded[width..].fill(row[width - 1]);
                let line = 2 * pair + which;
                brightness(padded, &mut self.luma[line * wide..(line + 1) * wide]);
            }
            let line = pair * wide / 2..(pair + 1) * wide / 2;
            colors(
                &self.pair,
                &mut self.blue[line.clone()],
                &mut self.red[line],
            );
        }
    }

    /// A block of brightness, by its column and row.
    pub(super) fn luma(&self, column: usize, row: usize) -> Block {
        block(
            &self.luma[row * 8 * self.units * 16..],
            self.units * 16,
            column,
        )
    }

    pub(super) fn blue(&self, column: usize) -> Block {
        block(&self.blue, self.units * 8, column)
    }

    pub(super) fn red(&self, column: usize) -> Block {
        block(&self.red, self.units * 8, column)
    }
}

fn block(rows: &[f32], width: usize, column: usize) -> Block {
    from_fn(|row| {
        let start = row * width + column * 8;
        let row = &rows[start..start + 8];
        from_fn(|at| row[at])
    })
}

/// JFIF 1.02: BT.601 without headroom.
fn brightness(pixels: &[[u8; 3]], luma: &mut [f32]) {
    for (luma, &[r, g, b]) in luma.iter_mut().zip(pixels) {
        *luma = 0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b) - 128.0;
    }
}

/// The colours of squares of four pixels.
fn colors(pair: &[Vec<[u8; 3]>; 2], blue: &mut [f32], red: &mut [f32]) {
    let (upper, _) = pair[0].as_chunks::<2>();
    let (lower, _) = pair[1].as_chunks::<2>();
    let squares = upper.iter().zip(lower);
    for ((blue, red), ([a, b], [c, d])) in blue.iter_mut().zip(red).zip(squares) {
        let sum = |channel: usize| {
            let sum = u16::from(a[channel]) + u16::from(b[channel]) + u16::from(c[channel]);
            f32::from(sum + u16::from(d[channel])) / 4.0
        };
        let [r, g, b] = [sum(0), sum(1), sum(2)];
        *blue = -0.168_736 * r - 0.331_264 * g + 0.5 * b;
        *red = 0.5 * r - 0.418_688 * g - 0.081_312 * b;
    }
}

/// The cosine transform in both directions but for the factors of `tables::SCALE`; rows become columns.
pub(super) fn transformed(block: Block) -> Block {
    let columns = transposed(pass(block));
    pass(columns)
}

fn transposed(block: Block) -> Block {
    from_fn(|row| from_fn(|column| block[column][row]))
}

fn sum(a: Lanes, b: Lanes) -> Lanes {
    from_fn(|lane| a[lane] + b[lane])
}

fn difference(a: Lanes, b: Lanes) -> Lanes {
    from_fn(|lane| a[lane] - b[lane])
}

fn times(a: Lanes, factor: f32) -> Lanes {
    a.map(|lane| lane * factor)
}

/// Transforms each column of eight, all at once (Arai, Agui and Nakajima 1988, as in libjpeg).
fn pass([a0, a1, a2, a3, a4, a5, a6, a7]: Block) -> Block {
    let (s0, d0) = (sum(a0, a7), difference(a0, a7));
    let (s1, d1) = (sum(a1, a6), difference(a1, a6));
    let (s2, d2) = (sum(a2, a5), difference(a2, a5));
    let (s3, d3) = (sum(a3, a4), difference(a3, a4));

    let (even, odd) = (sum(s0, s3), difference(s0, s3));
    let (inner, outer) = (sum(s1, s2), difference(s1, s2));
    let half = times(sum(outer, odd), std::f32::consts::FRAC_1_SQRT_2);

    let (e0, e1, e2) = (sum(d3, d2), sum(d2, d1), sum(d1, d0));
    let turn = times(difference(e0, e2), 0.382_683_43);
    let low = sum(times(e0, 0.541_196_1), turn);
    let high = sum(times(e2, 1.306_563), turn);
    let middle = times(e1, std::f32::consts::FRAC_1_SQRT_2);
    let (plus, minus) = (sum(d0, middle), difference(d0, middle));
    [
        sum(even, inner),
        sum(plus, high),
        sum(odd, half),
        difference(minus, low),
        difference(even, inner),
        sum(minus, low),
        difference(odd, half),
        difference(plus, high),
    ]
}
