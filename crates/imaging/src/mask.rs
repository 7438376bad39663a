//! Masks of two colours, whichever way round the reader wants them.

use std::io::Write;

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError};

use crate::{Error, Limits, decode};

const BLACK: u8 = 0;
const WHITE: u8 = u8::MAX;

/// Which part of a picture changes, pixel for pixel.
///
/// Invariant: some pixels change and some are kept, since a mask of one colour is a mistake that
/// costs money: nothing would change, or all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    width: u32,
    height: u32,
    /// One byte a pixel: black changes, white is kept.
    pixels: Vec<u8>,
}

/// How the pixels that change are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Changed {
    /// Black, on white.
    Black,
    /// White, on black.
    White,
    /// Transparent, in opaque white.
    Transparent,
}

impl Mask {
    /// Reads a picture in which black changes and white is kept: of greys, and colours, the darker
    /// half changes. What is transparent is kept, as on white paper.
    ///
    /// # Errors
    ///
    /// As [`decode`](crate::decode); [`Error::OneColor`].
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        let raster = decode(bytes, limits)?.raster.flattened();
        let (colors, _) = raster.pixels.as_chunks::<3>();
        let pixels: Vec<u8> = colors.iter().map(sorted).collect();
        for (color, missing) in [(BLACK, "black"), (WHITE, "white")] {
            if !pixels.contains(&color) {
                return Err(Error::OneColor { missing });
            }
        }
        Ok(Self {
            width: raster.width,
            height: raster.height,
            pixels,
        })
    }

    /// The mask as a PNG of the same size: with two greys, or with alpha if what changes is to be
    /// transparent.
    ///
    /// # Errors
    ///
    /// [`Error::EncodePng`], which memory alone can cause.
    pub fn png(&self, changed: Changed) -> Result<Vec<u8>, Error> {
        self.encoded(changed).map_err(Error::EncodePng)
    }

    fn encoded(&self, changed: Changed) -> Result<Vec<u8>, EncodingError> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, self.width, self.height);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::Fast);
        encoder.set_color(match changed {
            Changed::Black | Changed::White => ColorType::Grayscale,
            Changed::Transparent => ColorType::Rgba,
        });
        let mut writer = encoder.write_header()?;
        let mut stream = writer.stream_writer()?;
        for row in self.pixels.chunks_exact(self.width as usize) {
            let row: Vec<u8> = match changed {
                Changed::Black => row.to_vec(),
                Changed::White => row.iter().map(|pixel| !pixel).collect(),
                Changed::Transparent => row
                    .iter()
                    .flat_map(|&kept| [WHITE, WHITE, WHITE, kept])
                    .collect(),
            };
            stream.write_all(&row)?;
        }
        stream.finish()?;
        writer.finish()?;
        Ok(file)
    }
}

/// Black or white, whichever is nearer (luma of BT.601, in 256ths).
fn sorted(&[r, g, b]: &[u8; 3]) -> u8 {
    let luma = u32::from(r) * 77 + u32::from(g) * 150 + u32::from(b) * 29;
    if luma < 128 * 256 { BLACK } else { WHITE }
}
