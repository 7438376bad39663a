use std::sync::LazyLock;

use prometheus::{IntCounter, IntGauge, register_int_counter, register_int_gauge};

macro_rules! metric {
    ($name:ident: $type:ty = $register:expr) => {
        pub(crate) static $name: LazyLock<$type> =
            LazyLock::new(|| $register.expect("a metric's name is taken"));
    };
}

metric!(POSITION: IntGauge = register_int_gauge!(
    "darkroom_history_position",
    "Sequence in EVENTS of the last event written down"
));
metric!(LAG: IntGauge = register_int_gauge!(
    "darkroom_history_lag_events",
    "Events in EVENTS that are not written down yet, as of a few seconds ago"
));
metric!(EVENTS: IntCounter = register_int_counter!(
    "darkroom_history_events_total",
    "Events written down, repetitions included"
));

/// A sequence as a gauge takes it.
pub(crate) fn number(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}
