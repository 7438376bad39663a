//! A gateway of a test's own.

use std::time::Duration;

use anyhow::{Context as _, bail};
use bus::Bus;
use domain::{
    Accepted, Admission, Completed, Draft, GenerationId, Image, ImageId, ImageState, Job, Ready,
    Usd,
};
use gateway::Config;
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use runtime::{Env, Life};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::NatsServer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) struct Desk {
    pub(crate) bus: Bus,
    pub(crate) url: String,
    pub(crate) http: Client,
    pub(crate) storage_url: String,
    life: Life,
    running: JoinHandle<anyhow::Result<()>>,
    nats: NatsServer,
    _data: TempDir,
}

impl Desk {
    /// Opens on a port the kernel picks, without keys.
    pub(crate) async fn open() -> anyhow::Result<Self> {
        Self::open_with(&[]).await
    }

    pub(crate) async fn open_with(pairs: &[(&str, &str)]) -> anyhow::Result<Self> {
        runtime::install_tls();
        let nats = NatsServer::start().await?;
        let bus = Bus::connect(&bus::Config::plain(nats.url(), "test")).await?;
        bus::provision(&bus, 1).await?;
        let data = tempfile::tempdir()?;
        let storage_url = format!("file://{}/images", data.path().display());
        let env = Env::from_pairs([
            ("DARKROOM_NATS_URL", nats.url()),
            ("DARKROOM_STORAGE_URL", &storage_url),
        ]);
        let config = Config::from_env(&env.with(pairs.iter().copied()))?;

        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let life = Life::default();
        let running = tokio::spawn(gateway::serve(listener, config, life.clone()));
        let http = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()?;
        Ok(Self {
            bus,
            url,
            http,
            storage_url,
            life,
            running,
            nats,
            _data: data,
        })
    }

    /// Ends it as SIGTERM does, and fails if it ends badly.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.life.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(20), self.running)
            .await
            .context("still open")??
    }

    /// Ends it, and leaves the rest as it is.
    pub(crate) fn begin_to_close(&self) {
        self.life.shutdown.cancel();
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url))
    }

    pub(crate) fn post(&self, body: &Value) -> RequestBuilder {
        self.http
            .post(format!("{}/v1/generations", self.url))
            .json(body)
    }

    /// The trace that the only request at the door belongs to.
    pub(crate) async fn trace_at_the_door(&self) -> anyhow::Result<String> {
        let client = self.nats.client().await?;
        let question = json!({ "next_by_subj": "generation.requested.>", "seq": 1 }).to_string();
        let stored = client
            .request("$JS.API.DIRECT.GET.INTAKE", question.into())
            .await?;
        let headers = stored.headers.context("nothing at the door")?;
        let trace = headers.get("traceparent").context("no trace")?;
        Ok(trace.to_string())
    }

    /// How many requests stand at the door.
    pub(crate) async fn at_the_door(&self) -> anyhow::Result<u64> {
        let client = self.nats.client().await?;
        let info = client
            .request("$JS.API.STREAM.INFO.INTAKE", "".into())
            .await?;
        let info: Value = serde_json::from_slice(&info.payload)?;
        info["state"]["messages"].as_u64().context("no such stream")
    }
}

/// The body of an answer that must have `status`.
pub(crate) async fn body(response: Response, status: StatusCode) -> anyhow::Result<Value> {
    let found = response.status();
    let text = response.text().await?;
    if found != status {
        bail!("{found} instead of {status}: {text}");
    }
    serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))
}

/// The job that the generator makes of a prompt.
pub(crate) fn job(id: GenerationId, prompt: &str) -> anyhow::Result<Job> {
    let draft = Draft {
        prompt: Some(prompt.to_owned()),
        ..Draft::default()
    };
    let admission = Admission::of(["og-image", "instagram", "twitter-header"]);
    Ok(Job {
        id,
        tenant: domain::Tenant::default(),
        custom_id: None,
        request: draft.resolve(&admission)?,
        provider: "ideogram".to_owned(),
        simulated: true,
        accepted_at: Timestamp::now(),
        callback: false,
    })
}

pub(crate) fn accepted(job: &Job) -> Accepted {
    Accepted {
        job: job.clone(),
        callback_url: None,
        reserved: Usd::from_micros(80_000),
    }
}

pub(crate) fn completed(job: &Job) -> Completed {
    let images = vec![image(job.id, ImageState::Stored)];
    Completed {
        job: job.clone(),
        images,
        cost: Usd::from_micros(80_000),
        at: Timestamp::now(),
    }
}

pub(crate) fn ready(job: &Job) -> Ready {
    let images = vec![image(job.id, ImageState::Ready)];
    Ready {
        job: job.clone(),
        images,
        cost: Usd::from_micros(80_000),
        at: Timestamp::now(),
    }
}

fn image(id: GenerationId, state: ImageState) -> Image {
    Image {
        id: ImageId::of(id, 0),
        index: 0,
        state,
        key: Some(format!("generated/{id}/0-0123456789ab.png")),
        url: None,
        width: 1024,
        height: 1024,
        seed: Some(7),
        prompt: None,
        format: "png".to_owned(),
        bytes: 12,
        sha256: "0123456789ab".repeat(5) + "cdef",
        derivatives: Vec::new(),
        error: None,
    }
}

/// The smallest request.
pub(crate) fn kite() -> Value {
    json!({ "prompt": "a red kite over dunes" })
}
