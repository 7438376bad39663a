//! A real nats-server, a customer's server, and the service between them.

use std::time::Duration;

use async_nats::jetstream;
use bus::{Bus, Expect};
use domain::{
    Accepted, Billed, Code, Completed, Event, Failed, Failure, GenerationId, Image, ImageId,
    ImageReady, ImageState, Job, NotificationFailed, Phase, Ready, Request, Tenant, Usd,
};
use futures::TryStreamExt;
use jiff::Timestamp;
use runtime::Life;
use testkit::{NatsServer, Receiver};
use tokio::task::JoinHandle;
use url::Url;
use wire::{Encoding, header};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) customer: Receiver,
    /// Whoever runs all this.
    pub(crate) operator: Receiver,
    pub(crate) bus: Bus,
    nats: NatsServer,
    life: Life,
    service: JoinHandle<anyhow::Result<()>>,
}

impl World {
    /// With callbacks to loopback allowed.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        Self::start_with("127.0.0.0/8").await
    }

    pub(crate) async fn start_with(allow: &str) -> anyhow::Result<Self> {
        Self::start_for(allow, true).await
    }

    /// With nobody who would hear of what concerns the whole.
    pub(crate) async fn start_unattended() -> anyhow::Result<Self> {
        Self::start_for("127.0.0.0/8", false).await
    }

    async fn start_for(allow: &str, is_attended: bool) -> anyhow::Result<Self> {
        let operator = Receiver::start().await?;
        let operator_url = (is_attended && !allow.is_empty()).then(|| operator.url().clone());
        let nats = NatsServer::start().await?;
        let bus = Bus::connect(&bus::Config::plain(nats.url(), "test")).await?;
        bus::provision(&bus, 1).await?;
        let config = notifier::Config {
            bus: bus::Config::plain(nats.url(), "notifier"),
            receivers: egress::Policy {
                allow: egress::parse_networks(allow)?,
                ..egress::Policy::default()
            },
            operator: operator_url,
            policy: notifier::Config::policy(16),
        };
        let life = Life::default();
        let service = tokio::spawn(notifier::run(config, life.clone()));
        Ok(Self {
            customer: Receiver::start().await?,
            operator,
            bus,
            nats,
            life,
            service,
        })
    }

    /// Accepts a request of this customer, who wants to hear of it.
    pub(crate) async fn accept(&self) -> anyhow::Result<Job> {
        let job = job(true);
        let callback_url = Some(self.customer.url().clone());
        self.accept_as(&job, callback_url).await?;
        Ok(job)
    }

    pub(crate) async fn accept_as(
        &self,
        job: &Job,
        callback_url: Option<Url>,
    ) -> anyhow::Result<()> {
        let accepted = Accepted {
            job: job.clone(),
            callback_url,
            reserved: Usd::ZERO,
        };
        self.bus.ledger().append(accepted, 0).await?;
        Ok(())
    }

    pub(crate) async fn happens(&self, event: impl Into<Event>) -> anyhow::Result<()> {
        self.bus.publish(&event.into(), &Expect::Nothing).await?;
        Ok(())
    }

    /// Stores an event once more, as a publisher does whose first confirmation came too late.
    pub(crate) async fn repeat(&self, event: &Event) -> anyhow::Result<()> {
        let subject = format!("{}.{}", event.name(), event.key());
        self.put(subject, event, 1).await
    }

    /// Stores an event as the timer of its attempt `attempt` does.
    pub(crate) async fn try_for_the(&self, attempt: u32, event: &Event) -> anyhow::Result<()> {
        self.put(format!("due.notify.1.{}", event.key()), event, attempt)
            .await
    }

    async fn put(&self, subject: String, event: &Event, attempt: u32) -> anyhow::Result<()> {
        let encoded = wire::encode(event, Encoding::Json);
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(header::TYPE, encoded.name);
        headers.insert(header::ATTEMPT, attempt.to_string().as_str());
        let jetstream = jetstream::new(self.nats.client().await?);
        let body = encoded.body.into();
        jetstream
            .publish_with_headers(subject, headers, body)
            .await?
            .await?;
        Ok(())
    }

    /// What became of telling the customer of `event`.
    pub(crate) async fn outcome(&self, event: &Event) -> anyhow::Result<Event> {
        let events = self.events().await?;
        testkit::wait_for(PATIENCE, "the outcome of a notification", async || {
            for name in ["notification.delivered", "notification.failed"] {
                let subject = format!("{name}.{}-{}", event.id(), endpoint(self.customer.url()));
                if let Ok(message) = events.get_last_raw_message_by_subject(&subject).await {
                    return wire::decode(name, Encoding::Json, &message.payload).ok();
                }
            }
            None
        })
        .await
    }

    pub(crate) async fn failure(&self, event: &Event) -> anyhow::Result<NotificationFailed> {
        match self.outcome(event).await? {
            Event::NotificationFailed(failed) => Ok(failed),
            other => anyhow::bail!("not failed: {other:?}"),
        }
    }

    /// How many notifications were taken or given up.
    pub(crate) async fn kept_book_of(&self) -> anyhow::Result<usize> {
        let events = self.events().await?;
        let told: Vec<(String, usize)> = events
            .info_with_subjects("notification.*.*")
            .await?
            .try_collect()
            .await?;
        Ok(told.into_iter().map(|(_, count)| count).sum())
    }

    /// Waits until every event and timer has been dealt with.
    pub(crate) async fn quiet(&self) -> anyhow::Result<()> {
        let work = jetstream::new(self.nats.client().await?);
        testkit::wait_until(PATIENCE, "the notifier to be done", async || {
            let Ok(events) = work.get_stream("EVENTS").await else {
                return false;
            };
            let Ok(consumer) = events.consumer_info("notify").await else {
                return false;
            };
            let Ok(timers) = work.get_stream("WORK").await else {
                return false;
            };
            let timers = timers.cached_info().state.messages;
            consumer.num_pending == 0 && consumer.num_ack_pending == 0 && timers == 0
        })
        .await
    }

    /// What the customer got from us to check signatures with.
    pub(crate) async fn secret(&self) -> anyhow::Result<String> {
        let secret = self.bus.setting("keys", "webhook-secret.default").await?;
        let secret = secret.ok_or_else(|| anyhow::anyhow!("no secret yet"))?;
        Ok(String::from_utf8(secret.into())?)
    }

    async fn events(&self) -> anyhow::Result<jetstream::stream::Stream> {
        Ok(jetstream::new(self.nats.client().await?)
            .get_stream("EVENTS")
            .await?)
    }

    /// Fails if the service ended badly.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.life.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.service).await??
    }
}

