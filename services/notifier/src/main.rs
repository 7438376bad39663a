use std::process::ExitCode;

use notifier::Config;

fn main() -> ExitCode {
    runtime::service_main("notifier", async |env, life| {
        notifier::run(Config::from_env(&env)?, life).await
    })
}
