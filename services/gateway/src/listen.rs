use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use tokio::net::TcpListener;

use crate::{Config, Keys};

/// Binds the configured address.
pub(crate) async fn open(config: &Config) -> anyhow::Result<TcpListener> {
    let address = config.listen;
    refuse_the_open(address, &config.keys)?;
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; choose another address with DARKROOM_LISTEN")
    })
}

/// Refuses an address that others can reach while nobody needs a key: each request costs money.
pub(crate) fn refuse_the_open(address: SocketAddr, keys: &Keys) -> anyhow::Result<()> {
    if keys.is_empty() && !address.ip().is_loopback() {
        bail!(
            "DARKROOM_LISTEN: {address} can be reached by others, and no keys are configured; \
             set DARKROOM_API_KEYS (such as dk_ and 32 random characters), or listen on 127.0.0.1"
        );
    }
    Ok(())
}
