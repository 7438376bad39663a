//! How the provider account is doing, and the switch that stops it.

use runtime::Env;
use serde_json::{Value, json};

use crate::args::{Account, Pause};
use crate::door::Door;
use crate::table::{Table, dollars, plain};

/// `darkroom account`
pub(crate) async fn status(env: &Env, args: &Account) -> anyhow::Result<()> {
    let account = Door::gateway(env)?.get("/v1/account", &[]).await?;
    show(&account, args.json)
}

/// `darkroom pause`
pub(crate) async fn pause(env: &Env, args: &Pause) -> anyhow::Result<()> {
    let reason = json!({ "reason": args.reason });
    let account = Door::gateway(env)?
        .post("/v1/account/pause", &reason, None)
        .await?;
    show(&account, args.json)
}

/// `darkroom resume`
pub(crate) async fn resume(env: &Env, args: &Account) -> anyhow::Result<()> {
    let account = Door::gateway(env)?
        .post("/v1/account/resume", &json!({}), None)
        .await?;
    show(&account, args.json)
}

fn show(account: &Value, json: bool) -> anyhow::Result<()> {
    match json {
        true => println!("{}", serde_json::to_string_pretty(account)?),
        false => print!("{}", text(account)),
    }
    Ok(())
}

fn text(account: &Value) -> String {
    let simulated = match account["simulated"].as_bool() {
        Some(true) => "  (simulated)",
        _ => "",
    };
    let state = match account["hold"].as_str() {
        None => "open".to_owned(),
        Some(_) => format!(
            "held since {}: {}: {}",
            plain(&account["heldSince"]),
            plain(&account["hold"]),
            plain(&account["message"])
        ),
    };
    let mut table = Table::new(&["LANE", ">WAITING", ">RESERVED", ">IN PROGRESS"]);
    for lane in account["lanes"].as_array().into_iter().flatten() {
        table.row(vec![
            plain(&lane["lane"]),
            lane["waiting"].to_string(),
            dollars(&lane["reservedUsdMicros"]),
            lane["inProgress"].to_string(),
        ]);
    }
    format!(
        "account  {}{simulated}\nstate    {state}\nplaces   {} of {} taken\nunknown  {} calls, up to \
         {}\n\n{}",
        plain(&account["account"]),
        account["inProgress"],
        account["limit"],
        account["unknown"],
        dollars(&account["unknownUsdMicros"]),
        table.text()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_holds_the_account_and_who_waits() {
        let account = json!({ "account": "0011aabb", "simulated": true, "hold": "paused",
            "message": "new prices", "heldSince": "2026-12-24T18:00:00Z", "limit": 10,
            "inProgress": 4, "unknown": 1, "unknownUsdMicros": 80_000, "lanes": [
                { "lane": "interactive", "waiting": 0, "reservedUsdMicros": 0, "inProgress": 4 },
                { "lane": "standard", "waiting": 12, "reservedUsdMicros": 960_000,
                  "inProgress": 0 } ] });

        let expected = "\
account  0011aabb  (simulated)
state    held since 2026-12-24T18:00:00Z: paused: new prices
places   4 of 10 taken
unknown  1 calls, up to $0.08

LANE         WAITING  RESERVED  IN PROGRESS
interactive        0     $0.00            4
standard          12     $0.96            0
";
        assert_eq!(text(&account), expected);
    }
}
