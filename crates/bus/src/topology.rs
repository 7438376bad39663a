//! The streams, consumers and buckets, declared once. `darkroom provision` makes them; services
//! bind to them and make none.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::kv;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};

use crate::policy::ACK_WAIT;
use crate::pull::is_missing;
use crate::stage::{DEAD, EVENTS, Feed, INTAKE, WORK};
use crate::{Bus, Error, Stage, trial};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long the door may hold requests that nobody admits, in bytes.
const DOOR_BYTES: i64 = 1 << 30;
/// A body of 1 MiB and its headers.
const MESSAGE_BYTES: i32 = (1 << 20) + (16 << 10);

/// The buckets. Each has one owner, who alone writes; the last is the worker runtime's.
const BUCKETS: [(&str, &str); 6] = [
    (
        "books",
        "per provider account: who dispatches, what is reserved and settled",
    ),
    ("gate", "what holds work back: the provider, the store"),
    ("keys", "API keys and signing secrets"),
    ("idempotency", "answers to requests that may be asked again"),
    ("endpoints", "who wants to be told of what"),
    (trial::BUCKET, "messages that may kill whoever handles them"),
];

/// Consumers that earlier versions made, by stream and name. Nobody reads them any more.
pub(crate) const RETIRED: [(&str, &str); 1] = [(EVENTS, "record")];

fn streams(replicas: usize) -> [Config; 5] {
    let stream = |name: &str, subjects: &[&str]| Config {
        name: name.to_owned(),
        subjects: subjects.iter().map(|&subject| subject.to_owned()).collect(),
        storage: StorageType::File,
        num_replicas: replicas,
        allow_direct: true,
        duplicate_window: Duration::from_secs(120),
        max_message_size: MESSAGE_BYTES,
        ..Config::default()
    };
    [
        // A door, not a waiting line: it says no when it is full, and nobody can write schedules
        // or roll-ups through it, since it is the one stream that users publish to.
        Config {
            description: Some("requests as users send them".to_owned()),
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::New,
            max_bytes: DOOR_BYTES,
            ..stream(INTAKE, &["generation.requested", "generation.requested.>"])
        },
        // The log and the ledger. Never a limit in bytes: it would drop the oldest entries silently.
        Config {
            // What is told at the same time is written down together.
            allow_atomic_publish: true,
            description: Some("everything that happened; the ledger of paid calls".to_owned()),
            retention: RetentionPolicy::Limits,
            max_age: 90 * DAY,
            deny_delete: false,
            ..stream(
                EVENTS,
                &[
                    "generation.accepted.*",
                    "generation.calling.*",
                    "generation.submitted.*",
                    "generation.unknown.*",
                    "generation.parked.*",
                    "generation.rendered.*",
                    "generation.completed.*",
                    "generation.failed.*",
                    "generation.ready.*",
                    "generation.erased.*",
                    "image.*.*",
                    "asset.*.*",
                    "batch.*.*",
                    "notification.*.*",
                    "provider.*.*",
                    "budget.*.*",
                ],
            )
        },
        // Schedules force roll-ups on and forbid `discard: new`, so they live apart from what users
        // can reach.
        Config {
            description: Some("work that waits, for its turn or for its time".to_owned()),
            retention: RetentionPolicy::WorkQueue,
            allow_message_schedules: true,
            allow_rollup: true,
            ..stream(WORK, &["timer.>", "due.>"])
        },
        Config {
            description: Some("messages that nobody could handle".to_owned()),
            max_age: 90 * DAY,
            ..stream(DEAD, &["dead.>"])
        },
        Config {
            description: Some("what the server says about consumers".to_owned()),
            max_age: 30 * DAY,
            ..stream(
                "ADVISORIES",
                &[
                    "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",
                    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>",
                ],
            )
        },
    ]
}

/// What differs between a cluster, a laptop and a test.
#[derive(Debug, Clone, Copy)]
pub struct Topology {
    /// Copies of everything; 3 on a cluster.
    pub replicas: usize,
    /// Silence of a worker after which the server gives its messages to others; workers break it
    /// every third of their own [`Policy::ack_wait`](crate::Policy::ack_wait).
    pub ack_wait: Duration,
}

impl From<usize> for Topology {
    /// `replicas` copies; the rest as in production.
    fn from(replicas: usize) -> Self {
        Self {
            replicas,
            ack_wait: ACK_WAIT,
        }
    }
}

fn consumer(feed: &Feed, ack_wait: Duration) -> pull::Config {
    pull::Config {
        durable_name: Some(feed.consumer.to_owned()),
        filter_subjects: feed
            .filters
            .iter()
            .map(|&filter| filter.to_owned())
            .collect(),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait,
        max_ack_pending: 5_000,
        // The runtime counts attempts and says so when it gives up; the server would fall silent.
        max_deliver: -1,
        max_waiting: 2_048,
        ..pull::Config::default()
    }
}

