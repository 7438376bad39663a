//! Reads the fields of a request body as the provider's schema check does: the first fault is
//! named with its field; fields that nobody asked for are ignored.

use serde_json::{Map, Value};

use crate::answer::Refusal;

/// The largest seed the provider takes.
pub(crate) const MAX_SEED: u32 = i32::MAX as u32;

/// An object of request fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(crate) fn has(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text of at most `max` characters.
    pub(crate) fn text(self, name: &str, max: usize) -> Result<Option<&'a str>, Refusal> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let Value::String(text) = value else {
            return Err(wrong_type(value, "string", name));
        };
        if text.chars().count() > max {
            return Err(Refusal::schema(
                format_args!("the text is too long (at most {max} characters)"),
                name,
            ));
        }
        Ok(Some(text))
    }

    /// The prompt: required, 1 to `max` characters.
    pub(crate) fn prompt(self, max: usize) -> Result<&'a str, Refusal> {
        let Some(prompt) = self.text("prompt", max)? else {
            return Err(Refusal::problem(
                axum::http::StatusCode::BAD_REQUEST,
                "'prompt' is a required property",
            ));
        };
        if prompt.is_empty() {
            return Err(Refusal::schema("'' is too short", "prompt"));
        }
        Ok(prompt)
    }

    /// One of `allowed`.
    pub(crate) fn choice(
        self,
        name: &str,
        allowed: &[&'static str],
    ) -> Result<Option<&'static str>, Refusal> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let Value::String(text) = value else {
            return Err(wrong_type(value, "string", name));
        };
        match allowed.iter().find(|allowed| *allowed == text) {
            Some(found) => Ok(Some(found)),
            None => Err(Refusal::schema(
                format_args!("'{text}' is not one of {}", python_list(allowed)),
                name,
            )),
        }
    }

    /// An integer between `min` and `max`, both included.
    pub(crate) fn integer(self, name: &str, min: u32, max: u32) -> Result<Option<u32>, Refusal> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        // A schema's integer includes 2.0, and Python's booleans are not integers to it.
        let whole = value.as_i64().or_else(|| {
            value
                .as_f64()
                .filter(|number| number.fract() == 0.0)
                .map(|number| number as i64)
        });
        let Some(number) = whole else {
            return Err(wrong_type(value, "integer", name));
        };
        match u32::try_from(number) {
            Ok(number) if (min..=max).contains(&number) => Ok(Some(number)),
            _ if number < i64::from(min) => Err(Refusal::schema(
                format_args!("{number} is less than the minimum of {min}"),
                name,
            )),
            _ => Err(Refusal::schema(
                format_args!("{number} is greater than the maximum of {max}"),
                name,
            )),
        }
    }

    pub(crate) fn images(self) -> Result<u8, Refusal> {
        Ok(self.integer("num_images", 1, 8)?.map_or(1, |n| n as u8))
    }

    pub(crate) fn seed(self) -> Result<Option<u32>, Refusal> {
        self.integer("seed", 0, MAX_SEED)
    }

    /// True or false; `nullable` says whether null counts as absent.
    pub(crate) fn flag(self, name: &str, nullable: bool) -> Result<Option<bool>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::Null) if nullable => Ok(None),
            Some(value) => Err(wrong_type(value, "boolean", name)),
        }
    }

    pub(crate) fn object(self, name: &str) -> Result<Option<Fields<'a>>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields(map))),
            Some(value) => Err(wrong_type(value, "object", name)),
        }
    }

    pub(crate) fn list(self, name: &str) -> Result<Option<&'a [Value]>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(value) => Err(wrong_type(value, "array", name)),
        }
    }

    /// Style codes: eight hexadecimal digits each.
    pub(crate) fn style_codes(self) -> Result<bool, Refusal> {
        const NAME: &str = "style_codes";
        for code in self.list(NAME)?.unwrap_or_default() {
            let Value::String(text) = code else {
                return Err(wrong_type(code, "string", NAME));
            };
            if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(Refusal::schema(
                    format_args!("'{text}' does not match '^[0-9a-fA-F]{{8}}$'"),
                    NAME,
                ));
            }
        }
        Ok(self.has(NAME))
    }
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

fn python_list(items: &[&str]) -> String {
    let quoted: Vec<_> = items.iter().map(|item| format!("'{item}'")).collect();
    format!("[{}]", quoted.join(", "))
}
