use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::HeaderName;
use reqwest::{ClientBuilder, RequestBuilder, StatusCode, redirect, retry};
use serde_json::Value;
use url::Url;

use crate::answer::{id, is_id};
use crate::exchange::{Reply, exchange};
use crate::key::Key;
use crate::webhook::Jwks;
use crate::{
    Action, Answer, BucketWidth, Call, Config, Error, Progress, Quote, Usage, upload, verdict,
};

const API_KEY: HeaderName = HeaderName::from_static("api-key");
const USER_AGENT: &str = concat!("darkroom/", env!("CARGO_PKG_VERSION"));

/// The provider. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    base_url: Url,
    key: Key,
    /// For the bill.
    organization_key: Key,
    submit_timeout: Duration,
    sync_timeout: Duration,
    poll_timeout: Duration,
    /// For calls that cost money: each on a connection of its own. A kept one may be closed by the
    /// server while the next call is being written to it, and then nobody knows whether it was
    /// read, however short it was idle.
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
        let key = Key::parse("api_key", &config.api_key)?;
        let organization_key = match &config.organization_key {
            Some(text) => Key::parse("organization_key", text)?,
            None => key.clone(),
        };
        // Another part of the process may have installed it already, which is as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let sender = builder(&config).pool_max_idle_per_host(0);

        Ok(Self {
            sender: sender.build().map_err(Error::Build)?,
            reader: builder(&config).build().map_err(Error::Build)?,
            base_url: config.base_url,
            key,
            organization_key,
            submit_timeout: config.submit_timeout,
            sync_timeout: config.sync_timeout,
            poll_timeout: config.poll_timeout,
        })
    }

    /// Has it done. Every call that is not refused costs money, also if its answer is lost; no key
    /// makes it idempotent.
    ///
    /// `files` are the bytes of [`Call::files`], in that order and with masks as the route reads
    /// them. With some the call goes as multipart of known length, else as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::NotSent`], [`Error::Rejected`]: nothing was billed.
    /// [`Error::Ambiguous`]: it may have been.
    pub async fn submit(&self, call: &Call, files: &[Bytes]) -> Result<Answer, Error> {
        let timeout = if call.asynchronous {
            self.submit_timeout
        } else {
            self.sync_timeout
        };
        let request = self.sender.post(self.url(call.route));
        let request = upload::load(request, call, files)?.timeout(timeout + upload::time(files));
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
        Answer::read(&body, call.expects(), reply.simulated)
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
    /// looked at; `files` are those of [`Client::submit`].
    ///
    /// # Errors
    ///
    /// [`Error::NoQuote`] for routes that cannot tell, before anything is sent: where such a
    /// question is not known it would be an order. [`Error::Unavailable`] is transient;
    /// [`Error::Ambiguous`] if the provider took the question for an order.
    pub async fn quote(&self, call: &Call, files: &[Bytes]) -> Result<Quote, Error> {
        if !call.is_quotable() {
            return Err(Error::NoQuote(call.route));
        }
        let mut url = self.url(call.route);
        url.query_pairs_mut().append_pair("dry_run", "true");
        let timeout = self.submit_timeout + upload::time(files);
        let request = upload::load(self.reader.post(url), call, files)?.timeout(timeout);
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

    /// Reads what the organization was billed from `from` up to `to`, at most 92 days by the day or
    /// 168 hours by the hour. The bill lags by minutes.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] is transient; [`Error::Rejected`] is not: 404 means that the key may
    /// not read it.
    pub async fn usage(
        &self,
        from: Timestamp,
        to: Timestamp,
        width: BucketWidth,
    ) -> Result<Usage, Error> {
        let mut url = self.url("/v2/account/usage");
        url.query_pairs_mut()
            .append_pair("start_time", &from.to_string())
            .append_pair("end_time", &to.to_string())
            .append_pair("bucket_width", width.as_str());
        let request = self.reader.get(url).timeout(self.poll_timeout);
        let request = request.header(API_KEY, self.organization_key.header());
        let reply = self.ask(request, Action::Usage).await?;

        Usage::read(&reply.json(), reply.simulated)
            .ok_or_else(|| verdict::unreadable(Action::Usage, reply))
    }

    /// Asks what costs nothing: an answer is one with a 2xx.
    async fn ask(&self, request: RequestBuilder, action: Action) -> Result<Reply, Error> {
        let reply = exchange(request)
            .await
            .map_err(|err| verdict::unanswered(action, err))?;
        if reply.status.is_success() {
            return Ok(reply);
        }
        let key = match action {
            Action::Usage => &self.organization_key,
            _ => &self.key,
        };
        match reply.rejection(action, key) {
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