/// Makes and updates everything; a plain number is that of the replicas. Doing it again changes
/// nothing.
///
/// # Errors
///
/// [`Error::Provision`] names what could not be made.
pub async fn provision(bus: &Bus, topology: impl Into<Topology>) -> Result<(), Error> {
    let Topology { replicas, ack_wait } = topology.into();
    let failed = |what: &str, source: crate::Source| Error::Provision {
        what: what.to_owned(),
        source,
    };
    for config in streams(replicas) {
        let name = config.name.clone();
        let made = bus.jetstream.create_or_update_stream(config).await;
        made.map_err(|err| failed(&name, err.into()))?;
    }
    for feed in feeds() {
        let made = bus
            .jetstream
            .create_consumer_on_stream(consumer(feed, ack_wait), feed.stream)
            .await;
        made.map_err(|err| failed(feed.consumer, err.into()))?;
    }
    for (stream, consumer) in RETIRED {
        let jetstream = &bus.jetstream;
        let deleted = jetstream
            .delete_consumer_from_stream(consumer, stream)
            .await;
        match deleted.map_err(crate::Source::from) {
            Err(err) if !is_missing(&err) => return Err(failed(consumer, err)),
            _ => {}
        }
    }
    for (bucket, description) in BUCKETS {
        let config = kv::Config {
            bucket: bucket.to_owned(),
            description: description.to_owned(),
            history: 1,
            num_replicas: replicas,
            limit_markers: Some(Duration::from_secs(60)),
            ..kv::Config::default()
        };
        let made = bus.jetstream.create_or_update_key_value(config).await;
        made.map_err(|err| failed(bucket, err.into()))?;
    }
    Ok(())
}

/// What is not as declared, as sentences; empty if all is well. Services look and do not repair:
/// whoever changed a stream by hand had a reason, or a mistake to be told of.
///
/// # Errors
///
/// [`Error::Provision`] if a stream or consumer is missing.
pub async fn drift(bus: &Bus) -> Result<Vec<String>, Error> {
    let failed = |what: &str, source: crate::Source| Error::Provision {
        what: what.to_owned(),
        source,
    };
    let mut drift = Vec::new();
    for declared in streams(1) {
        let stream = bus.jetstream.get_stream(&declared.name).await;
        let stream = stream.map_err(|err| failed(&declared.name, err.into()))?;
        let found = &stream.cached_info().config;
        let name = &declared.name;
        let mut differs = |what: &str, same: bool| {
            if !same {
                drift.push(format!("stream {name} has another {what} than declared"));
            }
        };
        differs("retention", found.retention == declared.retention);
        differs("discard policy", found.discard == declared.discard);
        differs("list of subjects", found.subjects == declared.subjects);
        differs("age limit", found.max_age == declared.max_age);
        differs(
            "byte limit",
            found.max_bytes == declared.max_bytes || declared.max_bytes == 0,
        );
    }
    for feed in feeds() {
        let found = bus
            .jetstream
            .get_consumer_from_stream::<pull::Config, _, _>(feed.consumer, feed.stream)
            .await;
        let found = found.map_err(|err| failed(feed.consumer, err.into()))?;
        let found = &found.cached_info().config;
        let declared = consumer(feed, ACK_WAIT);
        let mut differs = |what: &str, same: bool| {
            if !same {
                let name = feed.consumer;
                drift.push(format!("consumer {name} has another {what} than declared"));
            }
        };
        differs(
            "list of subjects",
            subjects(&found.filter_subject, &found.filter_subjects)
                == subjects(&declared.filter_subject, &declared.filter_subjects),
        );
        differs(
            "way of acknowledging",
            found.ack_policy == declared.ack_policy,
        );
        differs("acknowledgement wait", found.ack_wait == declared.ack_wait);
        differs(
            "limit of open messages",
            found.max_ack_pending == declared.max_ack_pending,
        );
        differs(
            "limit of deliveries",
            found.max_deliver == declared.max_deliver,
        );
    }
    Ok(drift)
}

/// The server tells a single filter in either of two places.
fn subjects<'a>(one: &'a str, many: &'a [String]) -> std::collections::BTreeSet<&'a str> {
    let one = Some(one).filter(|one| !one.is_empty());
    many.iter().map(String::as_str).chain(one).collect()
}

fn feeds() -> impl Iterator<Item = &'static Feed> {
    Stage::ALL.into_iter().flat_map(Stage::feeds)
}
