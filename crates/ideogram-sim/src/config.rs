//! What a simulator may be told before it starts.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// How a simulator behaves. The default is an instant provider on loopback ports of the kernel's
/// choice, with the limits that the provider documents.
#[derive(Clone)]
pub struct Config {
    /// Where the API listens. Port 0 lets the kernel choose.
    pub api_listen: SocketAddr,
    /// Where the pictures are served. Port 0 lets the kernel choose.
    pub images_listen: SocketAddr,
    /// Where the admin routes listen. They have no authentication: keep them inside.
    pub admin_listen: SocketAddr,
    /// The host name under which others reach the listeners, for example a Kubernetes Service.
    /// Without it: the listening address, or loopback where that is unspecified.
    pub public_host: Option<String>,
    /// The whole base URL of result links, without a final slash; overrides `public_host`.
    pub images_public_url: Option<String>,
    /// The keys that `Api-Key` may hold. Empty: any key that is not empty.
    pub api_keys: Vec<String>,
    /// The only key that may see the bill; others get 404 there. `None`: every key may.
    pub billing_key: Option<String>,
    /// Images in progress at once, all routes together. Provider's default: 10.
    pub max_in_flight: u32,
    /// Whether the in-flight limit refuses. When false, images in progress are only counted.
    pub enforce_limit: bool,
    /// Polls allowed in any ten seconds. Provider's figure: 1,000.
    pub poll_limit: usize,
    /// How long a generation takes.
    pub latency: Latency,
    /// How long a synchronous call is held before it gets 503. Provider's figure: 265 s.
    pub sync_limit: Duration,
    /// How long a result link works. Provider's figure: 24 h.
    pub link_lifetime: Duration,
    /// Prepaid USD micros; a call that costs more than what is left gets 402. `None`: unlimited.
    pub balance_usd_micros: Option<i64>,
    /// The order in which a valid request is checked. The provider does not publish it.
    pub admission: [Check; 3],
    /// What the pictures are.
    pub picture: Picture,
    /// `Some(k)`: only `k` different pictures a size, drawn once, so that downloads cost nothing.
    pub picture_pool: Option<usize>,
    /// How many drawn pictures are kept in memory; others are drawn again, to the same bytes.
    pub picture_cache: usize,
    /// How many generations are remembered; the oldest is forgotten first.
    pub max_jobs: usize,
    /// How late `GET /v2/account/usage` learns of a charge. The real one lags by minutes.
    pub usage_lag: Duration,
    /// Whether downloads without a `User-Agent`, or with Python's default one, get 403.
    pub refuse_default_agents: bool,
    /// Whether `webhook_url` may be plain http and may point to private or loopback hosts.
    pub allow_loopback_webhooks: bool,
    /// How webhooks are delivered.
    pub webhooks: Webhooks,
    /// A file in which accepted jobs and the signing keys survive a restart. `None`: memory only.
    pub journal: Option<PathBuf>,
}

/// How long a generation takes: between `min` and `max`, fixed by its id. Zero is instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// The shortest time.
    pub min: Duration,
    /// The longest time; less than `min` counts as `min`.
    pub max: Duration,
}

/// What the pictures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Picture {
    /// A landscape of exactly the requested size, 1 to 2 MB for 1024x1024.
    #[default]
    Full,
    /// A real PNG of the same shape, its longer side 64 px, one for each size. Answers then state
    /// this size as `resolution`.
    Tiny,
}

/// One of the checks between a valid request and its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Enough prepaid money, else 402.
    Funds,
    /// Enough free places, else 429.
    InFlight,
    /// A prompt that passes the safety check, else 422.
    Safety,
}

/// How webhooks are delivered. The provider publishes neither the number nor the spacing of its
/// attempts, so these are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Webhooks {
    /// Attempts until an answer is 2xx; at least one.
    pub attempts: u32,
    /// The pause after the first attempt; it doubles each time.
    pub first_pause: Duration,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How long after the last image the first attempt is made.
    pub delay: Duration,
    /// Share of generations whose webhook is never sent, 0–100.
    pub drop_percent: u8,
    /// Share of generations whose webhook is sent twice, 0–100.
    pub duplicate_percent: u8,
    /// Whether a failed generation is posted too. Not documented; off by default.
    pub on_failure: bool,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_pause: Duration::from_secs(1),
            timeout: Duration::from_secs(10),
            delay: Duration::ZERO,
            drop_percent: 0,
            duplicate_percent: 0,
            on_failure: false,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            api_listen: any,
            images_listen: any,
            admin_listen: any,
            public_host: None,
            images_public_url: None,
            api_keys: Vec::new(),
            billing_key: None,
            max_in_flight: 10,
            enforce_limit: true,
            poll_limit: 1_000,
            latency: Latency::default(),
            sync_limit: Duration::from_secs(265),
            link_lifetime: Duration::from_secs(24 * 60 * 60),
            balance_usd_micros: None,
            admission: [Check::Funds, Check::InFlight, Check::Safety],
            picture: Picture::Full,
            picture_pool: None,
            picture_cache: 8,
            max_jobs: 100_000,
            usage_lag: Duration::ZERO,
            refuse_default_agents: false,
            allow_loopback_webhooks: false,
            webhooks: Webhooks::default(),
            journal: None,
        }
    }
}

impl std::fmt::Debug for Config {
    /// Prints how many keys there are, never a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("api_listen", &self.api_listen)
            .field("images_listen", &self.images_listen)
            .field("admin_listen", &self.admin_listen)
            .field("api_keys", &self.api_keys.len())
            .field("latency", &self.latency)
            .field("picture", &self.picture)
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}
