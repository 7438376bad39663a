use std::net::TcpListener;
use std::pin::Pin;
use std::thread::{self, JoinHandle};

use anyhow::{Context, anyhow};
use runtime::{Env, Life};
use testkit::wait_until;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::{PATIENCE, SERVICES};

/// The services in the test's own process, on threads of their own: a test that waits in the wrong
/// way does not hold them up.
#[derive(Debug)]
pub(crate) struct Tasks {
    life: Life,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

struct Configs {
    historian: historian::Config,
    notifier: notifier::Config,
    post_processor: post_processor::Config,
    uploader: uploader::Config,
    generator: generator::Config,
    gateway: gateway::Config,
}

impl Tasks {
    /// Starts all of them, the gateway on `listener`, and returns when they are ready.
    pub(crate) async fn start(env: &Env, listener: TcpListener) -> anyhow::Result<Self> {
        let configs = Configs {
            historian: historian::Config::from_env(env).context("historian")?,
            notifier: notifier::Config::from_env(env).context("notifier")?,
            post_processor: post_processor::Config::from_env(env).context("post-processor")?,
            uploader: uploader::Config::from_env(env).context("uploader")?,
            generator: generator::Config::from_env(env).context("generator")?,
            gateway: gateway::Config::from_env(env).context("gateway")?,
        };
        let life = Life::default();
        for service in SERVICES {
            // Each says so itself, once it runs; until then it is not ready either.
            life.of(service).health.component("nats");
        }
        let own = life.clone();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            let outcome = runtime.block_on(all(configs, listener, &own));
            runtime.shutdown_background();
            outcome
        });
        let mut tasks = Self {
            life,
            thread: Some(thread),
        };
        let ready = wait_until(PATIENCE, "all services to be ready", async || {
            tasks.has_ended() || tasks.life.health.is_ready()
        });
        ready.await?;
        if tasks.has_ended() {
            tasks.join().await?;
        }
        Ok(tasks)
    }

    fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Asks all to finish what they hold, and waits for it.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.life.shutdown.cancel();
        self.join().await
    }

    async fn join(&mut self) -> anyhow::Result<()> {
        wait_until(PATIENCE, "all services to end", async || self.has_ended()).await?;
        let thread = self.thread.take().context("ended before")?;
        thread.join().map_err(|_| anyhow!("a service panicked"))?
    }
}

impl Drop for Tasks {
    /// A test that fails leaves nobody at work behind.
    fn drop(&mut self) {
        self.life.shutdown.cancel();
    }
}

/// Runs all until the life ends, or one of them does.
async fn all(configs: Configs, listener: TcpListener, life: &Life) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut services = JoinSet::new();
    macro_rules! spawn {
        ($name:literal, $run:expr) => {
            services.spawn(told($name, life.clone(), Box::pin($run(life.of($name)))));
        };
    }
    spawn!("historian", |life| historian::run(configs.historian, life));
    spawn!("notifier", |life| notifier::run(configs.notifier, life));
    spawn!("post-processor", |life| {
        post_processor::run(configs.post_processor, life)
    });
    spawn!("uploader", |life| uploader::run(configs.uploader, life));
    spawn!("generator", |life| generator::run(configs.generator, life));
    spawn!("gateway", |life| {
        gateway::serve(listener, configs.gateway, life)
    });
    let outcomes = services.join_all().await;
    outcomes.into_iter().collect()
}

/// Says at once why a service ended, and ends the others.
async fn told(
    name: &'static str,
    life: Life,
    work: Pin<Box<impl Future<Output = anyhow::Result<()>>>>,
) -> anyhow::Result<()> {
    let result = work.await.context(name);
    if let Err(err) = &result {
        println!("ended: {err:#}");
    }
    life.shutdown.cancel();
    result
}
