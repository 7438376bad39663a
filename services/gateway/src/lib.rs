//! The HTTP side of Darkroom: requests come in, generations and their pictures go out.
//!
//! It checks a request and puts it on the bus; it draws, stores and remembers nothing. What it
//! shows it asks of the historian, and of the ledger where the historian does not know yet.

mod account;
mod api;
mod assets;
mod body;
mod budgets;
mod callback;
mod caller;
mod command;
mod config;
mod connections;
mod create;
mod derivations;
mod download;
mod errors;
mod find;
mod forecast;
mod guard;
mod keys;
mod listen;
mod metrics;
mod observe;
mod order;
mod page;
mod plan;
mod prefer;
mod problem;
mod query;
mod range;
mod read;
mod resource;
mod retry;
mod search;
mod signers;
mod spend;
mod waiting;
mod webhook;

use std::sync::Arc;

use anyhow::Context as _;
use bus::Bus;
use runtime::Life;
use tokio::net::TcpListener;
use tracing::info;

pub use config::Config;
pub use keys::{InvalidKey, Keys};

use api::App;
use waiting::Waiting;

/// Opens the address and serves until `life` ends.
pub async fn run(config: Config, life: Life) -> anyhow::Result<()> {
    let listener = listen::open(&config).await?;
    serve(listener, config, life).await
}

/// Serves on `listener` until `life` ends; then finishes what it holds and returns.
pub async fn serve(listener: TcpListener, config: Config, life: Life) -> anyhow::Result<()> {
    let address = listener
        .local_addr()
        .context("the listener has no address")?;
    listen::refuse_the_open(address, &config.keys)?;
    let bus = Bus::open(&config.bus, &life).await?;
    let waiting = Waiting::listen(&bus, life.shutdown.clone()).await?;

    let app = Arc::new(App::new(
        config,
        address,
        bus.clone(),
        waiting,
        life.shutdown.clone(),
    ));
    info!(%address, url = app.public_url, "the gateway answers");
    connections::serve(listener, api::router(app), life.shutdown).await;
    bus.close().await;
    Ok(())
}
