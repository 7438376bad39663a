use std::process::ExitCode;

use post_processor::Config;

fn main() -> ExitCode {
    runtime::service_main("post-processor", async |env, life| {
        post_processor::run(Config::from_env(&env)?, life).await
    })
}
