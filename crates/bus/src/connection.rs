//! The connection, shared by everything a process does on the bus.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::{Client, ConnectOptions, Event};
use runtime::{Env, EnvError};
use tracing::{debug, warn};
use wire::Encoding;

use crate::committer::Committer;
use crate::{Error, Ledger};

/// The oldest server that has all we build on: schedules, and fsync with every message done right.
const NEEDED: (&str, [u32; 2]) = ("2.15", [2, 15]);
/// How long the server may take to confirm anything.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);
/// How long to look for the server before giving up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the server is and who we are.
#[derive(Debug, Clone)]
pub struct Config {
    /// `nats://host:port`, several separated by commas.
    pub url: String,
    /// Our name, for the server's logs and as the source of events.
    pub name: &'static str,
    /// The seed of our nkey, if the server wants one.
    pub nkey_seed: Option<String>,
    /// A credentials file, if the server wants one.
    pub credentials: Option<PathBuf>,
    /// The certificate authority of the server; asks for TLS.
    pub ca: Option<PathBuf>,
    /// How our events are written.
    pub encoding: Encoding,
    /// The bus of this process, whose connection is used instead of one of our own. Whoever opened it
    /// closes it.
    pub shared: Option<Bus>,
}

impl Config {
    /// Reads `DARKROOM_NATS_URL`, `…_NKEY_SEED`, `…_CREDS_FILE`, `…_CA_FILE` and
    /// `DARKROOM_EVENT_ENCODING`.
    ///
    /// # Errors
    ///
    /// A value that makes no sense, by the name of its variable.
    pub fn from_env(env: &Env, name: &'static str) -> Result<Self, EnvError> {
        Ok(Self {
            url: env.or("DARKROOM_NATS_URL", "nats://127.0.0.1:4222".to_owned())?,
            name,
            nkey_seed: env
                .secret("DARKROOM_NATS_NKEY_SEED")?
                .map(|seed| seed.expose().to_owned()),
            credentials: env.raw("DARKROOM_NATS_CREDS_FILE").map(PathBuf::from),
            ca: env.raw("DARKROOM_NATS_CA_FILE").map(PathBuf::from),
            encoding: env.or("DARKROOM_EVENT_ENCODING", Encoding::Json)?,
            shared: None,
        })
    }

    /// A server without authentication, as tests and laptops have it.
    #[must_use]
    pub fn plain(url: impl Into<String>, name: &'static str) -> Self {
        Self {
            url: url.into(),
            name,
            nkey_seed: None,
            credentials: None,
            ca: None,
            encoding: Encoding::Json,
            shared: None,
        }
    }
}

/// The bus. Cheap to clone; all clones share one connection.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) encoding: Encoding,
    pub(crate) name: &'static str,
    pub(crate) committer: Committer,
    /// Whether the connection is somebody else's.
    borrowed: bool,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Bus {
    /// Connects, waiting up to half a minute for the server to appear. Afterwards the connection
    /// is kept up for ever. With [`Config::shared`] it is up already.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`]; [`Error::TooOld`].
    pub async fn connect(config: &Config) -> Result<Self, Error> {
        if let Some(bus) = &config.shared {
            return Ok(Self {
                encoding: config.encoding,
                name: config.name,
                borrowed: true,
                ..bus.clone()
            });
        }
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match Self::connect_once(config).await {
                Err(Error::Connect { url, source }) if tokio::time::Instant::now() < deadline => {
                    debug!(nats.url = url, error = %source, "nats-server not reached, trying again");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                result => return result,
            }
        }
    }

    async fn connect_once(config: &Config) -> Result<Self, Error> {
        let failed = |source| Error::Connect {
            url: config.url.clone(),
            source,
        };
        let options = options(config).await.map_err(failed)?;
        let addresses: Vec<&str> = config.url.split(',').map(str::trim).collect();
        let client = options
            .connect(addresses)
            .await
            .map_err(|err| failed(err.into()))?;
        check_version(&client.server_info().version)?;
        let jetstream = jetstream::ContextBuilder::new()
            .timeout(ANSWER)
            .ack_timeout(ANSWER)
            .build(client.clone());
        Ok(Self {
            committer: Committer::start(client.clone()),
            client,
            jetstream,
            encoding: config.encoding,
            name: config.name,
            borrowed: false,
        })
    }

    /// The ledger of paid calls.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.clone())
    }

    /// Whether the connection is up at this moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Sends what is still buffered. The last thing to do with a bus.
    pub async fn close(&self) {
        let sent = async {
            match self.borrowed {
                true => self.client.flush().await.map_err(crate::Source::from),
                false => self.client.drain().await.map_err(crate::Source::from),
            }
        };
        match tokio::time::timeout(ANSWER, sent).await {
            Ok(Ok(())) => {}
            Ok(Err(err)) => debug!(error = %err, "connection closed without draining"),
            Err(_) => warn!("connection did not drain in time"),
        }
    }
}

async fn options(config: &Config) -> Result<ConnectOptions, crate::Source> {
    let mut options = ConnectOptions::new()
        .name(format!("darkroom-{}", config.name))
        .custom_inbox_prefix(format!("_INBOX_{}", config.name.replace('-', "_")))
        .request_timeout(Some(ANSWER))
        .reconnect_delay_callback(|attempts| {
            Duration::from_millis(2u64.saturating_pow(attempts.min(9) as u32).min(500))
        })
        .event_callback(|event| async move {
            match event {
                Event::Connected => debug!("connected to nats-server"),
                Event::Draining | Event::Closed => debug!(event = %event, "connection ends"),
                Event::Disconnected => warn!("connection to nats-server lost, reconnecting"),
                // A permission that is missing shows here only; the call itself just times out.
                other => warn!(event = %other, "nats-server says"),
            }
        });
    if let Some(seed) = &config.nkey_seed {
        options = options.nkey(seed.clone());
    }
    if let Some(path) = &config.credentials {
        options = options.credentials_file(path).await?;
    }
    if let Some(path) = &config.ca {
        options = options
            .add_root_certificates(path.clone())
            .require_tls(true);
    }
    Ok(options)
}

fn check_version(version: &str) -> Result<(), Error> {
    let mut parts = version
        .split(['.', '-'])
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let found = [parts.next().unwrap_or(0), parts.next().unwrap_or(0)];
    if found < NEEDED.1 {
        return Err(Error::TooOld {
            found: version.to_owned(),
            needed: NEEDED.0,
        });
    }
    Ok(())
}

/// A writer's mark on an entry of the ledger: fresh for each write.
pub(crate) fn fresh_token() -> Arc<str> {
    uuid::Uuid::new_v4().simple().to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_refused_by_version() {
        for old in ["2.9.10", "2.14.5", "1.99.0", ""] {
            assert!(check_version(old).is_err(), "{old}");
        }
        for new in ["2.15.0", "2.15.1-beta.1", "3.0.0"] {
            assert!(check_version(new).is_ok(), "{new}");
        }
    }
}
