//! Starts and stops a simulator.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api;
use crate::clock::Clock;
use crate::config::Config;
use crate::connection::{Cut, CuttableListener};
use crate::desk::{Charge, Desk, Snapshot};
use crate::fault::{Fault, Faults};
use crate::journal;
use crate::keys::Keys;
use crate::link::Links;
use crate::picture::Pictures;
use crate::settings::Settings;
use crate::sources::Sources;
use crate::webhook;
use crate::world::World;

/// A running simulator. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Simulator {
    world: Handle,
    api: SocketAddr,
    admin: SocketAddr,
}

/// Keeps the world out of `Debug`: it holds keys.
struct Handle(Arc<World>);

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.config.fmt(f)
    }
}

impl Simulator {
    /// Binds the three listeners and serves until stopped.
    ///
    /// # Errors
    ///
    /// When an address cannot be bound, the journal cannot be used, a key is empty, or there is to
    /// be a pool of no pictures; the message names which.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        ensure!(
            !config.api_keys.iter().any(String::is_empty),
            "`api_keys` holds an empty key"
        );
        ensure!(
            config.billing_key.as_deref() != Some(""),
            "`billing_key` is empty"
        );
        ensure!(
            config.picture_pool != Some(0),
            "`picture_pool` must be at least 1, or absent"
        );
        // Already installed by the program, or by an earlier simulator: both are fine.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();

        let api = bind(config.api_listen, "API").await?;
        let images = bind(config.images_listen, "picture").await?;
        let admin = bind(config.admin_listen, "admin").await?;
        let addresses = (api.local_addr()?, images.local_addr()?, admin.local_addr()?);
        let world = Arc::new(world(config, addresses.1)?);
        world.pictures.prepare().await?;

        serve(&world, api, api::api(Arc::clone(&world)));
        serve(&world, images, api::images(Arc::clone(&world)));
        serve(&world, admin, api::admin(Arc::clone(&world)));
        for job in world.desk().jobs() {
            webhook::send_if_pending(&world, job);
        }
        Ok(Self {
            world: Handle(world),
            api: addresses.0,
            admin: addresses.2,
        })
    }

    /// The base URL of the API, without a final slash.
    pub fn api_url(&self) -> String {
        base_url(self.api, self.world.0.config.public_host.as_deref())
    }

    /// The base URL of the picture host, as it stands in links.
    pub fn images_url(&self) -> String {
        self.world.0.links.base().to_owned()
    }

    /// The base URL of the admin routes.
    pub fn admin_url(&self) -> String {
        base_url(self.admin, self.world.0.config.public_host.as_deref())
    }

    /// Every accepted call that is still remembered, oldest first.
    pub fn bill(&self) -> Vec<Charge> {
        let now = self.world.0.clock.now();
        self.world.0.desk().bill(now)
    }

    /// The counters at this moment.
    pub fn state(&self) -> Snapshot {
        let now = self.world.0.clock.now();
        self.world.0.desk().snapshot(now)
    }

    /// Switches a fault on, beside those that are on already.
    ///
    /// # Errors
    ///
    /// When the fault cannot strike: a status that is no error, a count or a rate of zero.
    pub fn set_fault(&self, fault: impl Into<Fault>) -> anyhow::Result<()> {
        let fault = fault.into();
        if let Some(objection) = fault.objection() {
            anyhow::bail!(objection);
        }
        self.world.0.faults.add(fault);
        Ok(())
    }

    /// Switches all faults off. Calls that hang already go on hanging.
    pub fn clear_faults(&self) {
        self.world.0.faults.replace(Vec::new());
    }

    /// The settings at this moment.
    pub fn settings(&self) -> Settings {
        self.world.0.desk().settings
    }

    /// Changes the settings. What was accepted stays accepted.
    pub fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.world.0.desk().settings);
    }

    /// Moves the simulated clock forward.
    pub fn advance_clock(&self, by: Duration) {
        self.world.0.clock.advance(by);
    }

    /// Signs webhooks with a new key from now on, and returns its id. The old one stays listed.
    ///
    /// # Errors
    ///
    /// When the key cannot be made.
    pub fn rotate_webhook_key(&self) -> anyhow::Result<String> {
        self.world.0.keys.rotate()
    }

    /// Closes the listeners and every connection, and waits until nothing runs.
    pub async fn stop(self) {
        self.world.0.stop.cancel();
        self.world.0.tasks.close();
        self.world.0.tasks.wait().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.world.0.stop.cancel();
    }
}

async fn bind(address: SocketAddr, name: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot bind the simulator's {name} listener to {address}"))
}

fn world(config: Config, images: SocketAddr) -> anyhow::Result<World> {
    let journal::Remembered {
        journal,
        master,
        jobs,
    } = journal::open(config.journal.as_deref(), config.max_jobs)?;
    let mut desk = Desk::new(Settings::of(&config));
    for job in jobs {
        desk.remember(Arc::new(job), config.max_jobs);
    }
    let base = match &config.images_public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => base_url(images, config.public_host.as_deref()),
    };
    Ok(World {
        clock: Clock::new(),
        desk: Mutex::new(desk),
        faults: Faults::default(),
        keys: Keys::new(master)?,
        links: Links::new(&master, base),
        pictures: Pictures::new(&config),
        sources: Sources::open(config.journal.as_deref())?,
        journal,
        http: webhook::client(config.allow_loopback_webhooks, config.webhooks.timeout)?,
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
        config,
    })
}

fn serve(world: &Arc<World>, inner: TcpListener, router: Router) {
    let listener = CuttableListener {
        inner,
        stop: world.stop.clone(),
    };
    let service = router.into_make_service_with_connect_info::<Cut>();
    let stopped = world.stop.clone().cancelled_owned();
    world.tasks.spawn(async move {
        if let Err(err) = axum::serve(listener, service)
            .with_graceful_shutdown(stopped)
            .await
        {
            tracing::error!(
                error = &err as &dyn std::error::Error,
                "the simulator stopped serving"
            );
        }
    });
}

/// Where others reach a listener. An unspecified address is reached on loopback.
fn base_url(address: SocketAddr, public_host: Option<&str>) -> String {
    match public_host {
        Some(host) => format!("http://{host}:{}", address.port()),
        None if address.ip().is_unspecified() => format!("http://127.0.0.1:{}", address.port()),
        None => format!("http://{address}"),
    }
}
