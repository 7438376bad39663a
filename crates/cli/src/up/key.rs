//! A bad key is told at once, not by the first request. Asking for a price costs nothing.

use anyhow::{Context, bail};
use domain::{Admission, Draft};
use ideogram::{Api, Client, Config, Error, RejectKind};
use runtime::Env;
use tracing::warn;

use super::plan::Plan;

/// Asks the provider whether it takes the key.
///
/// # Errors
///
/// It does not. A provider that cannot be reached is no reason not to start: work waits for it.
pub(crate) async fn check(env: &Env, plan: &Plan) -> anyhow::Result<()> {
    let Some(key) = env.secret("IDEOGRAM_API_KEY")?.filter(|_| !plan.simulated) else {
        return Ok(());
    };
    let base = env.or("IDEOGRAM_BASE_URL", "https://api.ideogram.ai".parse()?)?;
    let client = Client::new(Config::new(base, key.expose().to_owned()))
        .context("IDEOGRAM_API_KEY or IDEOGRAM_BASE_URL")?;
    let draft = Draft {
        prompt: Some("a key check".to_owned()),
        ..Draft::default()
    };
    let call = ideogram::plan(&draft.resolve(&Admission::of([]))?, Api::V2)?;
    match client.quote(&call, &[]).await {
        Err(Error::Rejected {
            kind: RejectKind::Unauthorized,
            message,
            ..
        }) => {
            bail!("the provider does not accept IDEOGRAM_API_KEY: {message}")
        }
        Err(err) => warn!(
            error = &err as &dyn std::error::Error,
            "cannot check the key; going on"
        ),
        Ok(_) => {}
    }
    Ok(())
}
