//! A gateway of a test's own.

use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use bus::{Answer, Bus};
use bytes::Bytes;
use domain::{
    Accepted, Admission, Billed, Code, Completed, Draft, Failed, Failure, GenerationId, Image,
    ImageId, ImageState, Job, Phase, Ready, Tenant, Usd,
};
use gateway::Config;
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use runtime::{Env, Life};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{NatsServer, wait_until};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What a stand-in is asked until it answers.
const PROBE: &str = "probe";

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
        self.post_to("/v1/generations").json(body)
    }

    pub(crate) fn post_to(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url))
    }

    /// A header of the only request at the door.
    pub(crate) async fn header_at_the_door(&self, name: &str) -> anyhow::Result<Option<String>> {
        let client = self.nats.client().await?;
        let question = json!({ "next_by_subj": "generation.requested.>", "seq": 1 }).to_string();
        let stored = client
            .request("$JS.API.DIRECT.GET.INTAKE", question.into())
            .await?;
        let headers = stored.headers.context("nothing at the door")?;
        Ok(headers.get(name).map(ToString::to_string))
    }

    /// The work that is due for a generation, if there is any.
    pub(crate) async fn due(&self, id: GenerationId) -> anyhow::Result<Option<Value>> {
        let client = self.nats.client().await?;
        let question = json!({ "last_by_subj": format!("due.generate.{id}.*") }).to_string();
        let stored = client
            .request("$JS.API.STREAM.MSG.GET.WORK", question.into())
            .await?;
        let stored: Value = serde_json::from_slice(&stored.payload)?;
        let Some(body) = stored["message"]["data"].as_str() else {
            return Ok(None);
        };
        let body = base64::engine::general_purpose::STANDARD.decode(body)?;
        Ok(Some(serde_json::from_slice(&body)?))
    }

    /// How many work items a stage has.
    pub(crate) async fn work(&self, stage: &str) -> anyhow::Result<u64> {
        let client = self.nats.client().await?;
        let question = json!({ "subjects_filter": format!("due.{stage}.>") }).to_string();
        let info = client
            .request("$JS.API.STREAM.INFO.WORK", question.into())
            .await?;
        let info: Value = serde_json::from_slice(&info.payload)?;
        let subjects = info["state"]["subjects"].as_object();
        let counts = subjects.into_iter().flat_map(|subjects| subjects.values());
        Ok(counts.filter_map(Value::as_u64).sum())
    }

    /// Has work items refused that have more bytes.
    pub(crate) async fn limit_work(&self, most: Option<i64>) -> anyhow::Result<()> {
        let client = self.nats.client().await?;
        let info = client
            .request("$JS.API.STREAM.INFO.WORK", "".into())
            .await?;
        let info: Value = serde_json::from_slice(&info.payload)?;
        let mut config = info["config"].clone();
        config["max_msg_size"] = json!(most.unwrap_or(-1));
        let update = "$JS.API.STREAM.UPDATE.WORK";
        let updated = client.request(update, config.to_string().into()).await?;
        let updated: Value = serde_json::from_slice(&updated.payload)?;
        anyhow::ensure!(updated["error"].is_null(), "{updated}");
        Ok(())
    }

    /// Kills the broker, once the gateway has found it.
    pub(crate) async fn lose_the_broker(&mut self) -> anyhow::Result<()> {
        self.get("/").send().await?.error_for_status()?;
        self.nats.kill().await
    }

    /// What `user` comes to while somebody answers for `service` as `answer` says.
    pub(crate) async fn answered<T>(
        &self,
        service: &str,
        endpoints: &[&'static str],
        answer: impl Fn(&'static str, Bytes) -> Answer + Send + Sync,
        user: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let endpoints = [endpoints, &[PROBE]].concat();
        let answer = |name: &'static str, question: Bytes| {
            let said = match name {
                PROBE => Ok(Vec::new()),
                _ => answer(name, question),
            };
            async move { said }
        };
        let answering = self
            .bus
            .answer(service, &endpoints, CancellationToken::new(), answer);
        let user = async {
            let probe = format!("{service}.{PROBE}");
            wait_until(Duration::from_secs(10), service, async || {
                self.bus.ask(&probe, "").await.is_ok()
            })
            .await?;
            user.await
        };
        tokio::select! {
            result = user => result,
            ended = answering => bail!("{service} ended: {ended:?}"),
        }
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
    let request = draft.resolve(&admission)?;
    Ok(Job {
        simulated: true,
        ..Job::new(id, Tenant::default(), request, Timestamp::now())
    })
}

pub(crate) fn accepted(job: &Job) -> Accepted {
    Accepted {
        job: job.clone(),
        callback_url: None,
        reserved: Usd::from_micros(80_000),
    }
}

/// It failed, and `billed` says what is known of the money.
pub(crate) fn failed(job: &Job, code: Code, billed: Billed) -> Failed {
    let failure = Failure {
        code,
        message: "it failed".to_owned(),
        phase: Phase::Generation,
        billed,
    };
    Failed {
        id: job.id,
        tenant: job.tenant.clone(),
        custom_id: job.custom_id.clone(),
        job: Some(job.clone()),
        failure,
        cost: Usd::ZERO,
        at: Timestamp::now(),
    }
}

pub(crate) fn completed(job: &Job) -> Completed {
    let images = vec![image(job.id, ImageState::Stored)];
    Completed {
        job: job.clone(),
        images,
        texts: Vec::new(),
        cost: Usd::from_micros(80_000),
        at: Timestamp::now(),
    }
}

pub(crate) fn ready(job: &Job) -> Ready {
    let images = vec![image(job.id, ImageState::Ready)];
    Ready {
        job: job.clone(),
        images,
        texts: Vec::new(),
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
        traits: None,
        content_credentials: false,
    }
}

/// The smallest request.
pub(crate) fn kite() -> Value {
    json!({ "prompt": "a red kite over dunes" })
}
