//! The generator as a process of its own.

use std::process::ExitCode;

use generator::Config;

fn main() -> ExitCode {
    runtime::patient_main("generator", generator::GRACE, async |env, life| {
        generator::run(Config::from_env(&env)?, life).await
    })
}
