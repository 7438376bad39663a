//! The fields of a body, as they are sent: written once, straight into the request.

use std::borrow::Cow;

use domain::{ColorPalette, WeightedColor};
use reqwest::multipart::Form;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// A value of a body.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Text(Cow<'static, str>),
    Number(u32),
    Flag(bool),
    Texts(Vec<String>),
    Palette(Palette),
}

/// A palette by name, or by colours.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Palette {
    Name(String),
    Members(Vec<Member>),
}

/// A colour and its share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Member {
    color_hex: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    color_weight: Option<f64>,
}

/// All fields but the files, in the order in which they are sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fields {
    fields: Vec<(&'static str, Value)>,
    /// The field whose object holds them.
    envelope: Option<&'static str>,
}

impl Fields {
    pub(crate) fn new(envelope: Option<&'static str>) -> Self {
        Self {
            // The most that a route knows, without the rare ones.
            fields: Vec::with_capacity(12),
            envelope,
        }
    }

    pub(crate) fn put(&mut self, field: &'static str, value: impl Into<Value>) {
        self.fields.push((field, value.into()));
    }

    pub(crate) fn put_some(&mut self, field: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(field, value);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.fields.iter().map(|(field, value)| (*field, value))
    }

    /// Writes them as text parts: lists by repeating the part, objects as JSON.
    pub(crate) fn parts(&self) -> Result<Form, serde_json::Error> {
        if let Some(envelope) = self.envelope {
            let inner = serde_json::to_string(&Inner(&self.fields))?;
            return Ok(Form::new().text(envelope, inner));
        }
        let mut form = Form::new();
        for (field, value) in self.iter() {
            form = match value {
                Value::Text(text) => form.text(field, text.clone()),
                Value::Number(number) => form.text(field, number.to_string()),
                Value::Flag(flag) => form.text(field, if *flag { "true" } else { "false" }),
                Value::Texts(texts) => texts
                    .iter()
                    .fold(form, |form, text| form.text(field, text.clone())),
                Value::Palette(palette) => form.text(field, serde_json::to_string(palette)?),
            };
        }
        Ok(form)
    }
}

struct Inner<'a>(&'a [(&'static str, Value)]);

impl Serialize for Inner<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(field, value)| (field, value)))
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(envelope) = self.envelope else {
            return Inner(&self.fields).serialize(serializer);
        };
        let mut outer = serializer.serialize_map(Some(1))?;
        outer.serialize_entry(envelope, &Inner(&self.fields))?;
        outer.end()
    }
}

impl Palette {
    /// `word` spells the name as the route does.
    pub(crate) fn of(palette: &ColorPalette, word: impl Fn(&str) -> String) -> Self {
        match palette {
            ColorPalette::Preset(name) => Self::Name(word(name)),
            ColorPalette::Colors(colors) => Self::Members(colors.iter().map(Member::of).collect()),
        }
    }
}

impl Member {
    fn of(color: &WeightedColor) -> Self {
        // 0.7 and not 0.699999988079071, which is what 0.7 is in single precision.
        let round = |weight| (f64::from(weight) * 10_000.0).round() / 10_000.0;
        Self {
            color_hex: color.hex.clone(),
            color_weight: color.weight.map(round),
        }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}
