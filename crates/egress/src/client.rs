use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    Method, Response,
    dns::Resolve,
    header::{CONTENT_TYPE, RETRY_AFTER},
    redirect,
};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::{
    Error, Policy, body,
    headers::{header_map, redirect_target, text},
    resolver::{Guard, System},
    target::{NOT_PERMITTED, Reach},
};

const USER_AGENT: &str = concat!("darkroom/", env!("CARGO_PKG_VERSION"));
/// The status is what counts; a body that drips is not waited for.
const EXCERPT_PATIENCE: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(30);
/// For HTTP/2; the parser of HTTP/1 has a limit of its own.
const MAX_HEADER_BYTES: u32 = 32 * 1024;

/// The guarded HTTP client. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    policy: Arc<Policy>,
    public: reqwest::Client,
    allowed: reqwest::Client,
}

/// What the receiver of a callback answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status code; a redirect is not followed but returned.
    pub status: u16,
    /// The `Retry-After` header as it came, if it is text.
    pub retry_after: Option<String>,
    /// The beginning of the body, at most 16 KiB; less if it was slow or broke off.
    pub body_excerpt: Bytes,
    /// From the call to the end of the excerpt.
    pub elapsed: Duration,
}

/// What came from a download.
#[derive(Debug, Clone)]
pub struct Download {
    /// The HTTP status code; 3xx if there were more redirects than the policy follows.
    pub status: u16,
    /// The `Content-Type` header as it came: a claim, not a fact.
    pub content_type: Option<String>,
    /// The whole body for 2xx; for any other status its beginning, at most 16 KiB.
    pub bytes: Bytes,
}

impl Client {
    /// Builds a client that resolves names as the operating system does.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`], for example on a machine without root certificates.
    pub fn new(policy: Policy) -> Result<Self, Error> {
        Self::with_resolver(policy, Arc::new(System))
    }

    /// Builds a client that asks `resolver` for addresses and checks what it answers.
    ///
    /// # Errors
    ///
    /// As [`Client::new`].
    pub fn with_resolver(policy: Policy, resolver: Arc<dyn Resolve>) -> Result<Self, Error> {
        // Fails only if there is a provider already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());

        let policy = Arc::new(policy);
        let build = |reach| {
            let guard = Guard {
                resolver: resolver.clone(),
                policy: policy.clone(),
                reach,
            };
            reqwest::Client::builder()
                .user_agent(USER_AGENT)
                .dns_resolver(guard)
                .redirect(redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .no_proxy()
                .no_gzip()
                .no_brotli()
                .no_deflate()
                .no_zstd()
                .http2_max_header_list_size(MAX_HEADER_BYTES)
                .connect_timeout(policy.connect_timeout)
                .pool_idle_timeout(IDLE)
                .build()
                .map_err(Error::setup)
        };
        Ok(Self {
            public: build(Reach::Public)?,
            allowed: build(Reach::Allowed)?,
            policy,
        })
    }

    /// Judges a URL when it is first given, without asking DNS; [`post`](Self::post) and
    /// [`get`](Self::get) judge again.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] says what to change.
    pub fn check(&self, url: &Url) -> Result<(), Error> {
        self.policy.admit(url).map(|_| ())
    }

    /// Delivers a callback. Every status is an answer; nothing is tried twice.
    ///
    /// # Errors
    ///
    /// [`Error::Header`] and [`Error::Refused`] are permanent; [`Error::Connect`],
    /// [`Error::Timeout`] and [`Error::Transport`] are not, and after the latter two the receiver may
    /// have got the message.
    pub async fn post<N: AsRef<str>, V: AsRef<str>>(
        &self,
        url: &Url,
        headers: &[(N, V)],
        body: Bytes,
    ) -> Result<Answer, Error> {
        let started = Instant::now();
        let deadline = started + self.policy.total_timeout;
        let headers = header_map(headers)?;

        let sending = self.send(url, |client| {
            client
                .request(Method::POST, url.clone())
                .headers(headers)
                .body(body)
        });
        let response = self.within(deadline, sending).await?;
        let status = response.status().as_u16();
        let retry_after = text(&response, RETRY_AFTER);
        let patience = deadline.min(Instant::now() + EXCERPT_PATIENCE);

        Ok(Answer {
            status,
            retry_after,
            body_excerpt: body::excerpt(response, patience).await,
            elapsed: started.elapsed(),
        })
    }

    /// Downloads a body of at most `max_bytes`, which is held in memory.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] and [`Error::Refused`] are permanent, the latter also for the target of a
    /// redirect; the others are worth another try. A body without `Content-Length` that is ended by
    /// closing the connection cannot be told from a truncated one.
    pub async fn get(&self, url: &Url, max_bytes: u64) -> Result<Download, Error> {
        let deadline = Instant::now() + self.policy.total_timeout;
        let downloading = async {
            let response = self.follow(url.clone()).await?;
            Ok(Download {
                status: response.status().as_u16(),
                content_type: text(&response, CONTENT_TYPE),
                bytes: if response.status().is_success() {
                    body::whole(response, max_bytes).await?
                } else {
                    body::excerpt(response, Instant::now() + EXCERPT_PATIENCE).await
                },
            })
        };
        self.within(deadline, downloading).await
    }

    async fn follow(&self, mut url: Url) -> Result<Response, Error> {
        let mut redirects = 0;
        loop {
            let target = url.clone();
            let response = self
                .send(&url, |client| client.request(Method::GET, target))
                .await?;
            if redirects == self.policy.max_redirects {
                return Ok(response);
            }
            match redirect_target(&response, &url)? {
                Some(next) => url = next,
                None => return Ok(response),
            }
            redirects += 1;
        }
    }

    async fn send(
        &self,
        url: &Url,
        request: impl FnOnce(&reqwest::Client) -> reqwest::RequestBuilder,
    ) -> Result<Response, Error> {
        let reach = self.policy.admit(url)?;
        let client = match reach {
            Reach::Public => &self.public,
            Reach::Allowed => &self.allowed,
        };
        let response = request(client)
            .send()
            .await
            .map_err(|err| Error::sending(err, self.policy.connect_timeout))?;

        // The resolver has seen to it; should a connector ever get round it, nothing is read.
        match response.remote_addr() {
            Some(peer) if !self.policy.permits(peer.ip(), reach) => Err(Error::Refused {
                reason: NOT_PERMITTED,
            }),
            _ => Ok(response),
        }
    }

    async fn within<T>(
        &self,
        deadline: Instant,
        exchange: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        timeout_at(deadline, exchange)
            .await
            .unwrap_or(Err(Error::Timeout(self.policy.total_timeout)))
    }
}
