use std::fmt;
use std::time::Duration;

use url::{Host, Url};

use crate::Error;

/// Where the provider is, who asks, and how long is waited.
#[derive(Clone)]
pub struct Config {
    /// `https://api.ideogram.ai`, or the simulator.
    pub base_url: Url,
    /// The account's key.
    pub api_key: String,
    /// A key that may read the organization's bill, if the account's own may not: its creator needs
    /// billing or admin rights.
    pub organization_key: Option<String>,
    /// For the connection with TLS; shorter than the others, or a slow connection is taken for a
    /// lost answer.
    pub connect_timeout: Duration,
    /// For a call that is answered with an id, and for a quote; one second more for every megabyte
    /// of its files.
    pub submit_timeout: Duration,
    /// For a call that is answered with images; the provider gives up after 265 s.
    pub sync_timeout: Duration,
    /// For a poll.
    pub poll_timeout: Duration,
}

impl Config {
    /// The timeouts that suit the provider: 10, 30, 280 and 15 s.
    #[must_use]
    pub const fn new(base_url: Url, api_key: String) -> Self {
        Self {
            base_url,
            api_key,
            organization_key: None,
            connect_timeout: Duration::from_secs(10),
            submit_timeout: Duration::from_secs(30),
            sync_timeout: Duration::from_secs(280),
            poll_timeout: Duration::from_secs(15),
        }
    }

    pub(crate) fn check_base_url(&self) -> Result<(), Error> {
        let url = &self.base_url;
        let invalid = |reason| {
            Err(Error::Config {
                field: "base_url",
                reason,
            })
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return invalid("expected an http or https URL such as https://api.ideogram.ai");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return invalid("must not hold a name or password; the key is given by itself");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return invalid("must end with its path");
        }
        let is_provider =
            matches!(url.host(), Some(Host::Domain(host)) if host.ends_with("ideogram.ai"));
        if is_provider && url.scheme() == "http" {
            return invalid("must be https, or everybody on the way could read the key");
        }
        Ok(())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("base_url", &self.base_url.as_str())
            .field("connect_timeout", &self.connect_timeout)
            .field("submit_timeout", &self.submit_timeout)
            .field("sync_timeout", &self.sync_timeout)
            .field("poll_timeout", &self.poll_timeout)
            .finish_non_exhaustive()
    }
}
