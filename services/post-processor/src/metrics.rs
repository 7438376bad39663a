//! Figures about cutting.

use std::sync::LazyLock;

use prometheus::{
    Histogram, IntCounter, IntCounterVec, histogram_opts, opts, register_histogram,
    register_int_counter, register_int_counter_vec,
};

macro_rules! metric {
    ($name:ident: $type:ty = $register:expr) => {
        pub(crate) static $name: LazyLock<$type> =
            LazyLock::new(|| $register.expect("a metric's name is taken"));
    };
}

metric!(CUTS: IntCounterVec = register_int_counter_vec!(
    opts!("darkroom_derivatives_total", "Cuts that are in the store, by preset"),
    &["preset"]
));
metric!(SECONDS: Histogram = register_histogram!(histogram_opts!(
    "darkroom_cut_seconds",
    "Time to decode one picture and to make all its cuts",
    vec![0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 4.0]
)));
metric!(FAILED: IntCounter = register_int_counter!(
    "darkroom_images_failed_total", "Stored pictures that could not be cut"
));
metric!(REVIEWS: IntCounterVec = register_int_counter_vec!(
    opts!("darkroom_derivatives_to_review_total", "Cuts that a person should look at, by reason"),
    &["why"]
));
metric!(RECUTS: IntCounterVec = register_int_counter_vec!(
    opts!("darkroom_recuts_total", "Pictures that were to be cut again, by what became of it"),
    &["outcome"]
));
