use crate::Error;
use crate::container::Header;

/// What an image may cost. Checked against its header, before any pixel is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest side in pixels.
    pub max_side: u32,
    /// The largest area in pixels.
    pub max_pixels: u64,
    /// Bytes of memory that decoding may take at its peak, the result included, the input not.
    pub max_alloc: u64,
}

impl Default for Limits {
    /// 8192 a side, 40 million pixels, 256 MiB.
    fn default() -> Self {
        Self {
            max_side: 8192,
            max_pixels: 40_000_000,
            max_alloc: 256 << 20,
        }
    }
}

impl Limits {
    pub(crate) fn check_size(&self, header: &Header) -> Result<(), Error> {
        let Header { width, height, .. } = *header;
        let sides = 1..=self.max_side;
        if sides.contains(&width) && sides.contains(&height) && header.pixels() <= self.max_pixels {
            return Ok(());
        }
        Err(Error::Size {
            width,
            height,
            max_side: self.max_side,
            max_pixels: self.max_pixels,
        })
    }

    /// The bytes of memory that decoding takes at its peak, or why that is too much.
    pub(crate) fn check_memory(&self, header: &Header, input: usize) -> Result<u64, Error> {
        // Decoders hold one more copy of the compressed bytes, and tables of at most a few MiB.
        const TABLES: u64 = 8 << 20;
        let needed = header.pixels() * header.decode_bytes_per_pixel + input as u64 + TABLES;
        if needed <= self.max_alloc {
            return Ok(needed);
        }
        Err(Error::Memory {
            needed,
            max_alloc: self.max_alloc,
        })
    }
}
