use std::fmt::Write as _;

use ring::digest;

use crate::Format;

/// Raised when the same recipe gives another file than before, so that new cuts get new keys.
const ENGINE: u32 = 4;

/// A size to cut to, and how.
///
/// Invariant: comes from [`Presets::parse`](crate::Presets::parse) or [`Preset::with`], so sides are 1
/// to 4096 pixels and the name can stand in a URL and an object key as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    pub(crate) name: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) fit: Fit,
    pub(crate) gravity: Gravity,
    pub(crate) encoding: Encoding,
    pub(crate) max_bytes: Option<u32>,
}

/// How a picture gets into the preset's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Fills the size exactly; what sticks out is cut away.
    Cover,
    /// Shows the whole picture in exactly the size, with white beside it.
    Contain,
    /// Shows the whole picture in exactly the size, with a blurred copy of it beside it.
    Extend,
    /// Shows the whole picture within the size, in its own ratio and never enlarged.
    Inside,
}

/// Which part is kept by [`Fit::Cover`], and where the picture lies with [`Fit::Contain`] and
/// [`Fit::Extend`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gravity {
    /// A place between the edges: 0 is left or top, 1 is right or bottom. The centre is 0.5, 0.5 and
    /// north-east is 1, 0.
    Anchor {
        /// From left to right.
        x: f64,
        /// From top to bottom.
        y: f64,
    },
    /// A point of the source that stays as near to the middle of the cut as the edges allow, in
    /// fractions of its width and height.
    Focal {
        /// From left to right.
        x: f64,
        /// From top to bottom.
        y: f64,
    },
    /// The part with most edges, strong colours and skin.
    Attention,
    /// The part that keeps most lettering whole, and as for the rest as [`Gravity::Attention`]. What
    /// could not be kept is told by [`Cut::text_at_risk`](crate::Cut::text_at_risk).
    TextSafe,
}

impl Gravity {
    /// The middle.
    pub const CENTER: Self = Self::Anchor { x: 0.5, y: 0.5 };
}

/// The format of a cut, with what that format needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Baseline JPEG.
    Jpeg {
        /// 1 to 100 on libjpeg's scale.
        quality: u8,
    },
    /// PNG, lossless.
    Png,
    /// `WebP` with loss, and with alpha where the picture has any.
    Webp {
        /// 1 to 100 on libwebp's scale.
        quality: u8,
    },
    /// AVIF with loss, and with alpha where the picture has any.
    Avif {
        /// 1 to 100 on the scale of `ravif`, which aims at what the same number looks like in a JPEG.
        quality: u8,
    },
}

impl Encoding {
    /// The format without its settings.
    #[must_use]
    pub fn format(self) -> Format {
        match self {
            Self::Jpeg { .. } => Format::Jpeg,
            Self::Png => Format::Png,
            Self::Webp { .. } => Format::Webp,
            Self::Avif { .. } => Format::Avif,
        }
    }

    /// 1 to 100 on the format's own scale; none where nothing is lost.
    #[must_use]
    pub fn quality(self) -> Option<u8> {
        match self {
            Self::Jpeg { quality } | Self::Webp { quality } | Self::Avif { quality } => {
                Some(quality)
            }
            Self::Png => None,
        }
    }
}

impl Preset {
    /// The name: 1 to 40 of `a-z`, `0-9` and `-`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Width in pixels; with [`Fit::Inside`] the most there may be.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels; with [`Fit::Inside`] the most there may be.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// How a picture gets into the size.
    #[must_use]
    pub fn fit(&self) -> Fit {
        self.fit
    }

    /// Which part is kept.
    #[must_use]
    pub fn gravity(&self) -> Gravity {
        self.gravity
    }

    /// What is written.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// How many bytes the file should have at most, for which its quality is lowered; none for no
    /// such limit.
    #[must_use]
    pub fn max_bytes(&self) -> Option<u32> {
        self.max_bytes
    }

    /// What the file of a cut is called: `<name>-<version>.<extension>`. Belongs in the object key,
    /// so that a changed preset never overwrites or is mistaken for what was cut before.
    #[must_use]
    pub fn file_name(&self) -> String {
        let extension = self.encoding.format().extension();
        format!("{}-{}.{extension}", self.name, self.version())
    }

    /// Eight hex digits that change whenever the same source would give another file, and only then.
    /// The name is not part of it.
    #[must_use]
    pub fn version(&self) -> String {
        let Self {
            name: _,
            width,
            height,
            fit,
            gravity,
            encoding,
            max_bytes,
        } = self;
        let mut recipe = format!("{ENGINE} {width}x{height} {fit:?} {gravity:?} {encoding:?}");
        if let Some(most) = max_bytes {
            let _infallible = write!(recipe, " {most}");
        }
        let digest = digest::digest(&digest::SHA256, recipe.as_bytes());
        hex::encode(&digest.as_ref()[..4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preset() -> Preset {
        Preset {
            name: "og-image".to_owned(),
            width: 1200,
            height: 630,
            fit: Fit::Cover,
            gravity: Gravity::CENTER,
            encoding: Encoding::Jpeg { quality: 80 },
            max_bytes: None,
        }
    }

    #[test]
    fn the_version_stays_until_the_engine_changes() {
        // Derived from names in this file: whoever renames a variant re-cuts every stored image.
        assert_eq!(preset().version(), "fdcaba76");
        assert_eq!(preset().file_name(), "og-image-fdcaba76.jpg");
    }

    #[test]
    fn every_part_of_the_recipe_but_the_name_is_in_the_version() {
        let version = preset().version();
        let changed = [
            Preset {
                width: 1201,
                ..preset()
            },
            Preset {
                height: 631,
                ..preset()
            },
            Preset {
                fit: Fit::Contain,
                ..preset()
            },
            Preset {
                gravity: Gravity::Focal { x: 0.5, y: 0.5 },
                ..preset()
            },
            Preset {
                encoding: Encoding::Jpeg { quality: 81 },
                ..preset()
            },
            Preset {
                encoding: Encoding::Png,
                ..preset()
            },
            Preset {
                encoding: Encoding::Webp { quality: 80 },
                ..preset()
            },
            Preset {
                encoding: Encoding::Avif { quality: 80 },
                ..preset()
            },
            Preset {
                max_bytes: Some(50_000),
                ..preset()
            },
        ];

        for preset in changed {
            assert_ne!(preset.version(), version, "{preset:?}");
        }
        let renamed = Preset {
            name: "card".to_owned(),
            ..preset()
        };
        assert_eq!(renamed.version(), version);
    }
}
