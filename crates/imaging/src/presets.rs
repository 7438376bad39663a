mod fields;
mod overrides;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use toml::{Table, Value};

use crate::{Encoding, Fit, Format, Gravity, Preset};
use fields::Fields;

const BUILTIN: &str = include_str!("../presets.toml");
const MAX_NAME: usize = 40;
/// The largest side of a cut in pixels: 4096x4096 takes 48 MiB before it is encoded.
const MAX_SIDE: i64 = 4096;
const DEFAULT_QUALITY: u8 = 80;
/// The largest area of an AVIF in pixels: it takes 70 MiB and two seconds, and as often as six times
/// that long within a byte budget.
const MAX_AVIF: u32 = 2 << 20;
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
    /// There is no preset of the name.
    #[error("there is no preset `{preset}`; there are {known}")]
    NoSuch {
        /// As it was asked for.
        preset: String,
        /// The names there are.
        known: String,
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
}

impl InvalidPreset {
    /// The field that is wrong, where it is one field.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Missing { field, .. } | Self::Value { field, .. } => Some(field),
            Self::Unknown { field, .. } => Some(field),
            Self::NoSuch { .. } => Some("preset"),
            Self::Syntax(_) | Self::Empty | Self::Name { .. } | Self::NotATable { .. } => None,
        }
    }
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
    read(name, table, None)
}

/// Reads the fields of a preset; what is not there comes from `base`, where there is one.
fn read(name: &str, table: Table, base: Option<&Preset>) -> Result<Preset, InvalidPreset> {
    let mut fields = Fields::new(name, table);
    let mut preset = Preset {
        name: name.to_owned(),
        width: fields.integer("width", 1..=MAX_SIDE, base.map(|base| base.width.into()))?,
        height: fields.integer("height", 1..=MAX_SIDE, base.map(|base| base.height.into()))?,
        fit: fields.choice("fit", FITS, base.map(Preset::fit))?,
        gravity: gravity(&mut fields, base.map(Preset::gravity))?,
        encoding: encoding(&mut fields, base.map(Preset::encoding))?,
        max_bytes: None,
    };
    if preset.encoding.format() == Format::Avif && preset.width * preset.height > MAX_AVIF {
        let expected = format!("another than avif for more than {MAX_AVIF} pixels");
        return Err(fields.invalid("format", expected));
    }
    if preset.encoding != Encoding::Png {
        let most = fields.optional("max_bytes", BYTE_BUDGETS)?;
        preset.max_bytes = most.or(base.and_then(Preset::max_bytes));
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

fn gravity(fields: &mut Fields<'_>, default: Option<Gravity>) -> Result<Gravity, InvalidPreset> {
    match fields.point("gravity")? {
        Some((x, y)) => Ok(Gravity::Focal { x, y }),
        None => fields.choice("gravity", GRAVITIES, default.or(Some(Gravity::CENTER))),
    }
}

const FORMATS: &[(&str, Format)] = &[
    ("jpeg", Format::Jpeg),
    ("png", Format::Png),
    ("webp", Format::Webp),
    ("avif", Format::Avif),
];

fn encoding(fields: &mut Fields<'_>, base: Option<Encoding>) -> Result<Encoding, InvalidPreset> {
    let format = fields.choice("format", FORMATS, base.map(Encoding::format))?;
    let kept = base.filter(|base| base.format() == format);
    let default = kept.and_then(Encoding::quality).unwrap_or(DEFAULT_QUALITY);
    let mut quality = || fields.integer("quality", 1..=100, Some(default.into()));
    Ok(match format {
        Format::Jpeg => Encoding::Jpeg {
            quality: quality()?,
        },
        Format::Png => Encoding::Png,
        Format::Webp => Encoding::Webp {
            quality: quality()?,
        },
        Format::Avif => Encoding::Avif {
            quality: quality()?,
        },
    })
}

#[cfg(test)]
mod tests;
