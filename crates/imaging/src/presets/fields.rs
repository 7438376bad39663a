use std::ops::RangeInclusive;

use toml::{Table, Value};

use super::InvalidPreset;

/// The fields of one preset, each taken once; what is left over is unknown. Read by hand since a
/// derived deserializer tells neither the preset nor the range that would do.
pub(super) struct Fields<'a> {
    preset: &'a str,
    table: Table,
}

impl<'a> Fields<'a> {
    pub(super) fn new(preset: &'a str, table: Table) -> Self {
        Self { preset, table }
    }

    /// A whole number in `range`, which lies within `T`.
    pub(super) fn integer<T: TryFrom<i64>>(
        &mut self,
        field: &'static str,
        range: RangeInclusive<i64>,
        default: Option<i64>,
    ) -> Result<T, InvalidPreset> {
        let value = match self.table.remove(field) {
            None => default.ok_or_else(|| self.missing(field))?,
            Some(value) => value.as_integer().unwrap_or(i64::MIN),
        };
        if range.contains(&value)
            && let Ok(value) = value.try_into()
        {
            return Ok(value);
        }
        Err(self.invalid(
            field,
            format!("a whole number from {} to {}", range.start(), range.end()),
        ))
    }

    /// A whole number in `range`, or none where the field is not there.
    pub(super) fn optional<T: TryFrom<i64>>(
        &mut self,
        field: &'static str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<T>, InvalidPreset> {
        if self.table.contains_key(field) {
            self.integer(field, range, None).map(Some)
        } else {
            Ok(None)
        }
    }

    /// One of the named `choices`.
    pub(super) fn choice<T: Copy>(
        &mut self,
        field: &'static str,
        choices: &[(&str, T)],
        default: Option<T>,
    ) -> Result<T, InvalidPreset> {
        let Some(value) = self.table.remove(field) else {
            return default.ok_or_else(|| self.missing(field));
        };
        let chosen = choices
            .iter()
            .find(|(name, _)| value.as_str() == Some(name));
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.invalid(field, format!("one of {}", names.join(", ")))
        })
    }

    /// `{ x, y }` or `"x,y"` with both from 0 to 1; none, and nothing taken, where the field is neither.
    pub(super) fn point(
        &mut self,
        field: &'static str,
    ) -> Result<Option<(f64, f64)>, InvalidPreset> {
        let point = match self.table.get(field) {
            Some(Value::Table(table)) => in_table(table),
            Some(Value::String(text)) => match text.split_once(',') {
                Some((x, y)) => in_text(x, y),
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        let inside = |(x, y): &(f64, f64)| (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y);
        let Some(point) = point.filter(inside) else {
            let expected = "a name or a point such as 0.5,0.3 with both from 0 to 1";
            return Err(self.invalid(field, expected.to_owned()));
        };
        self.table.remove(field);
        Ok(Some(point))
    }

    /// Refuses what nobody has asked for.
    pub(super) fn finish(self) -> Result<(), InvalidPreset> {
        match self.table.into_iter().next() {
            None => Ok(()),
            Some((field, _)) => Err(InvalidPreset::Unknown {
                preset: self.preset.to_owned(),
                field,
            }),
        }
    }

    fn missing(&self, field: &'static str) -> InvalidPreset {
        InvalidPreset::Missing {
            preset: self.preset.to_owned(),
            field,
        }
    }

    pub(super) fn invalid(&self, field: &'static str, expected: String) -> InvalidPreset {
        InvalidPreset::Value {
            preset: self.preset.to_owned(),
            field,
            expected,
        }
    }
}

fn in_table(table: &Table) -> Option<(f64, f64)> {
    let number = |axis| {
        let value = table.get(axis)?;
        let whole = || value.as_integer().map(|whole| whole as f64);
        value.as_float().or_else(whole)
    };
    let point = (number("x")?, number("y")?);
    (table.len() == 2).then_some(point)
}

fn in_text(x: &str, y: &str) -> Option<(f64, f64)> {
    Some((x.trim().parse().ok()?, y.trim().parse().ok()?))
}
