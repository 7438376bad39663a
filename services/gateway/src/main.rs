//! The gateway as a process of its own.

use std::process::ExitCode;

use anyhow::Context as _;

fn main() -> ExitCode {
    runtime::service_main("gateway", async |env, life| {
        let config = gateway::Config::from_env(&env).context("invalid configuration")?;
        gateway::run(config, life).await
    })
}
