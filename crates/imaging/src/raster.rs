use fast_image_resize::PixelType;

/// Pixels in rows without padding, three bytes each, or four with straight alpha.
#[derive(Debug, Clone)]
pub(crate) struct Raster {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) alpha: bool,
    pub(crate) pixels: Vec<u8>,
}

impl Raster {
    pub(crate) fn pixel_type(&self) -> PixelType {
        if self.alpha {
            PixelType::U8x4
        } else {
            PixelType::U8x3
        }
    }

    /// Drops an alpha channel that hides nothing: three bytes resize faster than four.
    pub(crate) fn without_idle_alpha(mut self) -> Self {
        let idle = self.alpha
            && self
                .pixels
                .as_chunks::<4>()
                .0
                .iter()
                .all(|pixel| pixel[3] == u8::MAX);
        if idle {
            self.squeeze(|[r, g, b, _]| [r, g, b]);
        }
        self
    }

    /// Lays the picture on white, for formats without alpha.
    pub(crate) fn flattened(mut self) -> Self {
        if self.alpha {
            self.squeeze(|[r, g, b, a]| [r, g, b].map(|channel| over_white(channel, a)));
        }
        self
    }

    /// Puts the picture at `offset` on a white canvas of `size`; it lies inside.
    pub(crate) fn on_canvas(self, size: (u32, u32), offset: (u32, u32)) -> Self {
        if (self.width, self.height) == size {
            return self;
        }
        let white = Self {
            width: size.0,
            height: size.1,
            alpha: self.alpha,
            pixels: vec![u8::MAX; size.0 as usize * size.1 as usize * self.bytes_per_pixel()],
        };
        self.laid_on(white, offset)
    }

    /// Puts the picture at `offset` on `ground`, of the same kind; it lies inside.
    pub(crate) fn laid_on(&self, mut ground: Self, offset: (u32, u32)) -> Self {
        let bytes = self.bytes_per_pixel();
        let row = self.width as usize * bytes;
        let rows = ground
            .pixels
            .chunks_exact_mut(ground.width as usize * bytes);
        for (to, from) in rows
            .skip(offset.1 as usize)
            .zip(self.pixels.chunks_exact(row))
        {
            let left = offset.0 as usize * bytes;
            to[left..left + row].copy_from_slice(from);
        }
        ground
    }

    fn bytes_per_pixel(&self) -> usize {
        if self.alpha { 4 } else { 3 }
    }

    /// Turns four bytes a pixel into three, in place.
    fn squeeze(&mut self, pixel: impl Fn([u8; 4]) -> [u8; 3]) {
        let count = self.pixels.len() / 4;
        for index in 0..count {
            let (from, to) = (index * 4, index * 3);
            let p = &self.pixels[from..from + 4];
            let rgb = pixel([p[0], p[1], p[2], p[3]]);
            self.pixels[to..to + 3].copy_from_slice(&rgb);
        }
        self.pixels.truncate(count * 3);
        self.alpha = false;
    }
}

/// `channel * alpha + white * (1 - alpha)`, rounded.
fn over_white(channel: u8, alpha: u8) -> u8 {
    let sum = u32::from(channel) * u32::from(alpha) + 255 * (255 - u32::from(alpha));
    ((sum + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raster(pixels: &[[u8; 4]]) -> Raster {
        Raster {
            width: pixels.len() as u32,
            height: 1,
            alpha: true,
            pixels: pixels.concat(),
        }
    }

    #[test]
    fn transparent_pixels_become_white_and_half_transparent_ones_lighter() {
        let flat = raster(&[[9, 9, 9, 0], [10, 20, 30, 255], [0, 0, 0, 128]]).flattened();

        assert_eq!(flat.pixels, [255, 255, 255, 10, 20, 30, 127, 127, 127]);
        assert!(!flat.alpha);
    }

    #[test]
    fn only_an_alpha_channel_that_hides_nothing_is_dropped() {
        assert!(
            !raster(&[[1, 2, 3, 255], [4, 5, 6, 255]])
                .without_idle_alpha()
                .alpha
        );
        assert!(
            raster(&[[1, 2, 3, 255], [4, 5, 6, 254]])
                .without_idle_alpha()
                .alpha
        );
    }

    #[test]
    fn a_canvas_is_white_around_the_picture() {
        let canvas = raster(&[[1, 2, 3, 4]]).on_canvas((3, 2), (1, 1));

        let mut expected = [255; 24];
        expected[16..20].copy_from_slice(&[1, 2, 3, 4]);
        assert_eq!(canvas.pixels, expected);
    }
}
