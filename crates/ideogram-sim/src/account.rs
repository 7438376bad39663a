//! `GET /v2/account/usage`: the bill by day or hour.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Uri};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::clock::later;
use crate::job::JobStatus;
use crate::world::World;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

#[derive(Debug, Deserialize)]
pub(crate) struct Range {
    start_time: Option<String>,
    end_time: Option<String>,
    bucket_width: Option<String>,
}

/// Images and USD micros of one route, key and price.
#[derive(Default)]
struct Line {
    images: i64,
    usd_micros: i64,
}

/// Lines by route, key and price, in the bucket that begins at a second.
type Buckets = BTreeMap<i64, Lines>;
type Lines = BTreeMap<(String, String, i64), Line>;

/// Handles the usage route.
pub(crate) async fn usage(
    State(world): State<Arc<World>>,
    headers: HeaderMap,
    uri: Uri,
    Query(range): Query<Range>,
) -> Result<Json<Value>, Refusal> {
    world.authorize_billing(&headers)?;
    let now = world.clock.now();
    let (start, end, width) = bounds(&range, now)?;
    let mut buckets: Buckets = BTreeMap::new();
    let desk = world.desk();
    let lag = desk.settings.usage_lag();
    // Nothing here is bought in the web app.
    let wanted = wants_api(uri.query());
    let jobs = desk.jobs().filter(|_| wanted);
    for job in jobs {
        let known = later(job.ends, lag) <= now;
        if job.status(now) == JobStatus::Completed && known && (start..end).contains(&job.ends) {
            let bucket = job.ends.as_second().div_euclid(width) * width;
            let order = &job.order;
            let key = (
                order.route.clone(),
                order.api_key.clone(),
                order.usd_micros_each,
            );
            let line = buckets.entry(bucket).or_default().entry(key).or_default();
            line.images += i64::from(job.order.images);
            line.usd_micros += job.usd_micros();
        }
    }
    let buckets: Vec<_> = buckets
        .into_iter()
        .map(|(at, lines)| bucket(at, width, lines))
        .collect();
    Ok(Json(json!({ "buckets": buckets })))
}

/// Whether `sources`, which may be repeated, leaves the API in.
fn wants_api(query: Option<&str>) -> bool {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut sources = pairs.filter(|(name, _)| name == "sources").peekable();
    sources.peek().is_none() || sources.any(|(_, source)| source == "api")
}

fn bounds(range: &Range, now: Timestamp) -> Result<(Timestamp, Timestamp, i64), Refusal> {
    let time = |text: &str, field: &str| {
        text.parse::<Timestamp>()
            .map_err(|_| Refusal::schema(format_args!("'{text}' is not a 'date-time'"), field))
    };
    let Some(start) = &range.start_time else {
        return Err(Refusal::problem(
            axum::http::StatusCode::BAD_REQUEST,
            "Missing query parameter 'start_time'",
        ));
    };
    let start = time(start, "start_time")?;
    let end = range
        .end_time
        .as_deref()
        .map_or(Ok(now), |text| time(text, "end_time"))?;
    let (width, most) = match range.bucket_width.as_deref() {
        None | Some("1d") => (DAY, 92),
        Some("1h") => (HOUR, 168),
        Some(other) => {
            return Err(Refusal::schema(
                format_args!("'{other}' is not one of ['1d', '1h']"),
                "bucket_width",
            ));
        }
    };
    let longest = Duration::from_secs((width * most).unsigned_abs());
    if end < start || end > later(start, longest) {
        return Err(Refusal::invalid(
            "The time range is empty or too long for this bucket_width.",
        ));
    }
    Ok((start, end, width))
}

fn bucket(at: i64, width: i64, lines: Lines) -> Value {
    let instant = |second| {
        Timestamp::from_second(second)
            .unwrap_or_default()
            .to_string()
    };
    let items: Vec<_> = lines
        .into_iter()
        .map(|((route, key, each), line)| {
            json!({
                "product": "api", "endpoint": route, "description": "Images generated",
                "cost_total": dollars(line.usd_micros), "currency_code": "USD", "source": "api",
                "api_key": { "id": key },
                "billed_units": { "quantity": line.images, "unit": "image", "unit_price": dollars(each) },
            })
        })
        .collect();
    json!({ "start_time": instant(at), "end_time": instant(at + width), "line_items": items })
}

fn dollars(usd_micros: i64) -> String {
    format!("{}.{:06}", usd_micros / 1_000_000, usd_micros % 1_000_000)
}
