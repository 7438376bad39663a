//! Is money at risk?

use std::sync::LazyLock;

use prometheus::{IntCounter, IntCounterVec, IntGauge, opts};
use prometheus::{register_int_counter, register_int_counter_vec, register_int_gauge};

macro_rules! metric {
    ($name:ident: $type:ty = $register:expr) => {
        pub(crate) static $name: LazyLock<$type> =
            LazyLock::new(|| $register.expect("a metric's name is taken"));
    };
}

metric!(CALLS: IntCounterVec = register_int_counter_vec!(
    opts!("darkroom_provider_calls_total", "Paid calls, by what came of them"),
    &["outcome"]
));
metric!(SPENT: IntCounter = register_int_counter!(opts!(
    "darkroom_spent_usd_micros_total",
    "What the provider charged, in millionths of a dollar"
)));
metric!(UNKNOWN: IntCounter = register_int_counter!(opts!(
    "darkroom_unknown_usd_micros_total",
    "What calls without an answer may have cost, in millionths of a dollar"
)));
metric!(WAITING: IntGauge = register_int_gauge!(opts!(
    "darkroom_waiting_requests",
    "Requests that wait for places or money"
)));
metric!(LIMIT: IntGauge = register_int_gauge!(opts!(
    "darkroom_provider_images_limit",
    "Places of the account, as far as we may use them now"
)));
metric!(HELD: IntGauge = register_int_gauge!(opts!(
    "darkroom_provider_held",
    "1 while nothing is bought, whatever the reason"
)));
metric!(IN_FLIGHT: IntGauge = register_int_gauge!(opts!(
    "darkroom_provider_images_in_flight",
    "Places of the account that are taken"
)));
