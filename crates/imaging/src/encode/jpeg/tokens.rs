use super::huffman::{Bits, Code};
use super::tables::{IN_ORDER, Quantized, TURNED};

/// Sixteen zeros that something follows, and the end of a block (T.81, F.1.2.2).
const ZEROS: u8 = 0xf0;
const END: u8 = 0;

/// Which of the four codes a symbol is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    LumaFirst,
    LumaOthers,
    ChromaFirst,
    ChromaOthers,
}

impl Class {
    pub(super) const ALL: [Self; 4] = [
        Self::LumaFirst,
        Self::LumaOthers,
        Self::ChromaFirst,
        Self::ChromaOthers,
    ];

    /// Its kind and number in the file (T.81, B.2.4.2).
    pub(super) fn destination(self) -> u8 {
        match self {
            Self::LumaFirst => 0x00,
            Self::LumaOthers => 0x10,
            Self::ChromaFirst => 0x01,
            Self::ChromaOthers => 0x11,
        }
    }
}

/// What will be written, before it is known by which codes: each symbol with its class in the upper
/// half, its own bits and how many they are.
#[derive(Debug)]
pub(super) struct Tokens {
    tokens: Vec<u32>,
    counts: [[u32; 256]; 4],
    /// The first coefficient of the block before, of each component.
    before: [i16; 3],
}

impl Tokens {
    pub(super) fn for_pixels(pixels: usize) -> Self {
        Self {
            tokens: Vec::with_capacity(pixels / 6),
            counts: [[0; 256]; 4],
            before: [0; 3],
        }
    }

    /// How often each symbol of a class occurs.
    pub(super) fn counts(&self, class: Class) -> &[u32; 256] {
        &self.counts[class as usize]
    }

    /// Adds a block of a component.
    #[inline(always)]
    pub(super) fn push(&mut self, component: usize, block: &Quantized) {
        let (first, others) = if component == 0 {
            (Class::LumaFirst, Class::LumaOthers)
        } else {
            (Class::ChromaFirst, Class::ChromaOthers)
        };
        let mut line = Line {
            counts: &mut self.counts,
            tokens: [0; 128],
            length: 0,
        };
        let change = block.columns[0] - self.before[component];
        self.before[component] = block.columns[0];
        line.add(first, 0, change);

        let mut last = 0;
        let mut left = in_order(block.present) & !1;
        while left != 0 {
            let at = left.trailing_zeros();
            left &= left - 1;
            let mut zeros = at - last - 1;
            while zeros > 15 {
                line.symbol(others, ZEROS, 0, 0);
                zeros -= 16;
            }
            let number = block.columns[usize::from(TURNED[at as usize & 63])];
            line.add(others, zeros as u8, number);
            last = at;
        }
        if last < 63 {
            line.symbol(others, END, 0, 0);
        }
        let Line { tokens, length, .. } = line;
        self.tokens.extend_from_slice(&tokens[..length & 127]);
    }

    /// Writes everything by the codes of the four classes.
    #[inline(always)]
    pub(super) fn write(&self, codes: &[Code; 4], file: &mut Vec<u8>) {
        let mut bits = Bits::new(file);
        for token in &self.tokens {
            let symbol = (token >> 16 & 0xff) as usize;
            let (code, length) = codes[(token >> 30) as usize].words[symbol];
            let size = token >> 24 & 0xf;
            bits.push(
                u64::from(code) << size | u64::from(token & 0xffff),
                length + size,
            );
        }
        bits.finish();
    }
}

/// The tokens of one block, of which there are 64 at most.
struct Line<'a> {
    counts: &'a mut [[u32; 256]; 4],
    tokens: [u32; 128],
    length: usize,
}

impl Line<'_> {
    /// Adds a number by how many bits it takes, after some zeros (T.81, F.1.2.1).
    #[inline(always)]
    fn add(&mut self, class: Class, zeros: u8, number: i16) {
        let size = 16 - number.unsigned_abs().leading_zeros();
        let bits = (number + (number >> 15)) as u32 & ((1 << size) - 1);
        self.symbol(class, zeros << 4 | size as u8, size, bits);
    }

    #[inline(always)]
    fn symbol(&mut self, class: Class, symbol: u8, size: u32, bits: u32) {
        self.counts[class as usize][usize::from(symbol)] += 1;
        let class = (class as u32) << 30;
        self.tokens[self.length & 127] = class | size << 24 | u32::from(symbol) << 16 | bits;
        self.length += 1;
    }
}

/// The bits of a block of columns in the order of the zigzag.
#[inline(always)]
fn in_order(present: u64) -> u64 {
    let mut bits = 0;
    for (table, column) in IN_ORDER.iter().zip(present.to_le_bytes()) {
        bits |= table[usize::from(column)];
    }
    bits
}
