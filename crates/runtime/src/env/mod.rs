//! Configuration by name: read once at start, handed around as a value.

mod error;
mod layer;

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use jiff::SignedDuration;

pub use self::error::EnvError;
use self::layer::{Layer, Origin};
use crate::Secret;

/// The names and values a process was started with.
///
/// Two layers: the process environment and, behind it, the TOML file named by `DARKROOM_CONFIG`,
/// whose top-level keys are the same names. In either layer `X` may be given as `X_FILE`, the path
/// of a file that holds the value. An empty value counts as unset. Clones share the values.
#[derive(Clone, Default)]
pub struct Env {
    layers: Arc<[Layer]>,
}

/// One value, and where to send whoever wants to change it.
struct Found {
    value: String,
    origin: Origin,
}

impl Env {
    /// Reads the environment of this process and its configuration file.
    ///
    /// # Errors
    ///
    /// [`EnvError`] if one of our variables is not UTF-8, or if the file cannot be read, is not
    /// TOML, or holds anything but strings, numbers and booleans.
    pub fn of_process() -> Result<Self, EnvError> {
        let process = Layer::of_process()?;
        let file = process
            .get("DARKROOM_CONFIG")
            .map(Layer::of_file)
            .transpose()?;
        Ok(Self {
            layers: [process].into_iter().chain(file).collect(),
        })
    }

    /// An environment of exactly these pairs: what tests and `darkroom up` start services with.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        Self {
            layers: [Layer::of_pairs(pairs)].into(),
        }
    }

    /// This environment with `pairs` laid over it: they win over everything below.
    #[must_use]
    pub fn with<N: Into<String>, V: Into<String>>(
        &self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let over = Layer::of_pairs(pairs);
        Self {
            layers: [over]
                .into_iter()
                .chain(self.layers.iter().cloned())
                .collect(),
        }
    }

    /// The value of `name`, or `None` if it is unset.
    ///
    /// # Errors
    ///
    /// [`EnvError`] if the value is not a `T`, if `name` and `<name>_FILE` are both set, or if that
    /// file cannot be read.
    pub fn optional<T>(&self, name: &str) -> Result<Option<T>, EnvError>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.find(name)?
            .map(|found| parse(name, &found.value, &found))
            .transpose()
    }

    /// The value of `name`.
    ///
    /// # Errors
    ///
    /// As [`optional`](Self::optional), and [`EnvError::Missing`] if it is unset.
    pub fn required<T>(&self, name: &str) -> Result<T, EnvError>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.optional(name)?
            .ok_or_else(|| EnvError::Missing(name.to_owned()))
    }

    /// The value of `name`, or `default` if it is unset.
    ///
    /// # Errors
    ///
    /// As [`optional`](Self::optional).
    pub fn or<T>(&self, name: &str, default: T) -> Result<T, EnvError>
    where
        T: FromStr<Err: fmt::Display>,
    {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    /// The value of `name`, kept out of logs and errors, or `None` if it is unset.
    ///
    /// # Errors
    ///
    /// As [`optional`](Self::optional), but for the parsing: any text is a secret.
    pub fn secret(&self, name: &str) -> Result<Option<Secret>, EnvError> {
        Ok(self.find(name)?.map(|found| Secret::from(found.value)))
    }

    /// The comma-separated items of `name`, trimmed, without empty ones; empty if it is unset.
    ///
    /// # Errors
    ///
    /// As [`optional`](Self::optional), for the first item that is not a `T`.
    pub fn list<T>(&self, name: &str) -> Result<Vec<T>, EnvError>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let Some(found) = self.find(name)? else {
            return Ok(Vec::new());
        };
        let items = found.value.split(',').map(str::trim);
        items
            .filter(|item| !item.is_empty())
            .map(|item| parse(name, item, &found))
            .collect()
    }

    /// The length of time `name` holds (`250ms`, `30s`, `10m`, `24h`, `1h 30m`), or `default` if it
    /// is unset.
    ///
    /// # Errors
    ///
    /// As [`optional`](Self::optional); a number without a unit and a negative length are refused.
    pub fn duration(&self, name: &str, default: Duration) -> Result<Duration, EnvError> {
        let Some(found) = self.find(name)? else {
            return Ok(default);
        };
        found
            .value
            .parse::<SignedDuration>()
            .ok()
            .and_then(|length| Duration::try_from(length).ok())
            .ok_or_else(|| {
                let expected = "expected a length of time such as 250ms, 30s, 10m or 24h";
                EnvError::invalid(name, &found.value, &found.origin, expected)
            })
    }

    /// The value of `name` as it stands, for libraries with names of their own (`AWS_REGION`); its
    /// `_FILE` form is not looked at.
    pub fn raw(&self, name: &str) -> Option<String> {
        self.layers
            .iter()
            .find_map(|layer| layer.get(name))
            .map(str::to_owned)
    }

    /// The first layer that says anything of `name` decides.
    fn find(&self, name: &str) -> Result<Option<Found>, EnvError> {
        self.layers
            .iter()
            .find_map(|layer| layer.find(name).transpose())
            .transpose()
    }
}

impl fmt::Debug for Env {
    /// Names nothing: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").finish_non_exhaustive()
    }
}

fn parse<T>(name: &str, text: &str, found: &Found) -> Result<T, EnvError>
where
    T: FromStr<Err: fmt::Display>,
{
    text.parse().map_err(|err: T::Err| {
        let why = match error::expected(std::any::type_name::<T>()) {
            Some(expected) => format!("expected {expected}"),
            None => err.to_string(),
        };
        EnvError::invalid(name, text, &found.origin, &why)
    })
}

#[cfg(test)]
mod tests;
