//! The generator as a process of its own.

use std::process::ExitCode;

use generator::Config;

fn main() -> ExitCode {
    runtime::service_main("generator", async |env, life| {
        generator::run(Config::from_env(&env)?, life).await
    })
}
