use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{EnvError, Found};

/// Names and values from one place.
#[derive(Clone)]
pub(super) struct Layer {
    origin: Origin,
    values: BTreeMap<String, String>,
}

/// Where a layer comes from.
#[derive(Clone)]
pub(super) enum Origin {
    Environment,
    File(PathBuf),
}

impl Layer {
    /// Variables of others may be anything; ours must be UTF-8.
    pub(super) fn of_process() -> Result<Self, EnvError> {
        let mut values = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => {
                    values.insert(name, value);
                }
                Err(_) if name.starts_with("DARKROOM_") || name.starts_with("IDEOGRAM_") => {
                    return Err(EnvError::NotUnicode(name));
                }
                Err(_) => {}
            }
        }
        Ok(Self {
            origin: Origin::Environment,
            values,
        })
    }

    pub(super) fn of_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let pairs = pairs.into_iter();
        Self {
            origin: Origin::Environment,
            values: pairs
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    pub(super) fn of_file(path: &str) -> Result<Self, EnvError> {
        let path = PathBuf::from(path);
        let table: toml::Table =
            read("DARKROOM_CONFIG", &path)?
                .parse()
                .map_err(|err: toml::de::Error| EnvError::Syntax {
                    path: path.clone(),
                    why: one_line(&err),
                })?;
        let values = table
            .into_iter()
            .map(|(name, value)| match scalar(value) {
                Ok(value) => Ok((name, value)),
                Err(found) => Err(EnvError::NotScalar {
                    name,
                    path: path.clone(),
                    found,
                }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            origin: Origin::File(path),
            values,
        })
    }

    /// The value of exactly this name; an empty one counts as unset.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The value of `name`, be it here or in the file that `<name>_FILE` names.
    pub(super) fn find(&self, name: &str) -> Result<Option<Found>, EnvError> {
        let by_file = format!("{name}_FILE");
        match (self.get(name), self.get(&by_file)) {
            (Some(_), Some(_)) => Err(EnvError::Twice(name.to_owned())),
            (Some(value), None) => Ok(Some(Found {
                value: value.to_owned(),
                origin: self.origin.clone(),
            })),
            (None, Some(path)) => {
                let text = read(&by_file, Path::new(path))?;
                let value = text.strip_suffix('\n').unwrap_or(&text);
                let value = value.strip_suffix('\r').unwrap_or(value);
                Ok((!value.is_empty()).then(|| Found {
                    value: value.to_owned(),
                    origin: Origin::File(path.into()),
                }))
            }
            (None, None) => Ok(None),
        }
    }
}

fn read(name: &str, path: &Path) -> Result<String, EnvError> {
    fs::read_to_string(path).map_err(|source| EnvError::Unreadable {
        name: name.to_owned(),
        path: path.to_owned(),
        source,
    })
}

/// The value as its environment variable would spell it, or what it is instead of a scalar.
fn scalar(value: toml::Value) -> Result<String, &'static str> {
    match value {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(answer) => Ok(answer.to_string()),
        toml::Value::Datetime(_) => Err("a date without quotes"),
        toml::Value::Array(_) => Err("a list"),
        toml::Value::Table(_) => Err("a table"),
    }
}

/// The message without the excerpt, which spans lines and may show a secret.
fn one_line(err: &toml::de::Error) -> String {
    err.message().replace('\n', " ")
}
