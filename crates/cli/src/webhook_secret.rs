//! The secret that callbacks are signed with.

use anyhow::Context;
use bus::{Bus, Config};
use domain::Tenant;
use runtime::Env;

use crate::args::WebhookSecret;

pub(crate) async fn run(env: &Env, args: &WebhookSecret) -> anyhow::Result<()> {
    let tenant: Tenant = args.tenant.parse()?;
    let bus = Bus::connect(&Config::from_env(env, "webhook-secret")?).await?;
    let fresh = webhooks::Secret::generate()
        .context("no randomness")?
        .reveal();
    let secret = bus
        .setting_or("keys", &format!("webhook-secret.{tenant}"), &fresh)
        .await?;
    println!("{}", String::from_utf8_lossy(&secret));
    Ok(())
}
