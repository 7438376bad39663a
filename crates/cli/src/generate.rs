//! Asking for pictures, and looking at what became of them.

mod view;

use std::time::Duration;

use anyhow::bail;
use runtime::Env;
use serde_json::Value;

use crate::args::{Generate, Get, List};
use crate::door::Door;
use crate::table::{Table, dollars, plain};

/// The longest that one request is held, in seconds.
const WAIT: &str = "wait=60";
const PAUSE: Duration = Duration::from_secs(2);
const FINAL: [&str; 3] = ["ready", "failed", "unknown"];
const PROMPT_CHARS: usize = 60;

/// `darkroom generate`
pub(crate) async fn run(env: &Env, args: &Generate) -> anyhow::Result<()> {
    let door = Door::gateway(env)?;
    let body = serde_json::to_value(&args.request)?;
    if args.plan {
        let plan = door.post("/v1/generations?plan=true", &body, None).await?;
        return print(&plan, args.json, view::plan);
    }
    let generation = door
        .post("/v1/generations", &body, prefer(args.no_wait))
        .await?;
    for warning in view::warnings(&generation) {
        eprintln!("{warning}");
    }
    follow(&door, generation, args.no_wait, args.json).await
}

/// `darkroom get`
pub(crate) async fn get(env: &Env, args: &Get) -> anyhow::Result<()> {
    let path = format!("/v1/generations/{}", args.id);
    let generation = Door::gateway(env)?.get(&path, &[]).await?;
    show(&generation, args.json)
}

/// `darkroom list`
pub(crate) async fn list(env: &Env, args: &List) -> anyhow::Result<()> {
    let mut query = vec![("limit", args.limit.to_string())];
    let optional = [
        ("q", &args.q),
        ("campaign", &args.campaign),
        ("status", &args.status),
    ];
    for (name, value) in optional {
        query.extend(value.clone().map(|value| (name, value)));
    }
    let page = Door::gateway(env)?.get("/v1/generations", &query).await?;
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&page)?),
        false => print!("{}", table(&page)),
    }
    Ok(())
}

/// How to ask that the answer be held back until there is something to see.
pub(crate) const fn prefer(no_wait: bool) -> Option<&'static str> {
    if no_wait { None } else { Some(WAIT) }
}

/// Waits for the end, unless that is not wanted, and shows it.
pub(crate) async fn follow(
    door: &Door,
    mut generation: Value,
    no_wait: bool,
    json: bool,
) -> anyhow::Result<()> {
    while !no_wait && !is_final(&generation) {
        let id = plain(&generation["id"]);
        eprintln!("{}", view::waiting(&generation));
        tokio::time::sleep(PAUSE).await;
        generation = door.get(&format!("/v1/generations/{id}"), &[]).await?;
    }
    show(&generation, json)?;
    if generation["status"] == "failed" {
        let why = generation["error"]["message"].as_str();
        bail!("{}", why.unwrap_or("it failed"));
    }
    Ok(())
}

fn is_final(generation: &Value) -> bool {
    FINAL.contains(&generation["status"].as_str().unwrap_or_default())
}

fn show(generation: &Value, whole: bool) -> anyhow::Result<()> {
    print(generation, whole, view::text)
}

/// Prints an answer, as it is or as `view` shows it.
fn print(answer: &Value, whole: bool, view: fn(&Value) -> String) -> anyhow::Result<()> {
    match whole {
        true => println!("{}", serde_json::to_string_pretty(answer)?),
        false => print!("{}", view(answer)),
    }
    Ok(())
}

fn table(page: &Value) -> String {
    let mut table = Table::new(&["ID", "STATUS", "CREATED", ">COST", "OPERATION", "PROMPT"]);
    for item in page["items"].as_array().into_iter().flatten() {
        let prompt = plain(&item["prompt"]);
        table.row(vec![
            plain(&item["id"]),
            plain(&item["status"]),
            plain(&item["createdAt"]),
            dollars(&item["cost"]["settledUsdMicros"]),
            plain(&item["operation"]),
            prompt.chars().take(PROMPT_CHARS).collect(),
        ]);
    }
    table.text()
}
