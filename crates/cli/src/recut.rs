//! `darkroom recut`: new cuts of pictures that are stored, with the plan first.

use std::io::{IsTerminal, Write as _, stdin, stdout};

use anyhow::{Context, bail};
use runtime::Env;
use serde_json::{Value, json};

use crate::args::Recut;
use crate::door::Door;
use crate::table::{dollars, plain};

/// Shows what there is to do, asks whether to do it, and orders it.
pub(crate) async fn run(env: &Env, args: &Recut) -> anyhow::Result<()> {
    let door = Door::gateway(env)?;
    let mut order = wish(args)?;
    let plan = door.post("/v1/derivations?plan=true", &order, None).await?;
    if args.plan {
        return show(&plan, args.json, text);
    }
    if !args.json {
        print!("{}", text(&plan));
    }
    if plan["images"] == 0 {
        return show(&plan, args.json, |_| "Nothing is left to cut.\n".to_owned());
    }
    if !args.yes && !agreed()? {
        bail!("nothing was ordered");
    }
    order["plan"] = plan["planHash"].clone();
    let receipt = door.post("/v1/derivations", &order, None).await?;
    show(&receipt, args.json, ordered)
}

fn wish(args: &Recut) -> anyhow::Result<Value> {
    let presets = args.presets.iter().map(|preset| choice(preset));
    let mut order = json!({ "presets": presets.collect::<anyhow::Result<Vec<_>>>()? });
    let conditions = [
        ("q", &args.q),
        ("campaign", &args.campaign),
        ("model", &args.model),
        ("tag", &args.tag),
        ("from", &args.from),
        ("to", &args.to),
    ];
    for (name, value) in conditions {
        if let Some(value) = value {
            order[name] = json!(value);
        }
    }
    if !args.ids.is_empty() {
        order["ids"] = json!(args.ids);
    }
    Ok(order)
}

/// A preset's name, or one with changes as JSON.
fn choice(preset: &str) -> anyhow::Result<Value> {
    match preset.trim_start().starts_with('{') {
        true => serde_json::from_str(preset).with_context(|| format!("--preset '{preset}'")),
        false => Ok(json!(preset)),
    }
}

fn show(value: &Value, as_json: bool, text: impl Fn(&Value) -> String) -> anyhow::Result<()> {
    match as_json {
        true => println!("{}", serde_json::to_string_pretty(value)?),
        false => print!("{}", text(value)),
    }
    Ok(())
}

/// Asks whoever sits at the terminal.
fn agreed() -> anyhow::Result<bool> {
    if !stdin().is_terminal() {
        bail!("nothing was ordered: add --yes to order without being asked");
    }
    print!("Cut them? [y/N] ");
    stdout().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    let answer = answer.trim();
    Ok(answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes"))
}

fn text(plan: &Value) -> String {
    let count = |name: &str| plan[name].as_u64().unwrap_or(0);
    format!(
        "pictures       {}\ncuts           {}\nalready cut    {}\ncannot be cut  {}\n\
         to read        {}\nto write       about {}\n\
         time           about {} s at {} cuts a second (DARKROOM_CUTS_PER_SECOND)\n\
         provider bill  {}\n",
        count("images"),
        count("cuts"),
        count("alreadyCut"),
        count("unavailable"),
        size(count("bytes")),
        size(count("estimatedOutputBytes")),
        count("seconds"),
        plan["cutsPerSecond"],
        dollars(&plan["providerBillUsdMicros"]),
    )
}

fn ordered(receipt: &Value) -> String {
    format!(
        "{} is ordered: {} pictures. The same command with --plan shows how many are left; `nats sub \
         image.ready` hears of each.\n",
        plain(&receipt["id"]),
        receipt["images"]
    )
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Verb};

    fn parsed(line: &[&str]) -> anyhow::Result<Recut> {
        match Args::try_parse_from([&["darkroom", "recut"], line].concat())?.verb {
            Verb::Recut(args) => Ok(*args),
            other => bail!("not recut: {other:?}"),
        }
    }

    #[test]
    fn a_command_becomes_an_order() -> anyhow::Result<()> {
        let changed = r#"{"preset": "instagram", "format": "webp"}"#;
        let args = parsed(&[
            "--campaign",
            "summer",
            "--preset",
            "og-image",
            "--preset",
            changed,
        ])?;

        let expected = json!({ "campaign": "summer",
            "presets": ["og-image", { "preset": "instagram", "format": "webp" }] });
        assert_eq!(wish(&args)?, expected);
        Ok(())
    }

    #[test]
    fn what_is_meant_must_be_said() {
        assert!(parsed(&["--campaign", "summer"]).is_err(), "no preset");
        assert!(parsed(&["--preset", "og-image"]).is_err(), "no pictures");
        assert!(parsed(&["--preset", "og-image", "--all"]).is_ok());
        assert!(parsed(&["--preset", "og-image", "--id", "gen_1", "--tag", "a"]).is_err());
    }

    #[test]
    fn a_plan_says_how_many_how_large_how_long_and_for_how_much() {
        let plan = json!({ "images": 1200, "cuts": 2400, "alreadyCut": 3, "unavailable": 1,
            "bytes": 1_900_000_000_u64, "estimatedOutputBytes": 272_000_000, "seconds": 120,
            "cutsPerSecond": 20.0, "providerBillUsdMicros": 0 });
        let text = text(&plan);

        for line in [
            "pictures       1200",
            "cuts           2400",
            "to read        1.9 GB",
            "to write       about 272.0 MB",
            "time           about 120 s at 20.0 cuts a second (DARKROOM_CUTS_PER_SECOND)",
            "provider bill  $0.00",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
    }
}
