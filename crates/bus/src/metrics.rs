//! Figures about work, for all stages alike.

use std::sync::LazyLock;

use prometheus::{
    HistogramVec, IntCounterVec, IntGaugeVec, histogram_opts, opts, register_histogram_vec,
    register_int_counter_vec, register_int_gauge_vec,
};

macro_rules! metric {
    ($name:ident: $type:ty = $register:expr) => {
        pub(crate) static $name: LazyLock<$type> =
            LazyLock::new(|| $register.expect("a metric's name is taken"));
    };
}

metric!(SETTLED: IntCounterVec = register_int_counter_vec!(
    opts!("darkroom_work_settled_total", "Messages settled, by stage and how"),
    &["stage", "outcome"]
));
metric!(SECONDS: HistogramVec = register_histogram_vec!(
    histogram_opts!(
        "darkroom_work_seconds",
        "Time from taking a message to settling it",
        vec![0.001, 0.005, 0.025, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0]
    ),
    &["stage"]
));
metric!(IN_WORK: IntGaugeVec = register_int_gauge_vec!(
    opts!("darkroom_work_in_progress", "Messages being worked on"),
    &["stage"]
));
metric!(DEAD: IntCounterVec = register_int_counter_vec!(
    opts!("darkroom_dead_letters_total", "Messages put among the dead letters"),
    &["stage"]
));
