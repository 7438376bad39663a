use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::ensure;
use bus::Bus;
use ideogram_sim::Simulator;
use runtime::Env;
use tempfile::TempDir;
use testkit::{NatsServer, Receiver};

use crate::processes::Processes;
use crate::tasks::Tasks;
use crate::{Broker, Desk, Options, Services};

const LOOPBACK: &str = "127.0.0.0/8";

/// All of Darkroom, and everybody it deals with.
#[derive(Debug)]
pub struct Pipeline {
    /// A client of the HTTP API.
    pub desk: Desk,
    /// A NATS client that knows nothing of our code.
    pub broker: Broker,
    /// The provider, with its bill.
    pub provider: Simulator,
    /// Where callbacks may be sent.
    pub customer: Arc<Receiver>,
    /// The server under everything.
    pub nats: NatsServer,
    services: Running,
    envs: BTreeMap<String, String>,
    announced: bool,
    data: TempDir,
}

#[derive(Debug)]
enum Running {
    Tasks(Tasks),
    Processes(Processes),
    Nothing,
}

impl Pipeline {
    /// Starts everything and returns when all services are ready.
    ///
    /// # Errors
    ///
    /// If something does not start; with its last words.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        runtime::install_tls();
        let nats = NatsServer::start_with(options.nats).await?;
        provision(&nats).await?;
        let broker = Broker::connect(&nats).await?;
        broker.hurry().await?;
        let provider = Simulator::start(options.provider).await?;
        let data = tempfile::tempdir()?;

        let (listener, http) = match options.services {
            Services::InProcess => {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let address = listener.local_addr()?.to_string();
                (Some(listener), address)
            }
            Services::Processes => (None, format!("127.0.0.1:{}", testkit::free_port()?)),
        };
        let mut envs = environment(&nats, &provider, data.path(), &http);
        let announced = if options.announced { "on" } else { "off" };
        envs.insert(
            "DARKROOM_PROVIDER_WEBHOOKS".to_owned(),
            announced.to_owned(),
        );
        envs.extend(
            options
                .envs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        let services = match listener {
            Some(listener) => {
                Running::Tasks(Tasks::start(&Env::from_pairs(envs.clone()), listener).await?)
            }
            None => Running::Processes(Processes::start(envs.clone(), options.standby).await?),
        };
        Ok(Self {
            desk: Desk::new(format!("http://{http}"))?,
            broker,
            provider,
            customer: Arc::new(Receiver::start().await?),
            nats,
            services,
            envs,
            announced: options.announced,
            data,
        })
    }

    /// Stops the services as SIGTERM does, and leaves everything else running.
    ///
    /// # Errors
    ///
    /// If a service ends badly, or not in time.
    pub async fn stop_services(&mut self) -> anyhow::Result<()> {
        match std::mem::replace(&mut self.services, Running::Nothing) {
            Running::Tasks(tasks) => tasks.stop().await,
            Running::Processes(processes) => processes.stop().await,
            Running::Nothing => Ok(()),
        }
    }

    /// Starts stopped services again in the test's process, on the same data and address.
    ///
    /// # Errors
    ///
    /// If one does not start.
    pub async fn start_services(&mut self) -> anyhow::Result<()> {
        let listener = TcpListener::bind(self.desk.address())?;
        let env = Env::from_pairs(self.envs.clone());
        self.services = Running::Tasks(Tasks::start(&env, listener).await?);
        Ok(())
    }

    /// The services, each a process of its own.
    ///
    /// # Errors
    ///
    /// If they are not.
    pub fn processes(&mut self) -> anyhow::Result<&mut Processes> {
        match &mut self.services {
            Running::Processes(processes) => Ok(processes),
            _ => anyhow::bail!("no service is a process of its own"),
        }
    }

    /// Whether the provider has an address to announce what is done.
    pub(crate) const fn announces(&self) -> bool {
        self.announced
    }

    /// Where the pictures are kept.
    pub fn images(&self) -> PathBuf {
        self.data.path().join("images")
    }

    /// Stops everything.
    ///
    /// # Errors
    ///
    /// If a service ends badly, a message died, or a half-written file is left behind.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let graceful = matches!(self.services, Running::Tasks(_));
        self.stop_services().await?;
        let dead = self.broker.subjects("DEAD").await?;
        ensure!(dead.is_empty(), "there are dead letters: {dead:?}");
        // Who is killed between two steps may leave a file that nobody will ever read.
        if graceful {
            whole(&self.images())?;
        }
        self.provider.stop().await;
        Ok(())
    }
}

async fn provision(nats: &NatsServer) -> anyhow::Result<()> {
    let bus = Bus::connect(&bus::Config::plain(nats.url(), "provision")).await?;
    bus::provision(&bus, 1).await?;
    bus.close().await;
    Ok(())
}

/// What `darkroom up` would say to its services.
fn environment(
    nats: &NatsServer,
    provider: &Simulator,
    data: &Path,
    http: &str,
) -> BTreeMap<String, String> {
    let data = data.display();
    [
        ("DARKROOM_NATS_URL", nats.url().to_owned()),
        ("DARKROOM_DATA_DIR", data.to_string()),
        ("DARKROOM_STORAGE_URL", format!("file://{data}/images")),
        (
            "DARKROOM_DATABASE_URL",
            format!("sqlite://{data}/history.db"),
        ),
        ("DARKROOM_LISTEN", http.to_owned()),
        ("DARKROOM_PUBLIC_URL", format!("http://{http}")),
        ("DARKROOM_IMAGE_HOSTS", "127.0.0.1".to_owned()),
        ("DARKROOM_IMAGE_ALLOW", LOOPBACK.to_owned()),
        ("DARKROOM_CALLBACK_ALLOW", LOOPBACK.to_owned()),
        ("IDEOGRAM_BASE_URL", provider.api_url()),
        ("IDEOGRAM_API_KEY", "a-key-of-the-tests".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Fails if a file below `folder` is still under the name it was written by.
fn whole(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            whole(&path)?;
            continue;
        }
        // `object_store` writes to `NAME#1` and links it to its name when it is whole.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        ensure!(!name.contains('#'), "half-written: {}", path.display());
    }
    Ok(())
}
