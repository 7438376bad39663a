//! Pictures that came from outside: JPEG, PNG or WebP, told by their first bytes.

use std::io::Cursor;

use bytes::Bytes;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};

use crate::catalogue::Size;
use crate::keys::{Digest, digest};

/// Pixels of a side, and bytes of all pixels: above them a picture counts as unreadable.
const MAX_SIDE: u32 = 16_384;
const MAX_ALLOC: u64 = 512 << 20;

/// A picture that was sent along, and what its pixels say.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) digest: Digest,
    pub(crate) bytes: Bytes,
    pub(crate) size: Size,
    /// The mean of its colours.
    pub(crate) mean: [u8; 3],
    /// Whether it has both dark and light pixels.
    pub(crate) two_coloured: bool,
}

impl Source {
    /// Reads a picture whole; `None` if it cannot be read.
    pub(super) fn read(bytes: Bytes) -> Option<Self> {
        let image = decode(&bytes)?;
        let mut sums = [0u64; 3];
        let (mut dark, mut light) = (false, false);
        let size = (image.width(), image.height());
        for pixel in image.into_rgb8().pixels() {
            for (sum, channel) in sums.iter_mut().zip(pixel.0) {
                *sum += u64::from(channel);
            }
            if is_dark(pixel.0) {
                dark = true;
            } else {
                light = true;
            }
        }
        let pixels = u64::from(size.0) * u64::from(size.1);
        Some(Self {
            digest: digest(&[&bytes]),
            bytes,
            size,
            mean: sums.map(|sum| (sum / pixels.max(1)) as u8),
            two_coloured: dark && light,
        })
    }
}

/// Decodes what the provider takes; `None` for everything else.
pub(super) fn decode(bytes: &[u8]) -> Option<DynamicImage> {
    let format = image::guess_format(bytes).ok()?;
    let known = matches!(
        format,
        ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP
    );
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    known.then(|| reader.decode().ok()).flatten()
}

/// Whether a pixel of a mask counts as black.
pub(super) fn is_dark([red, green, blue]: [u8; 3]) -> bool {
    u16::from(red) + u16::from(green) + u16::from(blue) < 3 * 128
}
