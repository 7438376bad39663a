//! What is decided about a generation: to stop it, to give it up, to try again.

use runtime::Env;
use serde_json::{Value, json};

use crate::args::{Decision, Retry};
use crate::door::Door;
use crate::generate;
use crate::table::{dollars, plain};

/// `darkroom cancel`
pub(crate) async fn cancel(env: &Env, args: &Decision) -> anyhow::Result<()> {
    decide(env, args, "cancel").await
}

/// `darkroom discard`
pub(crate) async fn discard(env: &Env, args: &Decision) -> anyhow::Result<()> {
    decide(env, args, "discard").await
}

/// `darkroom retry`
pub(crate) async fn retry(env: &Env, args: &Retry) -> anyhow::Result<()> {
    let door = Door::gateway(env)?;
    let path = format!("/v1/generations/{}/retry", args.id);
    let consent = json!({ "acceptDoubleBilling": args.accept_double_billing });
    let generation = door
        .post(&path, &consent, generate::prefer(args.no_wait))
        .await?;
    generate::follow(&door, generation, args.no_wait, args.json).await
}

async fn decide(env: &Env, args: &Decision, verb: &str) -> anyhow::Result<()> {
    let path = format!("/v1/generations/{}/{verb}", args.id);
    let receipt = Door::gateway(env)?.post(&path, &json!({}), None).await?;
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&receipt)?),
        false => print!("{}", text(&receipt)),
    }
    Ok(())
}

fn text(receipt: &Value) -> String {
    format!(
        "{}  {}\n{}\nbilled     {}\nreleased   {}\ncommitted  {}\n",
        plain(&receipt["id"]),
        plain(&receipt["status"]),
        plain(&receipt["message"]),
        plain(&receipt["billed"]),
        dollars(&receipt["releasedUsdMicros"]),
        dollars(&receipt["committedUsdMicros"])
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_about_money() {
        let receipt = json!({ "id": "gen_1", "status": "failed", "billed": "no",
            "releasedUsdMicros": 80_000, "committedUsdMicros": 0, "message": "not bought" });

        assert_eq!(
            text(&receipt),
            "gen_1  failed\nnot bought\nbilled     no\nreleased   $0.08\ncommitted  $0.00\n"
        );
    }
}
