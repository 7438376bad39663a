use std::time::Duration;

use reqwest::header::HeaderName;
use reqwest::{ClientBuilder, RequestBuilder, StatusCode, redirect, retry};
use serde_json::Value;
use url::Url;

use crate::answer::{id, is_id};
use crate::exchange::{Reply, exchange};
use crate::key::Key;
use crate::webhook::Jwks;
use crate::{Action, Answer, Call, Config, Error, Progress, Quote, verdict};

const API_KEY: HeaderName = HeaderName::from_static("api-key");
const USER_AGENT: &str = concat!("darkroom/", env!("CARGO_PKG_VERSION"));

/// The provider. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    base_url: Url,
    key: Key,
    submit_timeout: Duration,
    sync_timeout: Duration,
    poll_timeout: Duration,
    /// For calls that cost money: each on a connection of its own, so that the server closing an
    /// idle one is never taken for a lost answer.
    sender: reqwest::Client,
    /// For questions.
    reader: reqwest::Client,
}

impl Client {
    /// Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that cannot be used; [`Error::Build`].
    pub fn new(config: Config) -> Result<Self, Error> {
        config.check_base_url()?;
        let key = Key::parse(&config.api_key)?;
        // Another part of the process may have installed it already, which is as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let sender = builder(&config).pool_max_idle_per_host(0);

        Ok(Self {
            sender: sender.build().map_err(Error::Build)?,
            reader: builder(&config).build().map_err(Error::Build)?,
            base_url: config.base_url,
            key,
            submit_timeout: config.submit_timeout,
            sync_timeout: config.sync_timeout,
            poll_timeout: config.poll_timeout,
        })
    }

    /// Has the images made. Every call that is not refused costs money, also if its answer is lost;
    /// no key makes it idempotent.
    ///
    /// # Errors
    ///
    /// [`Error::NotSent`], [`Error::Rejected`]: nothing was billed. [`Error::Ambiguous`]: it may
    /// have been.
    pub async fn submit(&self, call: &Call) -> Result<Answer, Error> {
        let timeout = if call.asynchronous {
            self.submit_timeout
        } else {
            self.sync_timeout
        };
        let request = self
            .sender
            .post(self.url(call.route))
            .json(call.body())
            .timeout(timeout);
        let reply = exchange(self.signed(request))
            .await
            .map_err(verdict::lost)?;
        if let Some(rejected) = reply.rejection(Action::Submit, &self.key) {
            return Err(rejected);
        }

        let body = if reply.status.is_success() {
            reply.json()
        } else {
            Value::Null
        };
        Answer::read(&body, call.asynchronous, reply.simulated)
            .ok_or_else(|| verdict::ambiguous(reply, &self.key))
    }

    /// Asks how a generation is doing. An organization may ask 1,000 times in 10 s.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] is transient; [`Error::Rejected`] is not, 404 among them;
    /// [`Error::InvalidId`].
    pub async fn poll(&self, provider_id: &str) -> Result<Progress, Error> {
        if !is_id(provider_id) {
            return Err(Error::InvalidId(self.key.excerpt(provider_id.as_bytes())));
        }
        let mut url = self.url("/v2/generations");
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(provider_id);
        }
        let request = self.signed(self.reader.get(url).timeout(self.poll_timeout));
        let reply = self.ask(request, Action::Poll).await?;

        match Progress::read(&reply.json(), reply.simulated) {
            Some(Progress::Failed { reason, simulated }) => Ok(Progress::Failed {
                reason: self.key.excerpt(reason.as_bytes()),
                simulated,
            }),
            Some(progress) => Ok(progress),
            None => Err(verdict::unreadable(Action::Poll, reply)),
        }
    }

    /// Asks what a call would cost, without making anything. Neither the balance nor the places are
    /// looked at.
    ///
    /// # Errors
    ///
    /// [`Error::NoQuote`] for routes that cannot tell; [`Error::Unavailable`] is transient;
    /// [`Error::Ambiguous`] if the provider took the question for an order.
    pub async fn quote(&self, call: &Call) -> Result<Quote, Error> {
        if !call.asynchronous {
            return Err(Error::NoQuote(call.route));
        }
        let mut url = self.url(call.route);
        url.query_pairs_mut().append_pair("dry_run", "true");
        let request = self
            .reader
            .post(url)
            .json(call.body())
            .timeout(self.submit_timeout);
        let reply = self.ask(self.signed(request), Action::Quote).await?;

        let body = reply.json();
        match Quote::read(&body, reply.simulated) {
            Some(quote) => Ok(quote),
            None if id(&body, "generation_id").is_some() => {
                Err(verdict::ambiguous(reply, &self.key))
            }
            None => Err(verdict::unreadable(Action::Quote, reply)),
        }
    }

    /// Fetches the keys that webhooks are signed with, without showing ours. They may be kept for a
    /// day, and are to be fetched anew when a signature does not fit.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] is transient; [`Error::Rejected`] is not.
    pub async fn webhook_keys(&self) -> Result<Jwks, Error> {
        let request = self.reader.get(self.url("/v1/.well-known/jwks.json"));
        let reply = self
            .ask(request.timeout(self.poll_timeout), Action::Keys)
            .await?;

        Jwks::parse(&reply.body).map_err(|_| verdict::unreadable(Action::Keys, reply))
    }

    /// Asks what costs nothing: an answer is one with a 2xx.
    async fn ask(&self, request: RequestBuilder, action: Action) -> Result<Reply, Error> {
        let reply = exchange(request)
            .await
            .map_err(|err| verdict::unanswered(action, err))?;
        if reply.status.is_success() {
            return Ok(reply);
        }
        match reply.rejection(action, &self.key) {
            Some(rejected) if reply.status != StatusCode::TOO_MANY_REQUESTS => Err(rejected),
            _ => Err(verdict::unreadable(action, reply)),
        }
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(API_KEY, self.key.header())
    }

    /// The base URL may have a path of its own.
    fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(&format!(
            "{}{path}",
            self.base_url.path().trim_end_matches('/')
        ));
        url
    }
}

fn builder(config: &Config) -> ClientBuilder {
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(config.connect_timeout)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .no_gzip()
}
