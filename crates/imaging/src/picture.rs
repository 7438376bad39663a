use std::sync::OnceLock;

use crate::aim::{self, Line};
use crate::raster::Raster;
use crate::small::Small;

/// A decoded image, from which any number of presets can be cut.
///
/// Invariant: upright, 8 bits a channel, RGB or RGBA with straight alpha, of at least one pixel.
#[derive(Debug, Clone)]
pub struct Picture {
    pub(crate) raster: Raster,
    /// The colour space of the pixels where it is not sRGB: an ICC profile for RGB data.
    pub(crate) profile: Option<Vec<u8>>,
    /// Whether its file has a C2PA manifest.
    pub(crate) credentials: bool,
    /// Made when somebody first asks, and then for all cuts.
    small: OnceLock<Small>,
    lettering: OnceLock<Vec<Line>>,
}

impl Picture {
    /// Larger profiles are dropped; usual ones have 0.5 to 4 KiB.
    const MAX_PROFILE: usize = 1 << 20;

    pub(crate) fn new(raster: Raster, profile: Option<Vec<u8>>) -> Self {
        // Bytes 16 to 19 of a profile name the kind of data it describes (ICC.1:2022, 7.2.8).
        // Ours are RGB now, so profiles of grey or CMYK sources do not fit any more.
        let profile = profile
            .filter(|icc| icc.len() <= Self::MAX_PROFILE && icc.get(16..20) == Some(b"RGB "));
        let raster = raster.without_idle_alpha();
        Self {
            raster,
            profile,
            credentials: false,
            small: OnceLock::new(),
            lettering: OnceLock::new(),
        }
    }

    /// A copy of at most 512 pixels a side, to judge the picture by.
    pub(crate) fn small(&self) -> &Small {
        self.small.get_or_init(|| Small::of(&self.raster, 512))
    }

    /// The lines of what looks like lettering.
    pub(crate) fn lettering(&self) -> &[Line] {
        self.lettering.get_or_init(|| aim::lettering(self))
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.raster.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.raster.height
    }

    /// Whether any pixel is transparent; then a pixel has four bytes, else three.
    #[must_use]
    pub fn has_alpha(&self) -> bool {
        self.raster.alpha
    }

    /// The pixels in rows from the top left, without padding.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.raster.pixels
    }
}