/// Said once more in other words, so that a change is noticed: endpoints are in stored subjects.
fn endpoint(url: &Url) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, url.as_str().as_bytes());
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    hex.chars().take(12).collect()
}

pub(crate) fn job(callback: bool) -> Job {
    let request = Request {
        campaign: Some("spring".to_owned()),
        metadata: [("sku".to_owned(), "K-7".to_owned())].into(),
        num_images: 4,
        ..Request::new("a red kite")
    };
    let id = GenerationId::generate();
    Job {
        custom_id: Some("poster-7".to_owned()),
        simulated: true,
        callback,
        ..Job::new(id, Tenant::default(), request, Timestamp::now())
    }
}

pub(crate) fn picture(job: &Job, state: ImageState) -> Image {
    Image {
        id: ImageId::of(job.id, 0),
        index: 0,
        state,
        key: Some("generated/a/0-b.png".to_owned()),
        url: Some("http://pictures.example/assets/generated/a/0-b.png".to_owned()),
        width: 1312,
        height: 736,
        seed: Some(7),
        prompt: None,
        format: "png".to_owned(),
        bytes: 9,
        sha256: String::new(),
        derivatives: Vec::new(),
        error: None,
        traits: None,
        content_credentials: false,
    }
}

pub(crate) fn completed(job: &Job) -> Event {
    let withheld = Image {
        id: ImageId::of(job.id, 1),
        index: 1,
        key: None,
        url: None,
        ..picture(job, ImageState::Withheld)
    };
    let images = vec![picture(job, ImageState::Stored), withheld];
    Completed {
        job: job.clone(),
        images,
        texts: Vec::new(),
        cost: Usd::from_micros(80_000),
        at: Timestamp::now(),
    }
    .into()
}

pub(crate) fn image_ready(job: &Job, image: &Image) -> Event {
    ImageReady {
        job: job.clone(),
        derivation: None,
        image: image.clone(),
        at: Timestamp::now(),
    }
    .into()
}

pub(crate) fn ready(job: &Job, image: &Image) -> Event {
    let images = vec![image.clone()];
    Ready {
        job: job.clone(),
        images,
        texts: Vec::new(),
        cost: Usd::from_micros(80_000),
        at: Timestamp::now(),
    }
    .into()
}

pub(crate) fn failed(job: &Job) -> Event {
    Failed {
        id: job.id,
        tenant: job.tenant.clone(),
        custom_id: job.custom_id.clone(),
        job: Some(job.clone()),
        failure: Failure {
            code: Code::ContentFiltered,
            message: "the prompt was refused".to_owned(),
            phase: Phase::Generation,
            billed: Billed::No,
        },
        cost: Usd::ZERO,
        at: Timestamp::now(),
    }
    .into()
}
