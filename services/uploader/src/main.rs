use std::process::ExitCode;

use uploader::Config;

fn main() -> ExitCode {
    runtime::service_main("uploader", async |env, life| {
        uploader::run(Config::from_env(&env)?, life).await
    })
}
