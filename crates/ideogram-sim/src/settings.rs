//! What may be changed while a simulator runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Config;

/// What may be changed while a simulator runs. It starts as its [`Config`] says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Images in progress at once.
    pub max_in_flight: u32,
    /// Whether that limit refuses. When false, images in progress are only counted.
    pub enforce_limit: bool,
    /// Prepaid USD micros since the start; `None`: unlimited.
    pub balance_usd_micros: Option<i64>,
    /// How late `GET /v2/account/usage` learns of a charge, in seconds.
    pub usage_lag_seconds: u64,
}

impl Settings {
    pub(crate) const fn of(config: &Config) -> Self {
        Self {
            max_in_flight: config.max_in_flight,
            enforce_limit: config.enforce_limit,
            balance_usd_micros: config.balance_usd_micros,
            usage_lag_seconds: config.usage_lag.as_secs(),
        }
    }

    pub(crate) const fn usage_lag(&self) -> Duration {
        Duration::from_secs(self.usage_lag_seconds)
    }
}
