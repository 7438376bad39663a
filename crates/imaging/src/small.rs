use crate::raster::Raster;

/// A small copy of a picture, which is enough to judge it by: straight RGBA, each pixel the mean of
/// the box of pixels that it stands for.
#[derive(Debug, Clone)]
pub(crate) struct Small {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<[u8; 4]>,
}

impl Small {
    /// Reduces `raster` until no side is longer than `most` pixels; never enlarges it.
    pub(crate) fn of(raster: &Raster, most: usize) -> Self {
        let (width, height) = (raster.width as usize, raster.height as usize);
        let size = within(width, height, most);
        if raster.alpha {
            let (pixels, _) = raster.pixels.as_chunks::<4>();
            reduced(width, pixels, size, |pixel| *pixel)
        } else {
            let (pixels, _) = raster.pixels.as_chunks::<3>();
            reduced(width, pixels, size, |&[r, g, b]| [r, g, b, u8::MAX])
        }
    }

    /// A still smaller copy with no side longer than `most` pixels.
    pub(crate) fn within(&self, most: usize) -> Self {
        self.sized(within(self.width, self.height, most))
    }

    /// A copy of exactly this size, whatever the ratio.
    pub(crate) fn sized(&self, size: (usize, usize)) -> Self {
        reduced(self.width, &self.pixels, size, |pixel| *pixel)
    }

    /// The brightness of each pixel as the eye sees it (BT.601), 0 to 255, over white.
    pub(crate) fn luma(&self) -> Vec<u8> {
        let luma = |&[r, g, b, a]: &[u8; 4]| {
            let opaque = 299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b);
            let alpha = u32::from(a);
            ((opaque / 1000 * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        self.pixels.iter().map(luma).collect()
    }
}

fn within(width: usize, height: usize, most: usize) -> (usize, usize) {
    let longest = width.max(height);
    if longest <= most {
        return (width, height);
    }
    let side = |side: usize| ((side * most + longest / 2) / longest).max(1);
    (side(width), side(height))
}

/// Where the box of each of `count` pixels begins and ends in `length` pixels; never empty.
fn boxes(length: usize, count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).map(move |at| {
        let start = at * length / count;
        (start, ((at + 1) * length / count).max(start + 1))
    })
}

fn reduced<T>(
    width: usize,
    pixels: &[T],
    size: (usize, usize),
    rgba: impl Fn(&T) -> [u8; 4],
) -> Small {
    let height = pixels.len() / width;
    let columns: Vec<_> = boxes(width, size.0).collect();
    let mut small = Vec::with_capacity(size.0 * size.1);
    let mut sums = vec![[0u64; 4]; size.0];
    for (top, bottom) in boxes(height, size.1) {
        sums.fill([0; 4]);
        for row in pixels[top * width..bottom * width].chunks_exact(width) {
            for (sum, &(left, right)) in sums.iter_mut().zip(&columns) {
                let mut part = [0u32; 4];
                for pixel in &row[left..right] {
                    let [r, g, b, a] = rgba(pixel).map(u32::from);
                    part[0] += r * a;
                    part[1] += g * a;
                    part[2] += b * a;
                    part[3] += a;
                }
                for (sum, part) in sum.iter_mut().zip(part) {
                    *sum += u64::from(part);
                }
            }
        }
        for (sum, (left, right)) in sums.iter().zip(&columns) {
            small.push(mean(*sum, ((right - left) * (bottom - top)) as u64));
        }
    }
    Small {
        width: size.0,
        height: size.1,
        pixels: small,
    }
}

/// The mean colour of `count` pixels by how opaque each is, and their mean alpha.
fn mean([r, g, b, alpha]: [u64; 4], count: u64) -> [u8; 4] {
    if alpha == 0 {
        return [0; 4];
    }
    let color = |sum: u64| ((sum + alpha / 2) / alpha) as u8;
    [
        color(r),
        color(g),
        color(b),
        ((alpha + count / 2) / count) as u8,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raster(width: u32, alpha: bool, pixels: Vec<u8>) -> Raster {
        let height = pixels.len() as u32 / width / if alpha { 4 } else { 3 };
        Raster {
            width,
            height,
            alpha,
            pixels,
        }
    }

    #[test]
    fn a_pixel_is_the_mean_of_its_box() {
        let wide = raster(4, false, vec![0, 0, 0, 10, 20, 30, 7, 7, 7, 9, 9, 9]);

        let small = Small::of(&wide, 2);
        assert_eq!((small.width, small.height), (2, 1));
        assert_eq!(small.pixels, [[5, 10, 15, 255], [8, 8, 8, 255]]);
    }

    #[test]
    fn what_is_transparent_has_no_colour() {
        let half = raster(2, true, vec![200, 100, 0, 255, 1, 2, 3, 0]);

        assert_eq!(Small::of(&half, 1).pixels, [[200, 100, 0, 128]]);
        let none = raster(1, true, vec![9, 9, 9, 0]);
        assert_eq!(Small::of(&none, 1).luma(), [255]);
    }

    #[test]
    fn any_size_can_be_had_of_any_other() {
        let dot = raster(1, false, vec![1, 2, 3]);

        assert_eq!(
            Small::of(&dot, 512).sized((9, 8)).pixels,
            [[1, 2, 3, 255]; 72]
        );
        assert_eq!(within(8192, 3, 512), (512, 1));
        assert_eq!(within(1312, 736, 512), (512, 287));
    }
}
