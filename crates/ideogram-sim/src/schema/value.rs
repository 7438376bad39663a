//! One field at a time.

use serde_json::{Map, Value, json};

use super::unlisted;
use crate::answer::Refusal;
use crate::catalogue::{ASSET_TYPES, Field, Kind, PALETTES, Shown, Spelling, parse_size};

const MOST_CODES: usize = 32;

/// The value as the rest reads it; `None` where it counts as absent.
pub(super) fn check(field: &Field, value: &Value) -> Result<Option<Value>, Refusal> {
    let name = field.name;
    let kept = match field.kind {
        Kind::Text(least, most) => text(name, value, least, most)?,
        Kind::Word(words, spelling) => {
            let words: Vec<_> = words.split(' ').collect();
            Value::from(word(name, value, &words, spelling)?)
        }
        Kind::Whole(least, most) => whole(name, value, least, most)?,
        Kind::Number(least, most) => number(name, value, least, most)?,
        Kind::Flag { nullable } => match value {
            Value::Bool(_) => value.clone(),
            Value::Null if nullable => return Ok(None),
            _ => return Err(wrong_type(value, "boolean", name)),
        },
        Kind::Pixels => {
            let text = string(name, value)?;
            let digits = |c: char| c.is_ascii_digit() || c == 'x';
            if parse_size(text).is_none() || !text.chars().all(digits) {
                return Err(pattern(text, r"^\d{2,5}x\d{2,5}$", name));
            }
            value.clone()
        }
        Kind::Codes => each(name, value, MOST_CODES, code)?,
        Kind::Palette(spelling) => palette(name, value, spelling)?,
        Kind::Id => id(name, value)?,
        Kind::ModelUri => model_uri(name, value)?,
        Kind::ModelUris => each(name, value, 4, weighed_model)?,
        Kind::Asset => asset(name, value)?,
        Kind::Assets(most) => each(name, value, most, asset)?,
        Kind::Files(..) => return Ok(None),
    };
    Ok(Some(kept))
}

/// One of `words`, as listed.
pub(super) fn word(
    name: &str,
    value: &Value,
    words: &[&str],
    spelling: Spelling,
) -> Result<String, Refusal> {
    let text = string(name, value)?;
    spelling
        .read(text)
        .filter(|word| words.contains(&word.as_str()))
        .ok_or_else(|| unlisted(text, &Shown(words, spelling), name))
}

fn string<'a>(name: &str, value: &'a Value) -> Result<&'a str, Refusal> {
    value
        .as_str()
        .ok_or_else(|| wrong_type(value, "string", name))
}

fn text(name: &str, value: &Value, least: usize, most: usize) -> Result<Value, Refusal> {
    let text = string(name, value)?;
    let length = text.chars().count();
    if length > most {
        return Err(Refusal::schema(
            format_args!("the text is too long (at most {most} characters)"),
            name,
        ));
    }
    if length < least {
        return Err(Refusal::schema(format_args!("'{text}' is too short"), name));
    }
    Ok(value.clone())
}

/// A schema's integer includes 2.0, and Python's booleans are not integers to it.
fn whole(name: &str, value: &Value, least: u32, most: u32) -> Result<Value, Refusal> {
    let whole = value.as_i64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0);
        number.map(|number| number as i64)
    });
    let Some(number) = whole else {
        return Err(wrong_type(value, "integer", name));
    };
    in_range(name, number, i64::from(least), i64::from(most))?;
    Ok(Value::from(number))
}

fn number(name: &str, value: &Value, least: f64, most: f64) -> Result<Value, Refusal> {
    let Some(number) = value.as_f64() else {
        return Err(wrong_type(value, "number", name));
    };
    in_range(name, number, least, most)?;
    Ok(value.clone())
}

fn in_range<T: PartialOrd + std::fmt::Display>(
    name: &str,
    number: T,
    least: T,
    most: T,
) -> Result<(), Refusal> {
    if number < least {
        return Err(Refusal::schema(
            format_args!("{number} is less than the minimum of {least}"),
            name,
        ));
    }
    if number > most {
        return Err(Refusal::schema(
            format_args!("{number} is greater than the maximum of {most}"),
            name,
        ));
    }
    Ok(())
}

