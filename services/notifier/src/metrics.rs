//! Figures about callbacks.

use std::sync::LazyLock;

use prometheus::{
    Gauge, Histogram, IntCounterVec, histogram_opts, opts, register_gauge, register_histogram,
    register_int_counter_vec,
};

macro_rules! metric {
    ($name:ident: $type:ty = $register:expr) => {
        pub(crate) static $name: LazyLock<$type> =
            LazyLock::new(|| $register.expect("a metric's name is taken"));
    };
}

metric!(ATTEMPTS: IntCounterVec = register_int_counter_vec!(
    opts!("darkroom_notifications_total", "Attempts at telling a receiver, by what came of them"),
    &["outcome"]
));
metric!(OLDEST: Gauge = register_gauge!(
    "darkroom_notification_oldest_seconds",
    "Age of the news taken last; news are taken oldest first"
));
metric!(SECONDS: Histogram = register_histogram!(histogram_opts!(
    "darkroom_notification_answer_seconds",
    "Time from sending a callback to having its answer",
    vec![0.005, 0.02, 0.1, 0.5, 2.0, 5.0, 15.0]
)));
