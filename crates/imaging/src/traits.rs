mod palette;

use crate::Picture;
use crate::small::Small;

/// The longest side that `ThumbHash` is made of; its encoder takes no more than 100.
const HASHED_SIDE: usize = 100;
/// The longest side that the palette is made of.
const PALETTE_SIDE: usize = 64;

/// What can be told of a picture without showing it.
#[derive(Debug, Clone, PartialEq)]
pub struct Traits {
    /// A [`ThumbHash`](https://evanw.github.io/thumbhash/): a blurred preview in about 25 bytes.
    pub thumbhash: Vec<u8>,
    /// At most five colours that stand for the picture, the most frequent first. Less when there are
    /// no more, and none when nothing is opaque.
    pub palette: Vec<Swatch>,
    /// A perceptual hash, the difference hash of 9x8 pixels: pictures that look alike differ in few
    /// bits, others in about half of the 64. Bit 63 is the top left.
    pub phash: u64,
}

/// One colour of a palette.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Swatch {
    /// In sRGB.
    pub rgb: [u8; 3],
    /// In [Oklab](https://bottosson.github.io/posts/oklab/): lightness from 0 to 1, then green to red
    /// and blue to yellow about 0. Distances are as large as they look.
    pub oklab: [f32; 3],
    /// The share of the picture that it stands for; all of a palette add up to 1.
    pub weight: f32,
}

impl Traits {
    /// In how many of 64 bits the perceptual hashes of two pictures differ. Up to about 10 they are
    /// the same picture in another size or quality.
    #[must_use]
    pub fn distance(&self, other: &Self) -> u32 {
        (self.phash ^ other.phash).count_ones()
    }
}

/// Describes a picture. The same pixels give the same traits. CPU-bound: a few ms for a megapixel.
#[must_use]
pub fn describe(picture: &Picture) -> Traits {
    let small = picture.small();
    let hashed = small.within(HASHED_SIDE);
    let rgba = hashed.pixels.as_flattened();
    Traits {
        thumbhash: thumbhash::rgba_to_thumb_hash(hashed.width, hashed.height, rgba),
        palette: palette::palette(&small.within(PALETTE_SIDE).pixels),
        phash: difference_hash(small),
    }
}

/// One bit for each pair of neighbours in a row: whether it gets brighter to the right.
fn difference_hash(small: &Small) -> u64 {
    let luma = small.sized((9, 8)).luma();
    luma.chunks_exact(9)
        .flat_map(|row| row.array_windows::<2>())
        .fold(0, |hash, [left, right]| hash << 1 | u64::from(right > left))
}
