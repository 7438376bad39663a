//! Figures about requests.

use std::sync::LazyLock;

use prometheus::{
    HistogramVec, IntCounterVec, IntGauge, histogram_opts, opts, register_histogram_vec,
    register_int_counter_vec, register_int_gauge,
};

macro_rules! metric {
    ($name:ident: $type:ty = $register:expr) => {
        pub(crate) static $name: LazyLock<$type> =
            LazyLock::new(|| $register.expect("a metric's name is taken"));
    };
}

metric!(REQUESTS: IntCounterVec = register_int_counter_vec!(
    opts!("darkroom_http_requests_total", "Requests answered, by method, route and status"),
    &["method", "route", "status"]
));
metric!(SECONDS: HistogramVec = register_histogram_vec!(
    histogram_opts!(
        "darkroom_http_request_seconds",
        "Time from a request's head to its answer's, waiting on request included",
        vec![0.001, 0.005, 0.025, 0.1, 0.5, 2.0, 10.0, 60.0]
    ),
    &["route"]
));
metric!(CONNECTIONS: IntGauge = register_int_gauge!(
    "darkroom_http_connections", "Connections open"
));
