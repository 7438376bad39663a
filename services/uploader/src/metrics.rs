//! Figures about pictures on their way into the store.

use std::sync::LazyLock;

use prometheus::{
    Gauge, Histogram, IntCounter, histogram_opts, register_gauge, register_histogram,
    register_int_counter,
};

macro_rules! metric {
    ($name:ident: $type:ty = $register:expr) => {
        pub(crate) static $name: LazyLock<$type> =
            LazyLock::new(|| $register.expect("a metric's name is taken"));
    };
}

metric!(STORED: IntCounter = register_int_counter!(
    "darkroom_images_stored_total", "Pictures that are in the store"
));
metric!(BYTES: IntCounter = register_int_counter!(
    "darkroom_images_stored_bytes_total", "Bytes of the pictures that are in the store"
));
metric!(SECONDS: Histogram = register_histogram!(histogram_opts!(
    "darkroom_image_fetch_seconds",
    "Time from asking for a picture to having it in the store",
    vec![0.01, 0.05, 0.25, 1.0, 4.0, 15.0, 60.0]
)));
metric!(LOST: IntCounter = register_int_counter!(
    "darkroom_paid_assets_lost_usd_micros_total",
    "What was paid for pictures that never got into the store"
));
metric!(LEAST_REMAINING: Gauge = register_gauge!(
    "darkroom_link_least_remaining_seconds",
    "What the links of the job taken last still had to live; jobs are taken oldest first"
));
