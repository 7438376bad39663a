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
pub(super) const ORDER: [u8; 64] = {
    let mut order = [0; 64];
    let mut at = 0;
    while at < 64 {
        order[TURNED[at] as usize] = at as u8;
        at += 1;
    }
    order
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

/// By what each coefficient is divided.
#[derive(Debug)]
pub(super) struct Quantization {
    rows: [u8; 64],
    /// Factors for a block of columns.
    factors: [f32; 64],
}

impl Quantization {
    pub(super) fn luma(quality: u8) -> Self {
        Self::new(&LUMA, quality)
    }

    pub(super) fn chroma(quality: u8) -> Self {
        Self::new(&CHROMA, quality)
    }

    /// The table at a quality of 1 to 100 on libjpeg's scale.
    fn new(table: &[u8; 64], quality: u8) -> Self {
        let quality = u32::from(quality.clamp(1, 100));
        let percent = if quality < 50 {
            5000 / quality
        } else {
            200 - 2 * quality
        };
        let rows = table.map(|step| ((u32::from(step) * percent + 50) / 100).clamp(1, 255) as u8);
        let mut factors = [0.0; 64];
        for (at, factor) in factors.iter_mut().enumerate() {
            let (column, row) = (at / 8, at % 8);
            let step = f32::from(rows[row * 8 + column]);
            *factor = 1.0 / (8.0 * step * SCALE[row] * SCALE[column]);
        }
        Self { rows, factors }
    }

    /// As it stands in the file.
    pub(super) fn zigzag(&self) -> [u8; 64] {
        ZIGZAG.map(|at| self.rows[at])
    }

    /// Transforms a block and divides its coefficients, to the nearest whole number. The result is in
    /// columns.
    pub(super) fn quantized(&self, block: Block) -> [i16; 64] {
        /// Added to a small number, it leaves the rounded number in the lowest bits.
        const ROUND: f32 = 12_582_912.0;
        let coefficients = transformed(block);
        let mut columns = [0i16; 64];
        let products = coefficients.as_flattened().iter().zip(&self.factors);
        for (whole, (coefficient, factor)) in columns.iter_mut().zip(products) {
            let rounded = (coefficient * factor + ROUND).to_bits();
            *whole = rounded.wrapping_sub(ROUND.to_bits()) as i16;
        }
        columns
    }
}
