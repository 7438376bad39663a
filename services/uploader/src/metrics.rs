//! Figures about pictures on their way into the store.

use std::sync::LazyLock;

use prometheus::{
    Gauge, Histogram, IntCounter, IntGauge, histogram_opts, register_gauge, register_histogram,
    register_int_counter, register_int_gauge,
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
metric!(DELETED: IntCounter = register_int_counter!(
    "darkroom_objects_deleted_total", "Originals and cuts that were removed from the store"
));
metric!(UNSTORED: IntGauge = register_int_gauge!(
    "darkroom_unstored_generations",
    "Generations that are drawn and not stored yet, on the whole system"
));
metric!(LEAST_REMAINING: Gauge = register_gauge!(
    "darkroom_link_least_remaining_seconds",
    "What the link that dies first still has to live, of all whose pictures are not stored yet; \
     infinite if there is none"
));
metric!(ALARMED: IntGauge = register_int_gauge!(
    "darkroom_link_alarm",
    "1 while drawn pictures wait too long to be stored"
));
metric!(ALARMS: IntCounter = register_int_counter!(
    "darkroom_link_alarms_total",
    "How often drawn pictures came to wait too long to be stored"
));
metric!(RENEWED: IntCounter = register_int_counter!(
    "darkroom_links_renewed_total",
    "Generations whose links died and were replaced by the provider"
));
metric!(SHUT: IntGauge = register_int_gauge!(
    "darkroom_store_gate_shut",
    "1 while this uploader wants nothing more to be bought"
));
