//! What operators see. The figures are those of a process, so this is a program of its own.

use std::time::Duration;

use bus::Bus;
use domain::{Event, GenerationId, Job, Rendered, RenderedImage, Request, Tenant, Usd};
use jiff::{SignedDuration, Timestamp};
use runtime::{Env, Life};
use testkit::NatsServer;
use tokio::net::TcpListener;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(30);

/// The only test of this program: a host that takes connections and says nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_dies_while_nothing_moves_is_seen_dying_and_its_price_is_counted()
-> anyhow::Result<()> {
    let nats = NatsServer::start().await?;
    let bus = Bus::connect(&bus::Config::plain(nats.url(), "test")).await?;
    bus::provision(&bus, 1).await?;
    let folder = tempfile::tempdir()?;
    let host = TcpListener::bind("127.0.0.1:0").await?;
    let link: Url = format!("http://{}/x.png", host.local_addr()?).parse()?;
    let life = Life::default();
    let service = tokio::spawn(uploader::run(
        config(&nats, &folder.path().display().to_string())?,
        life.clone(),
    ));
    reaches("the first look", LEFT, |left| left == f64::INFINITY).await?;

    let (drawn, lives) = (Timestamp::now(), SignedDuration::from_secs(9));
    let rendered = rendered(&link, drawn, drawn.saturating_add(lives)?);
    let id = rendered.job.id;
    bus.ledger().append(rendered, 0).await?;
    reaches("the link to be seen", LEFT, |left| left <= 9.0).await?;
    assert_eq!(figure("darkroom_unstored_generations"), Some(1.0));
    // Nothing is handled now but this one, which stays where it is.
    for left in [8.0, 7.0, 6.0] {
        reaches("less and less", LEFT, |now| now < left).await?;
    }
    // A third of its life is what it has; half of that is alarming.
    assert_eq!(figure(ALARMS), Some(1.0));
    assert_eq!(figure("darkroom_link_alarm"), Some(1.0));

    let ended = testkit::wait_for(PATIENCE, "the end", async || {
        let entries = bus.ledger().read(id).await.ok()?;
        entries.into_iter().find(|entry| entry.event.is_terminal())
    });
    assert!(matches!(ended.await?.event, Event::Failed(_)));
    reaches("nothing to wait for", LEFT, |left| left == f64::INFINITY).await?;
    reaches("the alarm to end", "darkroom_link_alarm", |on| on == 0.0).await?;
    assert_eq!(figure(ALARMS), Some(1.0), "once");
    assert_eq!(
        figure("darkroom_paid_assets_lost_usd_micros_total"),
        Some(80_000.0)
    );
    life.shutdown.cancel();
    service.await?
}

const LEFT: &str = "darkroom_link_least_remaining_seconds";
const ALARMS: &str = "darkroom_link_alarms_total";

async fn reaches(what: &str, name: &str, is_there: impl Fn(f64) -> bool) -> anyhow::Result<()> {
    testkit::wait_until(PATIENCE, what, async || figure(name).is_some_and(&is_there)).await
}

/// A figure as whoever scrapes it sees it.
fn figure(name: &str) -> Option<f64> {
    let families = prometheus::gather();
    let family = families.iter().find(|family| family.name() == name)?;
    let metric = family.get_metric().first()?;
    Some(match family.get_field_type() {
        prometheus::proto::MetricType::COUNTER => metric.get_counter().get_value(),
        _ => metric.get_gauge().get_value(),
    })
}

fn config(nats: &NatsServer, folder: &str) -> anyhow::Result<uploader::Config> {
    let env = Env::from_pairs([
        ("DARKROOM_NATS_URL", nats.url().to_owned()),
        ("DARKROOM_STORAGE_URL", format!("file://{folder}")),
        ("DARKROOM_IMAGE_HOSTS", "127.0.0.1".to_owned()),
        ("DARKROOM_IMAGE_ALLOW", "127.0.0.0/8".to_owned()),
        ("DARKROOM_MIN_FREE_BYTES", "0".to_owned()),
    ]);
    let mut config = uploader::Config::from_env(&env)?;
    config.look = Duration::from_millis(100);
    // Longer than the link lives, so that the only attempt is under way all the time.
    config.sources.total_timeout = Duration::from_secs(10);
    Ok(config)
}

fn rendered(link: &Url, at: Timestamp, expires_at: Timestamp) -> Rendered {
    let id = GenerationId::generate();
    Rendered {
        job: Job::new(id, Tenant::default(), Request::new("a red kite"), at),
        attempt: 1,
        provider_id: None,
        images: vec![RenderedImage {
            index: 0,
            link: Some(link.clone()),
            seed: None,
            prompt: None,
        }],
        texts: Vec::new(),
        late: false,
        expires_at,
        cost: Usd::from_micros(80_000),
        at,
    }
}
