use std::fmt;
use std::str::FromStr;

use domain::InvalidValue;

/// Which generation of the provider's API is called.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// [`Api::V2`] wherever it can say what is asked for, else [`Api::Legacy`].
    #[default]
    Auto,
    /// `/v2/…`: the id is known at once, the images come by polling.
    V2,
    /// `/v1/…`: the images come in the answer; a lost answer cannot be found again.
    V1,
    /// `/generate`: as [`Api::V1`], for the models before 3.0.
    Legacy,
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::V2 => "v2",
            Self::V1 => "v1",
            Self::Legacy => "legacy",
        })
    }
}

impl FromStr for Api {
    type Err = InvalidValue;

    /// Reads the values of `IDEOGRAM_API`.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "auto" => Ok(Self::Auto),
            "v2" => Ok(Self::V2),
            "v1" => Ok(Self::V1),
            "legacy" => Ok(Self::Legacy),
            _ => Err(InvalidValue::new("one of auto v2 v1 legacy")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_read_back_and_nothing_else_is() {
        for api in [Api::Auto, Api::V2, Api::V1, Api::Legacy] {
            assert_eq!(api.to_string().parse(), Ok(api));
        }
        for bad in ["", "V2", "v3", "auto "] {
            assert!(bad.parse::<Api>().is_err(), "{bad:?}");
        }
    }
}
