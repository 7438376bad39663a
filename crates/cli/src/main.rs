//! `darkroom`: what people type. `up` runs everything on this machine; the other verbs talk to a
//! system that runs.

mod account;
mod args;
mod dead;
mod decide;
mod door;
mod generate;
mod money;
mod provision;
mod recut;
mod sim;
mod subscriptions;
mod table;
mod up;
mod webhook_secret;

use std::process::ExitCode;

use clap::Parser;
use runtime::{Env, async_runtime, install_tls, patient_main};

use crate::args::{Args, Verb};

fn main() -> ExitCode {
    match Args::parse().verb {
        // Of all that run here the generator needs the longest to stop.
        Verb::Up => {
            up::with_a_small_heap().unwrap_or_else(|| patient_main("up", generator::GRACE, up::run))
        }
        Verb::Sim(args) if args.verb.is_none() => once("sim", async |env| sim::serve(&env).await),
        Verb::Sim(args) => once("sim", async |env| sim::control(&env, args).await),
        Verb::Provision(args) => once("provision", async |env| provision::run(&env, &args).await),
        Verb::Generate(args) => once("generate", async |env| generate::run(&env, &args).await),
        Verb::Get(args) => once("get", async |env| generate::get(&env, &args).await),
        Verb::List(args) => once("list", async |env| generate::list(&env, &args).await),
        Verb::Cancel(args) => once("cancel", async |env| decide::cancel(&env, &args).await),
        Verb::Retry(args) => once("retry", async |env| decide::retry(&env, &args).await),
        Verb::Discard(args) => once("discard", async |env| decide::discard(&env, &args).await),
        Verb::Recut(args) => once("recut", async |env| recut::run(&env, &args).await),
        Verb::Spend(args) => once("spend", async |env| money::spend(&env, &args).await),
        Verb::Budget(args) => once("budget", async |env| money::budget(&env, &args).await),
        Verb::Account(args) => once("account", async |env| account::status(&env, &args).await),
        Verb::Pause(args) => once("pause", async |env| account::pause(&env, &args).await),
        Verb::Resume(args) => once("resume", async |env| account::resume(&env, &args).await),
        Verb::Dead(args) => once("dead", async |env| dead::run(&env, &args).await),
        Verb::Subscriptions(args) => once("subscriptions", async |env| {
            subscriptions::run(&env, &args).await
        }),
        Verb::WebhookSecret(args) => once("webhook-secret", async |env| {
            webhook_secret::run(&env, &args).await
        }),
    }
}

/// Runs a verb that ends by itself.
fn once(verb: &str, run: impl AsyncFnOnce(Env) -> anyhow::Result<()>) -> ExitCode {
    let result = (|| {
        install_tls();
        let env = Env::of_process()?;
        async_runtime(&env)?.block_on(run(env))
    })();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("darkroom {verb}: {err:#}");
            ExitCode::FAILURE
        }
    }
}
