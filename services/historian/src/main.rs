use std::process::ExitCode;

use historian::Config;

fn main() -> ExitCode {
    runtime::service_main("historian", async |env, life| {
        historian::run(Config::from_env(&env)?, life).await
    })
}