/// A list of at most `most`, each of which passes `check`.
fn each(
    name: &str,
    value: &Value,
    most: usize,
    check: impl Fn(&str, &Value) -> Result<Value, Refusal>,
) -> Result<Value, Refusal> {
    let Some(list) = value.as_array() else {
        return Err(wrong_type(value, "array", name));
    };
    if list.is_empty() {
        return Err(Refusal::schema("[] is too short", name));
    }
    if list.len() > most {
        return Err(Refusal::schema(
            format_args!("the array is too long (at most {most})"),
            name,
        ));
    }
    list.iter().map(|item| check(name, item)).collect()
}

fn code(name: &str, value: &Value) -> Result<Value, Refusal> {
    let text = string(name, value)?;
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(pattern(text, "^[0-9a-fA-F]{8}$", name));
    }
    Ok(value.clone())
}

fn id(name: &str, value: &Value) -> Result<Value, Refusal> {
    let text = string(name, value)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if text.len() != 22 || !text.bytes().all(plain) {
        return Err(pattern(text, "^[A-Za-z0-9_-]{22}$", name));
    }
    Ok(value.clone())
}

fn model_uri(name: &str, value: &Value) -> Result<Value, Refusal> {
    let text = string(name, value)?;
    let parts: Vec<_> = text.split('/').collect();
    match parts.as_slice() {
        ["model", model, "version", version]
            if !model.is_empty() && !version.is_empty() && text.len() <= 512 =>
        {
            Ok(value.clone())
        }
        _ => Err(pattern(text, "^model/[^/]+/version/[^/]+$", name)),
    }
}

fn weighed_model(name: &str, value: &Value) -> Result<Value, Refusal> {
    let model = object(name, value)?;
    model_uri(name, model.get("custom_model_uri").unwrap_or(&Value::Null))?;
    match model.get("weight").map(Value::as_f64) {
        None => {}
        Some(Some(weight)) if weight > 0.0 => {}
        Some(_) => return Err(Refusal::schema("a weight must be more than 0", name)),
    }
    Ok(value.clone())
}

fn asset(name: &str, value: &Value) -> Result<Value, Refusal> {
    let asset = object(name, value)?;
    let types: Vec<_> = ASSET_TYPES.split(' ').collect();
    let field = |key: &str| asset.get(key).unwrap_or(&Value::Null);
    word(name, field("asset_type"), &types, Spelling::Listed)?;
    text(name, field("asset_id"), 1, 64)?;
    Ok(value.clone())
}

/// A palette is either a name or one to eight weighted colours.
fn palette(name: &str, value: &Value, spelling: Spelling) -> Result<Value, Refusal> {
    let palette = object(name, value)?;
    match (palette.get("name"), palette.get("members")) {
        (Some(preset), None) => {
            let words: Vec<_> = PALETTES.split(' ').collect();
            word("name", preset, &words, spelling)?;
        }
        (None, Some(members)) => {
            each(name, members, 8, colour)?;
        }
        _ => {
            return Err(Refusal::schema(
                "exactly one of 'name' and 'members' must be given",
                name,
            ));
        }
    }
    Ok(value.clone())
}

fn colour(name: &str, value: &Value) -> Result<Value, Refusal> {
    let hex = string(name, value.get("color_hex").unwrap_or(&Value::Null))?;
    let digits = hex.strip_prefix('#').unwrap_or_default();
    if !matches!(digits.len(), 3 | 6) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refusal::schema(
            format_args!("'{hex}' is not a colour such as '#A0B1C2'"),
            name,
        ));
    }
    if let Some(weight) = value.get("color_weight") {
        number(name, weight, 0.05, 1.0)?;
    }
    Ok(json!(hex))
}

fn object<'a>(name: &str, value: &'a Value) -> Result<&'a Map<String, Value>, Refusal> {
    value
        .as_object()
        .ok_or_else(|| wrong_type(value, "object", name))
}

fn pattern(text: &str, pattern: &str, name: &str) -> Refusal {
    let shown: String = text.chars().take(200).collect();
    Refusal::schema(format_args!("'{shown}' does not match '{pattern}'"), name)
}

fn wrong_type(value: &Value, wanted: &str, field: &str) -> Refusal {
    let shown = match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("'{}'", text.chars().take(200).collect::<String>()),
        Value::Array(_) => "the array".to_owned(),
        Value::Object(_) => "the object".to_owned(),
    };
    Refusal::schema(format_args!("{shown} is not of type '{wanted}'"), field)
}
