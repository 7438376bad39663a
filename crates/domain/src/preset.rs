//! Which cuts are asked for.

use std::fmt;

/// A preset by name, and what shall be different from it this time.
///
/// Words and numbers are those of `presets.toml`; whether they make sense is for `imaging` to say.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub struct PresetChoice {
    /// The name of the preset.
    pub preset: String,
    /// Width in pixels.
    pub width: Option<i64>,
    /// Height in pixels.
    pub height: Option<i64>,
    /// How a picture gets into the size.
    pub fit: Option<String>,
    /// Which part is kept: a word, or a point of the source as `0.5,0.3`.
    pub gravity: Option<String>,
    /// The format of the file.
    pub format: Option<String>,
    /// The quality of the file.
    pub quality: Option<i64>,
    /// How many bytes it may have.
    pub max_bytes: Option<i64>,
}

impl PresetChoice {
    /// Whether it is the preset as it stands.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::from(self.preset.as_str())
    }
}

impl From<&str> for PresetChoice {
    fn from(preset: &str) -> Self {
        Self {
            preset: preset.to_owned(),
            ..Self::default()
        }
    }
}

impl fmt::Display for PresetChoice {
    /// The preset's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.preset)
    }
}
