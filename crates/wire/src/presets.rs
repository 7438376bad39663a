//! The presets of a request as JSON has them: names, and objects where something is to be different.

use std::fmt;

use domain::PresetChoice;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::v1;

/// One entry of the list.
pub(crate) struct Chosen(v1::PresetChoice);

impl Serialize for Chosen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plain = v1::PresetChoice {
            preset: self.0.preset.clone(),
            ..v1::PresetChoice::default()
        };
        match self.0 == plain {
            true => serializer.serialize_str(&self.0.preset),
            false => self.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Chosen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Chosen;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a preset's name, or an object such as {\"preset\": \"instagram\", \"gravity\": \"text-safe\"}")
            }

            fn visit_str<E>(self, preset: &str) -> Result<Chosen, E> {
                Ok(named(preset.to_owned()))
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Chosen, M::Error> {
                v1::PresetChoice::deserialize(MapAccessDeserializer::new(map)).map(Chosen)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

fn named(preset: String) -> Chosen {
    Chosen(v1::PresetChoice {
        preset,
        ..v1::PresetChoice::default()
    })
}

impl From<Vec<Chosen>> for v1::PresetList {
    fn from(list: Vec<Chosen>) -> Self {
        Self::of(list.into_iter().map(|Chosen(choice)| choice).collect())
    }
}

impl From<v1::PresetList> for Vec<Chosen> {
    fn from(list: v1::PresetList) -> Self {
        let names = list.names.into_iter().map(named);
        names.chain(list.choices.into_iter().map(Chosen)).collect()
    }
}

impl v1::PresetList {
    /// In the given order; by name alone if nothing is to be different.
    fn of(choices: Vec<v1::PresetChoice>) -> Self {
        let plain = |choice: &v1::PresetChoice| PresetChoice::from(choice.clone()).is_plain();
        match choices.iter().all(plain) {
            true => Self {
                names: choices.into_iter().map(|choice| choice.preset).collect(),
                choices: Vec::new(),
            },
            false => Self {
                names: Vec::new(),
                choices,
            },
        }
    }
}

impl From<v1::PresetList> for Vec<PresetChoice> {
    /// The choices that a list makes.
    fn from(list: v1::PresetList) -> Self {
        let names = list.names.iter().map(|name| name.as_str().into());
        names
            .chain(list.choices.into_iter().map(Into::into))
            .collect()
    }
}

impl From<&[PresetChoice]> for v1::PresetList {
    fn from(choices: &[PresetChoice]) -> Self {
        Self::of(choices.iter().map(Into::into).collect())
    }
}
