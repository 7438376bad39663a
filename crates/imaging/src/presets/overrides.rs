use toml::{Table, Value};

use super::{InvalidPreset, read};
use crate::Preset;

/// What one request wants otherwise than its preset has it: words and numbers as in `presets.toml`,
/// unchecked until [`Preset::with`].
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Overrides<'a> {
    /// Width in pixels.
    pub width: Option<i64>,
    /// Height in pixels.
    pub height: Option<i64>,
    /// The word for a [`Fit`](crate::Fit).
    pub fit: Option<&'a str>,
    /// The word for a [`Gravity`](crate::Gravity), or a focal point such as `0.5,0.3`.
    pub gravity: Option<&'a str>,
    /// The word for a [`Format`](crate::Format).
    pub format: Option<&'a str>,
    /// 1 to 100.
    pub quality: Option<i64>,
    /// How many bytes the file should have at most.
    pub max_bytes: Option<i64>,
}

impl Overrides<'_> {
    fn table(&self) -> Table {
        let numbers = [
            ("width", self.width),
            ("height", self.height),
            ("quality", self.quality),
            ("max_bytes", self.max_bytes),
        ]
        .map(|(field, number)| (field, number.map(Value::Integer)));
        let words = [
            ("fit", self.fit),
            ("gravity", self.gravity),
            ("format", self.format),
        ]
        .map(|(field, word)| (field, word.map(|word| Value::String(word.to_owned()))));
        let given = numbers.into_iter().chain(words);
        given
            .filter_map(|(field, value)| Some((field.to_owned(), value?)))
            .collect()
    }
}

impl Preset {
    /// This preset with some of its fields changed, checked by the rules of `presets.toml`. Name stays,
    /// [`version`](Self::version) changes with the recipe. Another format begins with the default
    /// quality, since a number means something else in each, and PNG has neither quality nor
    /// `max_bytes`.
    ///
    /// # Errors
    ///
    /// [`InvalidPreset`] names the preset and the field.
    pub fn with(&self, overrides: &Overrides<'_>) -> Result<Self, InvalidPreset> {
        read(self.name(), overrides.table(), Some(self))
    }
}
