mod fields;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use toml::{Table, Value};

use crate::{Encoding, Fit, Gravity, Preset};
use fields::Fields;

const BUILTIN: &str = include_str!("../presets.toml");
const MAX_NAME: usize = 40;
/// The largest side of a cut in pixels: 4096x4096 takes 48 MiB before it is encoded.
const MAX_SIDE: i64 = 4096;
const DEFAULT_QUALITY: i64 = 80;
/// Less than a few KiB hold little more than the marks; more than 32 MiB is no limit.
const BYTE_BUDGETS: RangeInclusive<i64> = 4096..=32 << 20;

/// The presets of an installation, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Presets(BTreeMap<String, Preset>);

/// Why a presets file was refused: which preset, which field, and what would do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPreset {
    /// The file is not TOML.
    #[error("the presets are not valid TOML")]
    Syntax(#[source] toml::de::Error),
    /// The file has no preset.
    #[error("no preset is defined; add a table such as [og-image]")]
    Empty,
    /// The name cannot stand in an object key.
    #[error("preset `{preset}`: a name has 1 to 40 of a-z, 0-9 and -")]
    Name {
        /// As it stands in the file.
        preset: String,
    },
    /// A preset is not a table of fields.
    #[error("preset `{preset}`: must be a table of fields")]
    NotATable {
        /// As it stands in the file.
        preset: String,
    },
    /// A field is missing.
    #[error("preset `{preset}`: `{field}` is missing")]
    Missing {
        /// Whose field.
        preset: String,
        /// Which.
        field: &'static str,
    },
    /// A field that means nothing to us, or nothing here.
    #[error("preset `{preset}`: `{field}` is not known here")]
    Unknown {
        /// Whose field.
        preset: String,
        /// Which.
        field: String,
    },
    /// A field has a value that it cannot have.
    #[error("preset `{preset}`: `{field}` must be {expected}")]
    Value {
        /// Whose field.
        preset: String,
        /// Which.
        field: &'static str,
        /// What would do.
        expected: String,
    },
    /// A known format that this build has no encoder for.
    #[error(
        "preset `{preset}`: `format`: this build cannot write {format} yet; use jpeg, png or webp"
    )]
    CannotWrite {
        /// Whose field.
        preset: String,
        /// The format.
        format: String,
    },
}

impl Presets {
    /// The four presets that come with the program.
    ///
    /// # Panics
    ///
    /// Never: the file is part of the program, and a test parses it.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(BUILTIN).expect("the embedded presets are valid")
    }

    /// Reads a presets file: TOML with one table a preset, as `presets.toml` of this crate explains.
    ///
    /// # Errors
    ///
    /// [`InvalidPreset`] names the preset and the field.
    pub fn parse(toml: &str) -> Result<Self, InvalidPreset> {
        let file: Table = toml.parse().map_err(InvalidPreset::Syntax)?;
        if file.is_empty() {
            return Err(InvalidPreset::Empty);
        }
        let presets = file.into_iter().map(|(name, value)| {
            let preset = preset(&name, value)?;
            Ok((name, preset))
        });
        presets.collect::<Result<_, _>>().map(Self)
    }

    /// The preset of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Preset> {
        self.0.get(name)
    }

    /// All presets in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Preset> {
        self.0.values()
    }

    /// All names in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromStr for Presets {
    type Err = InvalidPreset;

    /// As [`Presets::parse`].
    fn from_str(toml: &str) -> Result<Self, InvalidPreset> {
        Self::parse(toml)
    }
}

fn preset(name: &str, value: Value) -> Result<Preset, InvalidPreset> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(allowed) {
        return Err(InvalidPreset::Name {
            preset: name.to_owned(),
        });
    }
    let Value::Table(table) = value else {
        return Err(InvalidPreset::NotATable {
            preset: name.to_owned(),
        });
    };
    let mut fields = Fields::new(name, table);
    let mut preset = Preset {
        name: name.to_owned(),
        width: fields.integer("width", 1..=MAX_SIDE, None)?,
        height: fields.integer("height", 1..=MAX_SIDE, None)?,
        fit: fields.choice("fit", FITS, None)?,
        gravity: gravity(&mut fields)?,
        encoding: encoding(&mut fields)?,
        max_bytes: None,
    };
    if preset.encoding != Encoding::Png {
        preset.max_bytes = fields.optional("max_bytes", BYTE_BUDGETS)?;
    }
    fields.finish()?;
    Ok(preset)
}

const FITS: &[(&str, Fit)] = &[
    ("cover", Fit::Cover),
    ("contain", Fit::Contain),
    ("extend", Fit::Extend),
    ("inside", Fit::Inside),
];

const GRAVITIES: &[(&str, Gravity)] = &[
    ("center", Gravity::CENTER),
    ("north", Gravity::Anchor { x: 0.5, y: 0.0 }),
    ("northeast", Gravity::Anchor { x: 1.0, y: 0.0 }),
    ("east", Gravity::Anchor { x: 1.0, y: 0.5 }),
    ("southeast", Gravity::Anchor { x: 1.0, y: 1.0 }),
    ("south", Gravity::Anchor { x: 0.5, y: 1.0 }),
    ("southwest", Gravity::Anchor { x: 0.0, y: 1.0 }),
    ("west", Gravity::Anchor { x: 0.0, y: 0.5 }),
    ("northwest", Gravity::Anchor { x: 0.0, y: 0.0 }),
    ("attention", Gravity::Attention),
    ("text-safe", Gravity::TextSafe),
];

fn gravity(fields: &mut Fields<'_>) -> Result<Gravity, InvalidPreset> {
    match fields.point("gravity")? {
        Some((x, y)) => Ok(Gravity::Focal { x, y }),
        None => fields.choice("gravity", GRAVITIES, Some(Gravity::CENTER)),
    }
}

fn encoding(fields: &mut Fields<'_>) -> Result<Encoding, InvalidPreset> {
    const FORMATS: &[(&str, &str)] = &[
        ("jpeg", "jpeg"),
        ("png", "png"),
        ("webp", "webp"),
        ("avif", "avif"),
    ];
    match fields.choice("format", FORMATS, None)? {
        "jpeg" => Ok(Encoding::Jpeg {
            quality: fields.integer("quality", 1..=100, Some(DEFAULT_QUALITY))?,
        }),
        "png" => Ok(Encoding::Png),
        "webp" => Ok(Encoding::Webp {
            quality: fields.integer("quality", 1..=100, Some(DEFAULT_QUALITY))?,
        }),
        format => Err(fields.cannot_write(format)),
    }
}

#[cfg(test)]
mod tests;
