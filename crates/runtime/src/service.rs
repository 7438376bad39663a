use std::{net::SocketAddr, num::NonZeroUsize, process::ExitCode, time::Duration};

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

use crate::{Env, Health, Life, Telemetry, on_signal, ops, within};

/// How long a process may go on after the signal to stop, unless it needs longer or `DARKROOM_GRACE`
/// says otherwise.
const GRACE: Duration = Duration::from_secs(60);

/// Threads for what blocks: files, pixels. The system's allocator keeps a heap for each thread that
/// once held a picture, so that more threads are more memory; who finds none free waits.
const BLOCKING: usize = 8;
/// Bytes of stack for each thread, of which only what is used takes memory. An unoptimized build of
/// nested futures needs more than the usual two megabytes.
const STACK: usize = 8 << 20;

const INVALID: &str = "invalid configuration";

/// The whole of a service's `main`.
///
/// Reads [`Env`], sets up TLS and telemetry, opens the operations port (`DARKROOM_OPS_LISTEN`) and
/// runs `run` until it returns. SIGINT or SIGTERM cancels [`Life::shutdown`]; then `run` has
/// `DARKROOM_GRACE` (60 s) to finish. A failure is one line on stderr, from the outermost context to
/// the first cause, and exit code 1.
pub fn service_main(
    service: &'static str,
    run: impl AsyncFnOnce(Env, Life) -> anyhow::Result<()>,
) -> ExitCode {
    patient_main(service, GRACE, run)
}

/// [`service_main`] of a service that needs another time than 60 s to finish what it holds.
pub fn patient_main(
    service: &'static str,
    grace: Duration,
    run: impl AsyncFnOnce(Env, Life) -> anyhow::Result<()>,
) -> ExitCode {
    match begin(service, grace, run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("darkroom {service}: {}", one_line(&err));
            ExitCode::FAILURE
        }
    }
}

fn begin(
    service: &'static str,
    grace: Duration,
    run: impl AsyncFnOnce(Env, Life) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    install_tls();
    let env = Env::of_process().context(INVALID)?;
    let telemetry = Telemetry::init(service, &env).context(INVALID)?;
    let runtime = async_runtime(&env)?;
    let outcome = runtime.block_on(async {
        let outcome = live(env, grace, run).await;
        telemetry.shutdown().await;
        outcome
    });
    // Work that outlived its grace may sit on a thread that nothing can interrupt.
    runtime.shutdown_background();
    outcome
}

async fn live(
    env: Env,
    grace: Duration,
    run: impl AsyncFnOnce(Env, Life) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let grace = env.duration("DARKROOM_GRACE", grace).context(INVALID)?;
    let listen: SocketAddr = env
        .or("DARKROOM_OPS_LISTEN", ops::DEFAULT_LISTEN)
        .context(INVALID)?;
    let life = Life {
        shutdown: on_signal()?,
        health: Health::default(),
    };
    let _ops = ops::serve(listen, life.health.clone(), life.shutdown.clone()).await?;
    within(grace, &life.shutdown, run(env, life.clone())).await
}

/// The tokio runtime our programs use.
///
/// It has one worker thread unless `TOKIO_WORKER_THREADS` says otherwise: the pipeline waits far
/// more than it computes, pixels are worked on elsewhere ([`blocking`](crate::blocking)), and a
/// second thread was measured to cost a quarter more CPU for each job, in wake-ups.
///
/// # Errors
///
/// If the variable is not a positive number, or the system refuses the threads.
pub fn async_runtime(env: &Env) -> anyhow::Result<Runtime> {
    let workers = env
        .or("TOKIO_WORKER_THREADS", NonZeroUsize::MIN)
        .context(INVALID)?;
    Builder::new_multi_thread()
        .worker_threads(workers.get())
        .max_blocking_threads(BLOCKING)
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .context("cannot start threads")
}

/// Makes ring the TLS provider of this process. Call it before the first HTTP client is built;
/// further calls do nothing.
pub fn install_tls() {
    // An error means that a provider is installed already, which is all we want.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
}

/// `outermost: …: first cause`, on one line whatever the causes' messages look like.
fn one_line(err: &anyhow::Error) -> String {
    format!("{err:#}")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
